"""What a training is asked to do: from the command line, with SageMaker's variables only as defaults.

The same arguments work on a laptop and in a training job: SageMaker hands hyperparameters over as `--name value`, and
describes the rest in `SM_*` variables (https://github.com/aws/sagemaker-training-toolkit, ENVIRONMENT_VARIABLES.md).
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal

Precision = Literal["auto", "fp32", "mixed"]
PRECISIONS: Final[tuple[Precision, ...]] = ("auto", "fp32", "mixed")

METRIC_DEFINITIONS: Final[tuple[Mapping[str, str], ...]] = (
    {"Name": "train:loss", "Regex": r"step=\d+ loss=([0-9.]+)"},
    {"Name": "validation:map", "Regex": r"step=\d+ validation_map=([0-9.]+)"},
    {"Name": "validation:map50", "Regex": r"step=\d+ validation_map=[0-9.]+ validation_map50=([0-9.]+)"},
)
"""What SageMaker reads out of a job's output; training/progress.py writes the lines."""

_SAGEMAKER_RUN: Final = Path("/opt/ml/checkpoints")
"""Copied to S3 as it goes, and back before a job that was interrupted goes on."""
# Strides of the networks' coarsest level.
_SIDE_STEP: Final = 32
_LARGEST_BATCH: Final = 1024


@dataclass(frozen=True, slots=True)
class GateConfig:
    """When a new model may take the place of the running one; mAP50 and its changes from 0 to 1."""

    least_margin: float = 0.0
    largest_loss: float = 0.05
    least_images: int = 10
    least_boxes: int = 5


@dataclass(frozen=True, slots=True)
class Augment:
    """Which changes the training pictures go through. `transpose` turns them all eight ways: not for a world with an
    up and a down."""

    flip: bool = True
    crop: bool = True
    scale: bool = True
    colour: bool = True
    transpose: bool = False


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training. None stands for a default that depends on the start, the data or the machine."""

    data: Path
    out: Path
    start: str = "rtdetr-v2-r18"
    scratch: bool = False
    name: str = "detector"
    model_version: int = 1
    steps: int = 600
    batch: int | None = None
    side: int | None = None
    learning_rate: float | None = None
    backbone_rate_share: float = 0.1
    weight_decay: float = 1e-4
    warmup: int | None = None
    clip: float = 1.0
    ema: float = 0.999
    validate_every: int | None = None
    patience: int = 10
    checkpoint_every: int = 50
    seed: int = 0
    precision: Precision = "auto"
    threads: int | None = None
    augment: Augment = field(default_factory=Augment)
    int8: bool = False
    baseline_model: Path | None = None
    gate: GateConfig = field(default_factory=GateConfig)
    restart: bool = False
    cache: Path = Path("~/.cache/imagesift/models")
    gpus: int = 0
    model_dir: Path | None = None
    output_dir: Path | None = None
    failure_file: Path | None = None


def parse(arguments: Sequence[str], environ: Mapping[str, str], prog: str = "python -m training train") -> TrainConfig:
    """Exits with status 2 and a sentence on stderr for arguments that are unknown, missing or out of range."""
    given = [_hyphened(argument) for argument in (*_hyperparameters(environ), *arguments)]
    options = vars(_parser(environ, prog).parse_args(given))
    augment = Augment(**{each.name: options.pop(each.name) for each in fields(Augment)})
    gate = GateConfig(**{each.name: options.pop(each.name) for each in fields(GateConfig)})
    options["cache"] = options["cache"].expanduser()
    return TrainConfig(**options, augment=augment, gate=gate)


def _hyphened(argument: str) -> str:
    """SageMaker's users write hyperparameters with underscores as often as with hyphens."""
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value if name.startswith("--") else argument


def _hyperparameters(environ: Mapping[str, str]) -> list[str]:
    """SM_HPS as arguments, to be overridden by those that follow; SageMaker's own hyperparameters are not for us."""
    try:
        given = json.loads(environ.get("SM_HPS") or "{}")
    except ValueError:
        given = {}
    return [f"--{name}={value}" for name, value in given.items() if not name.startswith("sagemaker_")]


def _parser(environ: Mapping[str, str], prog: str) -> argparse.ArgumentParser:
    description = "Fine-tune a detector, measure and judge it, export it and pack it."
    parser = argparse.ArgumentParser(prog=prog, description=description, allow_abbrev=False)
    _say_what(parser, environ)
    _say_how_to_learn(parser)
    _say_how_to_check(parser)
    _say_how_to_run(parser, environ)
    return parser


class _Options:
    """Adds arguments that default to a dataclass's own values, and says so in their help."""

    def __init__(self, parser: argparse.ArgumentParser, title: str, about: type) -> None:
        self._group = parser.add_argument_group(title)
        self._defaults = {each.name: each.default for each in fields(about) if each.default is not MISSING}

    def add(self, name: str, kind: Any, words: str, **more: Any) -> None:
        default = more.pop("default", None)
        default = self._defaults.get(name) if default is None else default
        known = default is not None and not more.get("required")
        suffix = f" (default: {_shown(default)})" if known else ""
        self._group.add_argument(
            f"--{name.replace('_', '-')}", type=kind, default=default, help=(words + suffix).replace("%", "%%"), **more
        )

    def switch(self, name: str, words: str) -> None:
        self.add(name, _switch, words, nargs="?", const=True, metavar="on|off")


