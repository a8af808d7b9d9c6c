"""`register`: a training's result as a package in SageMaker's model registry, to be approved there."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from training.commands.asking import anywhere, confirmed, pair, place, say
from training.errors import TrainingFailed
from training.places import Place, said_plainly, session, upload
from training.registry import Package, register, serving_image

_FILES = ("model.tar.gz", "report.json", "verdict.json")


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    aws = session(options.region)
    with TemporaryDirectory() as folder:
        result = _result(options.result, aws, Path(folder))
        report, verdict = (json.loads((result / name).read_bytes()) for name in _FILES[1:])
        model = report["model"]
        question = (
            f"Register {model['name']} v{model['version']}, which the gate {verdict['verdict']}, in {options.group}?"
        )
        if not confirmed(question, yes=options.yes):
            say("Nothing was registered.")
            return 0
        kept = _kept(options, aws, result)
    package = Package(
        group=options.group,
        archive=kept / _FILES[0],
        report_at=kept / _FILES[1],
        report=report,
        verdict=verdict,
        image=options.image or serving_image(aws.region_name),
        tags={"project": "imagesift", **dict(options.tag)},
    )
    arn = register(package, aws.client("sagemaker"))
    say(f"{arn} waits for approval.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training register",
        description="Register a training's result in SageMaker's model registry, as a package that waits for approval.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "result", type=anywhere, help="RUN/result: a folder here, or s3://… (`status` prints the run folder)"
    )
    parser.add_argument("--group", required=True, help="model package group; made if it is not there")
    parser.add_argument("--to", type=place, help="s3://… for a result that lies here")
    parser.add_argument("--image", help="serving container (default: Hugging Face's for inference on CPUs)")
    parser.add_argument("--region", help="AWS region (default: botocore's)")
    parser.add_argument("--tag", type=pair, action="append", default=[], metavar="KEY=VALUE", help="may be given often")
    parser.add_argument("--yes", action="store_true", help="do not ask before registering")
    return parser


def _result(source: Place | Path, aws: Any, folder: Path) -> Path:
    """The result here; of one in S3 the documents alone, once its model is found. Raises TrainingFailed."""
    if isinstance(source, Path):
        missing = [name for name in _FILES if not (source / name).is_file()]
        if missing:
            raise TrainingFailed(f"{source} is no training's result: {', '.join(missing)} is not there.")
        return source
    s3 = aws.client("s3")
    with said_plainly(f"Reading {source}"):
        s3.head_object(Bucket=source.bucket, Key=(source / _FILES[0]).key)
        for name in _FILES[1:]:
            s3.download_file(source.bucket, (source / name).key, str(folder / name))
    return folder


def _kept(options: argparse.Namespace, aws: Any, result: Path) -> Place:
    """Where the model and its report lie in S3."""
    if isinstance(options.result, Place):
        return options.result
    if not options.to:
        raise TrainingFailed("The result lies on this machine: --to says where in S3 it is to be kept.")
    with TemporaryDirectory() as folder:
        for name in _FILES:
            shutil.copyfile(result / name, Path(folder) / name)
        return upload(aws.client("s3"), Path(folder), options.to)
