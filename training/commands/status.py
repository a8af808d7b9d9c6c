"""`status`: how far a training job is, and what it has cost."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from training.commands.asking import above_nothing, say
from training.following import Standing, look
from training.places import session
from training.prices import PRICES_OF, dollars

_LAST: Final = 5


def main(arguments: Sequence[str]) -> int:
    """0 unless the job failed or was stopped."""
    options = _parser().parse_args(arguments)
    aws = session(options.region)
    shown: list[str] = []
    while True:
        standing = look(options.job, aws)
        lines = list(_lines(standing))
        if lines != shown:
            say("\n".join(lines) + ("\n" if options.watch else ""))
        shown = lines
        if standing.has_ended or not options.watch:
            return 1 if standing.state in ("Failed", "Stopped") else 0
        sys.stdout.flush()
        time.sleep(options.every)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training status",
        description="How far a training job is: SageMaker's state, the run's last lines, metrics, and the cost.",
        allow_abbrev=False,
    )
    parser.add_argument("job", help="the job's name, as `submit` printed it")
    parser.add_argument("--watch", action="store_true", help="go on until it has ended")
    parser.add_argument(
        "--every", type=above_nothing, default=15.0, metavar="SECONDS", help="with --watch (default: %(default)s)"
    )
    parser.add_argument("--region", help="AWS region (default: botocore's)")
    return parser


def _lines(standing: Standing) -> Iterator[str]:
    stage = f" ({standing.stage})" if standing.stage and standing.stage != standing.state else ""
    yield f"{standing.name}: {standing.state}{stage}"
    if standing.why:
        yield f"  {standing.why}"
    for record in standing.records[-_LAST:]:
        yield f"  {_words(record)}"
    for name, value in standing.metrics.items():
        yield f"  {name} {value:.4f}"
    if standing.dollars is not None:
        saved = f", {standing.saved:.0%} saved by spot" if standing.saved else ""
        yield f"  cost so far {dollars(standing.dollars)} (list price, {PRICES_OF}{saved})"
    if standing.run:
        yield f"  run folder {standing.run}"
    if standing.result:
        yield f"  result {standing.result}, for `register`"


def _words(record: Mapping[str, Any]) -> str:
    kind = record.get("kind")
    if kind == "step":
        left = f", about {record['seconds_left'] / 60:.0f} min left" if record.get("seconds_left") else ""
        return f"step {record['step']} of {record['of']}: loss {record['loss']:.3f}{left}"
    if kind == "validation":
        best = ", the best so far" if record.get("best") else ""
        return f"step {record['step']}: validation mAP50 {record['map50']:.3f}{best}"
    if kind == "done":
        return f"done: the gate {record['verdict']} it, mAP50 {record['map50']:.3f}"
    if kind == "failed":
        return str(record["message"])
    return str(record.get("phase", kind))
