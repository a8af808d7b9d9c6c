"""`submit`: the same training as a job on Amazon SageMaker."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from training.commands.asking import above_nothing, anywhere, confirmed, pair, place, say
from training.config import TrainConfig, parse
from training.errors import TrainingFailed
from training.jobs import TRANSFORMERS, Job, submit, training_image
from training.places import Place, session
from training.prices import PRICES_OF, SOURCE, cost, dollars
from training.starting import KNOWN, HubModel

_HOUR: Final = 3600
_USUAL: Final = TrainConfig(data=Path("data"), out=Path("out"))
# Arguments of `train` that say where things are: a job is told by its channels, and by SageMaker itself.
_OF_PLACES: Final = ("data", "out", "start", "baseline_model", "cache", "model_dir", "output_dir", "failure_file")
# Those that `submit` has as well, which alone say what a job is called and what its channels are.
_OWN: Final = ("data", "start", "baseline_model", "name", "model_version")
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9]+")
_LONGEST_NAME: Final = 40


def main(arguments: Sequence[str]) -> int:
    own, training = _split(arguments)
    options = _parser().parse_args(own)
    config = parse(
        ["--data=data", "--out=out", f"--name={options.name}", f"--model-version={options.model_version}", *training],
        {},
        "python -m training submit … --",
    )
    _refuse_places(training)
    if not options.on_demand and options.wait_hours < options.hours:
        raise TrainingFailed("--wait-hours must not be less than --hours: it is the time with all waiting.")
    aws = session(options.region)
    image = options.image or training_image(aws.region_name, options.instance, options.transformers)
    job = _job(options, config, image)
    for line in _plan(job, options.price):
        say(line)
    if not confirmed("Start this job?", yes=options.yes):
        say("Nothing was started.")
        return 0
    name = submit(job, aws)
    say(f"Started {name}. `python -m training status {name} --watch` follows it.")
    return 0


def _split(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What is for `submit`, and after `--` what is for `train`."""
    if "--" not in arguments:
        return arguments, []
    at = list(arguments).index("--")
    return arguments[:at], arguments[at + 1 :]


def _refuse_places(training: Sequence[str]) -> None:
    """What `train` takes, and a job is told in another way or must not be told."""
    # `train` takes underscores for hyphens.
    given = {argument.partition("=")[0].replace("-", "_") for argument in training if argument.startswith("--")}
    for name in (*_OWN, *_OF_PLACES, "restart"):
        if f"__{name}" in given:
            raise TrainingFailed(f"--{name.replace('_', '-')} cannot be given to a job after the --.{_instead(name)}")


def _instead(name: str) -> str:
    if name == "restart":
        return " It would forget the checkpoints whenever a spot machine was taken back; a new job begins anew anyway."
    return " Give it before the --." if name in _OWN else " SageMaker says where that is."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training submit",
        description="Train on Amazon SageMaker. Everything after -- goes to `train`: its --help lists what there is.",
        epilog="example: python -m training submit --data dataset/ --to s3://bucket/models/shapes-2 "
        "--role arn:aws:iam::123456789012:role/training --name shapes --model-version 2 -- --steps 1200 --batch 16",
        allow_abbrev=False,
    )
    what = parser.add_argument_group("what")
    what.add_argument("--data", type=anywhere, required=True, help="the dataset: a folder here, or s3://…")
    what.add_argument("--start", default=_USUAL.start, help="what to start from (default: %(default)s)")
    what.add_argument("--baseline-model", type=anywhere, help="the model that runs now, to be compared with")
    what.add_argument("--name", default=_USUAL.name, help="the model's name (default: %(default)s)")
    what.add_argument("--model-version", type=int, default=1, help="the model's version (default: %(default)s)")
    where = parser.add_argument_group("where")
    where.add_argument("--to", type=place, required=True, help="s3://… for everything that the job reads and writes")
    where.add_argument("--role", required=True, help="ARN of the role that the job acts as")
    where.add_argument("--region", help="AWS region (default: botocore's)")
    where.add_argument("--instance", default="ml.g5.xlarge", help="instance type (default: %(default)s)")
    where.add_argument("--volume-gb", type=int, default=50, help="disk (default: %(default)s)")
    where.add_argument("--transformers", default=TRANSFORMERS, help="chooses the container (default: %(default)s)")
    where.add_argument("--image", help="another container than Hugging Face's, by its address")
    where.add_argument("--tag", type=pair, action="append", default=[], metavar="KEY=VALUE", help="may be given often")
    cost_ = parser.add_argument_group("time and money")
    cost_.add_argument("--hours", type=above_nothing, default=2.0, help="longest run (default: %(default)s)")
    cost_.add_argument("--on-demand", action="store_true", help="no spot machines: never interrupted, and dearer")
    cost_.add_argument(
        "--wait-hours", type=above_nothing, default=6.0, help="longest until the end on spot (default: %(default)s)"
    )
    cost_.add_argument("--price", type=above_nothing, help="US dollars an hour, where you know better")
    cost_.add_argument("--yes", action="store_true", help="do not ask before starting")
    return parser


