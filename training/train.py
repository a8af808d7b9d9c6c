"""Fine-tunes a detector: a plain PyTorch loop that can be ended at any moment and gone on with."""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from recognition.detectors.onnx import Preprocessing
from training import networks, starting
from training.batches import Batches
from training.checkpoints import Checkpoints
from training.config import TrainConfig
from training.data import Dataset
from training.distributed import World, joined, told, world
from training.learning import Learner
from training.loop import Loop
from training.progress import Progress
from training.settling import Settled, cores, identity, settle
from training.stopping import deferring


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """The averaged weights of the best step, in evaluation mode, and how they came about."""

    model: PreTrainedModel
    preprocessing: Preprocessing
    preprocessor_config: Mapping[str, Any]
    classes: tuple[str, ...]
    about: Mapping[str, Any]
    """What the report says of the training: start, steps, of, best_step, seed, seconds, seconds_per_step, device,
    parameters, stopped_early, picture_size, library_versions."""


def train(config: TrainConfig, dataset: Dataset, progress: Progress) -> Trained:
    """Goes on from the newest checkpoint in config.out, exactly as if it had never ended.

    Raises Stopped after SIGTERM or Ctrl-C, once a checkpoint is written, and TrainingFailed with a sentence.
    """
    here = world()
    with joined(here):
        _prepare_machine(config, here)
        start = _start(config, here)
        torch.manual_seed(config.seed)
        model = networks.build(start, dataset.classes, scratch=config.scratch)
        preprocessing, preprocessor_config = networks.preprocessing(start, config.side)
        parameters = sum(weight.numel() for weight in model.parameters())
        settled = settle(config, preprocessing.target(1, 1), parameters, here)
        loop = Loop(
            learner=Learner(model, preprocessing, config, settled, here),
            batches=Batches(dataset.train, settled.size, settled.batch, config.augment, config.seed, here),
            checkpoints=Checkpoints(config.out / "checkpoints", identity(config, settled, dataset, start)),
            preprocessing=preprocessing,
            dataset=dataset,
            config=config,
            settled=settled,
            world=here,
            progress=progress,
        )
        with deferring() as wish:
            loop.run(wish)
            # It may have been asked while the last checkpoint was written: what comes next takes a while.
            wish.heed()
        about = _about(config, settled, loop) | {"parameters": parameters}
        return Trained(loop.best_model(), preprocessing, preprocessor_config, dataset.classes, about)


def _start(config: TrainConfig, here: World) -> Path:
    """The first process fetches it, the others find it there."""
    if here.is_first:
        return Path(told(str(starting.resolve(config.start, config.cache)), here))
    return Path(told(None, here))


def _prepare_machine(config: TrainConfig, here: World) -> None:
    if here.device.type == "cpu":
        # Threads that wait for each other on busy cores take many times as long as fewer: some are left to others.
        torch.set_num_threads(config.threads or max(1, cores() // 2))
        return
    torch.cuda.set_device(here.device)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    # The one operation of deformable attention that has no deterministic form on a GPU is warned of at each step.
    warnings.filterwarnings("ignore", ".*does not have a deterministic implementation.*", UserWarning)


def _about(config: TrainConfig, settled: Settled, loop: Loop) -> dict[str, Any]:
    state = loop.state
    return {
        "start": "random weights" if config.scratch else Path(config.start).name,
        "steps": state.step,
        "of": config.steps,
        "best_step": state.best.step if state.best else state.step,
        "seed": config.seed,
        "seconds": round(state.learning_s + state.validating_s, 1),
        "seconds_per_step": round(state.learning_s / max(1, state.step), 4),
        "device": _device_name(settled),
        "precision": "fp32" if settled.precision is None else f"mixed ({settled.precision})".replace("torch.", ""),
        "batch": settled.batch,
        "learning_rate": settled.learning_rate,
        "stopped_early": state.step < config.steps,
        "picture_size": max(settled.size),
        "library_versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("torch", "transformers")},
    }


def _device_name(settled: Settled) -> str:
    if settled.device.type == "cuda":
        return torch.cuda.get_device_name(settled.device)
    return f"CPU, {torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}"