def _say_what(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    options = _Options(parser, "what", TrainConfig)
    data = _path(environ.get("SM_CHANNEL_DATA"))
    out = _SAGEMAKER_RUN if "SM_MODEL_DIR" in environ else None
    baseline = _path(environ.get("SM_CHANNEL_BASELINE"))
    start = environ.get("SM_CHANNEL_START") or None
    options.add("data", Path, "folder with annotations/ and images/", default=data, required=data is None)
    options.add("out", Path, "folder for all that comes of it; goes on there", default=out, required=out is None)
    options.add("start", str, "what to start from: a known name, a folder, a model.tar.gz or s3://…", default=start)
    options.switch("scratch", "random weights in the start's shape, to compare with")
    options.add("name", _name, "the model's name")
    options.add("model_version", count, "the model's version")
    options.add("baseline_model", Path, "folder or model.tar.gz of the model that runs now", default=baseline)
    options.switch("int8", "export in 8-bit numbers as well, and measure what that costs")


def _say_how_to_learn(parser: argparse.ArgumentParser) -> None:
    options = _Options(parser, "learning", TrainConfig)
    options.add("steps", count, "batches to learn from")
    options.add(
        "batch", _batch, "pictures of a step, on all GPUs together (default: 8; 4 for large ones without a GPU)"
    )
    options.add("side", _side, "pixels of the network's square input (default: the start's own)")
    options.add("learning_rate", _positive, "highest learning rate (default: 1e-4; 1e-3 for tiny networks)")
    options.add("backbone_rate_share", share, "share of the learning rate that the backbone gets")
    options.add("weight_decay", _not_negative, "of all weights but biases and norms")
    options.add("warmup", whole, "steps until the highest rate (default: a twentieth of all, at most 200)")
    options.add("clip", _positive, "largest norm of the gradient")
    options.add("ema", share, "decay of the weights' moving average, reached gradually; 0: no average")
    options.add("seed", whole, "of order, augmentation and new weights")
    augment = _Options(parser, "changing the training pictures", Augment)
    augment.switch("flip", "left to right")
    augment.switch("crop", "cut out parts")
    augment.switch("scale", "shrink onto a plain ground")
    augment.switch("colour", "brightness, contrast, saturation, tint")
    augment.switch("transpose", "turn all eight ways, where there is no up and down")


def _say_how_to_check(parser: argparse.ArgumentParser) -> None:
    options = _Options(parser, "checking", TrainConfig)
    options.add("validate_every", count, "steps between validations (default: a twentieth of all, at least 10)")
    options.add("patience", whole, "validations without improvement before it stops early; 0: never")
    gate = _Options(parser, "the gate", GateConfig)
    gate.add("least_margin", share, "mAP50 that it must be better by than the running model")
    gate.add("largest_loss", share, "AP50 that a class may fall by")
    gate.add("least_images", whole, "test images that a verdict needs")
    gate.add("least_boxes", whole, "test boxes that a verdict on a class needs")


def _say_how_to_run(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    options = _Options(parser, "running", TrainConfig)
    cache = _path(environ.get("IMAGESIFT_MODELS"))
    options.add("checkpoint_every", count, "steps between checkpoints")
    options.switch("restart", "forget the checkpoints in --out and begin again")
    options.add("precision", str, "of numbers on a GPU: mixed where there is one", choices=PRECISIONS)
    options.add("threads", count, "CPU threads of the network (default: PyTorch's choice)")
    options.add("gpus", whole, "GPUs to train on; 0: what there is", default=whole(environ.get("SM_NUM_GPUS") or "0"))
    options.add("cache", Path, "folder for starts that are fetched", default=cache)
    options.add(
        "model_dir", Path, "folder for the packed model's content, too", default=_path(environ.get("SM_MODEL_DIR"))
    )
    output = _path(environ.get("SM_OUTPUT_DATA_DIR"))
    options.add("output_dir", Path, "folder for the report, too", default=output)
    failure = Path(environ["SM_OUTPUT_DIR"]) / "failure" if environ.get("SM_OUTPUT_DIR") else None
    options.add("failure_file", Path, "file for the one line that says why it failed, too", default=failure)


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _shown(default: object) -> object:
    return {True: "on", False: "off"}[default] if isinstance(default, bool) else default


# Types of arguments: argparse puts the argument's name before their sentences. -------------------------------------


def _switch(text: str) -> bool:
    switches = {"on": True, "true": True, "yes": True, "1": True, "off": False, "false": False, "no": False, "0": False}
    if text.lower() not in switches:
        raise argparse.ArgumentTypeError(f"“{text}” is neither on nor off")
    return switches[text.lower()]


def whole(text: str) -> int:
    """An argparse type: 0 or more."""
    if not re.fullmatch(r"\d{1,12}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"“{text}” is not a whole number")
    return int(text)


def _batch(text: str) -> int:
    if (number := count(text)) > _LARGEST_BATCH:
        raise argparse.ArgumentTypeError(f"must be at most {_LARGEST_BATCH}")
    return number


def count(text: str) -> int:
    """An argparse type: 1 or more."""
    if (number := whole(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _side(text: str) -> int:
    number = count(text)
    if number % _SIDE_STEP:
        raise argparse.ArgumentTypeError(f"must be a multiple of {_SIDE_STEP}")
    return number


def _not_negative(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"“{text}” is not a number from 0 on")
    return number


def _positive(text: str) -> float:
    if not (number := _not_negative(text)):
        raise argparse.ArgumentTypeError("must be above 0")
    return number


def share(text: str) -> float:
    """An argparse type: from 0 to 1."""
    if (number := _not_negative(text)) > 1:
        raise argparse.ArgumentTypeError("must be from 0 to 1")
    return number


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return text.strip()