def _job(options: argparse.Namespace, config: TrainConfig, image: str) -> Job:
    channels: dict[str, Place | Path] = {"data": options.data}
    hyperparameters = _hyperparameters(config)
    if isinstance(KNOWN.get(options.start), HubModel):
        hyperparameters["start"] = options.start
    else:
        channels["start"] = _start(options.start)
    if options.baseline_model:
        channels["baseline"] = options.baseline_model
    name = _NOT_IN_NAMES.sub("-", f"{options.name}-v{options.model_version}")[-_LONGEST_NAME:].strip("-")
    return Job(
        name=name,
        place=options.to / f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}",
        role=options.role,
        image=image,
        instance=options.instance,
        channels=channels,
        hyperparameters=hyperparameters,
        seconds=math.ceil(options.hours * _HOUR),
        wait_s=None if options.on_demand else math.ceil(options.wait_hours * _HOUR),
        volume_gb=options.volume_gb,
        tags={"project": "imagesift", **dict(options.tag)},
    )


def _start(start: str) -> Place | Path:
    known = KNOWN.get(start)
    if isinstance(known, Path):
        return known
    try:
        return anywhere(start)
    except argparse.ArgumentTypeError as error:
        raise TrainingFailed(f"There is nothing to start from: {error}. Known are {', '.join(KNOWN)}.") from error


def _hyperparameters(config: TrainConfig) -> dict[str, str]:
    """What differs from the defaults, and the model's name and version always."""
    given, usual = _flat(config), _flat(_USUAL)
    always = {key: str(given[key]) for key in ("name", "model_version")}
    return always | {key: _text(value) for key, value in given.items() if value != usual[key]}


def _flat(config: TrainConfig) -> Mapping[str, Any]:
    values = asdict(config)
    values |= values.pop("augment") | values.pop("gate")
    return {key: value for key, value in values.items() if key not in _OF_PLACES}


def _text(value: object) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _plan(job: Job, price: float | None) -> list[str]:
    kind = f"spot, {job.wait_s / _HOUR:g} h with all waiting at most" if job.wait_s else "on demand"
    settings = ", ".join(f"{key} {value}" for key, value in sorted(job.hyperparameters.items()))
    lines = [
        f"{job.name} on {job.instance} ({kind})",
        f"  container  {job.image}",
        *(f"  {name:9}  {source}" for name, source in job.channels.items()),
        f"  settings   {settings}",
        f"  all goes   to {job.place}",
    ]
    return [*lines, f"  cost       {_cost(job, price)}"]


def _cost(job: Job, price: float | None) -> str:
    hours = job.seconds / _HOUR
    found = cost(job.instance, hours, spot=job.spot, hourly=price)
    if found is None:
        return f"not known for {job.instance}: see {SOURCE}"
    words = f"at most {dollars(found.on_demand)} for {hours:g} h"
    if job.spot:
        words += f"; on spot between {dollars(found.least)} and that, as demand goes"
    return words + ("" if price else f" (list price, {PRICES_OF}: {SOURCE})")
