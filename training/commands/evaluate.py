"""`evaluate`: a model folder, measured on a dataset's test pictures as serving runs it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from training.baselines import Rival, run_again
from training.commands.asking import say
from training.commands.tables import table
from training.config import count
from training.data import Dataset, load, present
from training.errors import TrainingFailed
from training.evaluate import standing


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    dataset = test_pictures(options.data)
    if options.out:
        _write(options.out, "")
    numbers = standing(dataset, looked(dataset, options.model, options.threads))
    if options.out:
        _write(options.out, json.dumps(numbers, indent=1, ensure_ascii=False) + "\n")
    say(f"{options.model}: {numbers['version']}, {numbers['images']} test images of {dataset.description or 'no name'}")
    for line in table(numbers):
        say(line)
    return 0


def _write(path: Path, text: str) -> None:
    """First without a text: that a file cannot be written is better known before the pictures are looked at."""
    try:
        path.write_text(text)
    except OSError as error:
        raise TrainingFailed(f"{path} cannot be written: {error.strerror}.") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training evaluate",
        description="Measure a model on a dataset's test pictures, as serving runs it.",
        allow_abbrev=False,
    )
    parser.add_argument("--model", type=Path, required=True, help="model folder or model.tar.gz")
    parser.add_argument("--data", type=Path, required=True, help="folder with annotations/ and images/")
    parser.add_argument("--out", type=Path, help="JSON file for all numbers and curves")
    parser.add_argument("--threads", type=count, help="CPU threads (default: onnxruntime's choice)")
    return parser


def test_pictures(folder: Path) -> Dataset:
    """The dataset with those test pictures that are still there. Raises TrainingFailed."""
    dataset = load(folder)
    if not (test := tuple(present(dataset.test))):
        raise TrainingFailed(f"{folder} has no test pictures, so there is nothing to measure on.")
    return replace(dataset, test=test)


def looked(dataset: Dataset, model: Path, threads: int | None) -> Rival:
    """What the model says of the test pictures, with a bar on a terminal. Raises DataError."""
    bar: tqdm[Any] = tqdm(total=len(dataset.test), unit="image", desc=model.name, disable=not sys.stderr.isatty())
    with bar:
        return run_again(dataset, model, threads=threads, report=bar.update)
