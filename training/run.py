"""A whole training in one folder: prepare, train, evaluate, judge, export, pack; ended at any time and gone on with."""

from __future__ import annotations

import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch
from tqdm import tqdm

from training import launching
from training.baselines import Rivals, require_model, rivals
from training.config import TrainConfig
from training.data import Dataset, load, present, require_pictures
from training.distributed import world
from training.errors import TrainingFailed
from training.evaluate import Evaluation, evaluate
from training.export import export
from training.gate import judge
from training.holding import PROGRESS, RESULT, Status
from training.mistakes import FOLDER
from training.packing import pack, unpacked
from training.progress import Progress
from training.report import REPORT, VERDICT, document, write
from training.stopping import Stopped
from training.train import Trained, train

_TOO_MUCH: Final = (
    "There is not enough memory. A smaller picture size (--side) needs less, as do smaller batches (--batch)."
)


def run(config: TrainConfig) -> Status:
    """Everything that `python -m training train` promises, in a folder that nobody else is at; see `held`.

    Says on stderr why there is no result. A signal to end has to raise Stopped.
    """
    gpus = config.gpus or torch.cuda.device_count()
    if gpus > 1 and world().size == 1:
        return Status(launching.with_torchrun(gpus))
    return _watched(config)


def _watched(config: TrainConfig) -> Status:
    """The pipeline, and in progress.jsonl how it ended, whichever way."""
    progress = Progress(config.out / PROGRESS if world().is_first else None)
    try:
        _make(config, progress)
        return Status.DONE
    except (Stopped, KeyboardInterrupt):
        progress.stopped()
        _complain("Stopped. The same command goes on from the last checkpoint.")
        return Status.STOPPED
    except TrainingFailed as error:
        return _failed(config, progress, str(error))
    except (MemoryError, torch.OutOfMemoryError):
        return _failed(config, progress, _TOO_MUCH)
    except OSError as error:
        return _failed(config, progress, f"A file cannot be read or written: {error}.")
    except Exception as error:  # noqa: BLE001 (whoever waits for this training is to hear of its end)
        # PyTorch has no class of its own for this on a processor.
        if "can't allocate memory" in str(error):
            return _failed(config, progress, _TOO_MUCH)
        traceback.print_exc()
        return _failed(config, progress, f"The training ended with an error of its own: {_one_line(error)}.")


def _failed(config: TrainConfig, progress: Progress, sentence: str) -> Status:
    progress.failed(sentence)
    _complain(sentence)
    if config.failure_file:
        config.failure_file.parent.mkdir(parents=True, exist_ok=True)
        config.failure_file.write_text(sentence + "\n")
    return Status.FAILED


def _make(config: TrainConfig, progress: Progress) -> None:
    progress.phase("preparing")
    dataset = load(config.data)
    if world().is_first:
        require_pictures((*dataset.validation, *dataset.test))
        if config.baseline_model:
            require_model(config.baseline_model)
    trained = train(config, dataset, progress)
    if not world().is_first:
        return
    # Owners delete pictures at any time; what was learned from them stays learned, as they were told.
    validation, test = tuple(present(dataset.validation)), tuple(present(dataset.test))
    dataset = replace(dataset, validation=validation, test=test)
    out = config.out / RESULT
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    progress.phase("evaluating")
    evaluation = _measured(config, dataset, trained, out)
    verdict = judge(evaluation, config.gate)
    progress.phase("exporting")
    write(_exported(config, evaluation, trained, out), verdict, out)
    progress.phase("packing")
    pack(out)
    _hand_over(config, out)
    progress.done(verdict["verdict"], (evaluation.candidate["map50"] or (0.0,))[0])


def _exported(config: TrainConfig, evaluation: Evaluation, trained: Trained, out: Path) -> dict[str, Any]:
    """Write the model folders and return the report."""
    dataset, name, version = evaluation.dataset, config.name, config.model_version
    found = export(trained, dataset, evaluation, out, name=name, version=version, int8=config.int8)
    return document(evaluation, dataset, name=name, version=version, export=found, training=trained.about)


def _measured(config: TrainConfig, dataset: Dataset, trained: Trained, out: Path) -> Evaluation:
    """Against everything that answers today."""
    runs_again = len(dataset.test) if config.baseline_model else 0
    with _bar(runs_again + len(dataset.validation) + len(dataset.test)) as report:
        others: Rivals = rivals(dataset, config.data, config.baseline_model, threads=config.threads, report=report)
        return evaluate(dataset, trained, others, out, at_once=trained.about["batch"], report=report)


@contextmanager
def _bar(pictures: int) -> Iterator[Callable[[int], Any]]:
    """A bar with the time left, on a terminal."""
    with tqdm(total=pictures, unit="image", dynamic_ncols=True, disable=not sys.stderr.isatty()) as bar:
        yield bar.update


def _hand_over(config: TrainConfig, out: Path) -> None:
    """What SageMaker packs by itself at the end: the model, and beside it the report."""
    if config.model_dir:
        unpacked(out, config.model_dir)
    if config.output_dir:
        shutil.copytree(out / FOLDER, config.output_dir / FOLDER, dirs_exist_ok=True)
        for name in (REPORT, VERDICT):
            shutil.copyfile(out / name, config.output_dir / name)


def _complain(sentence: str) -> None:
    if world().is_first:
        sys.stderr.write(sentence + "\n")


def _one_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
