"""`compare`: two models side by side, with the gate's verdict where both can be run on the same pictures."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from training.baselines import Rivals
from training.commands.asking import say
from training.commands.evaluate import looked, test_pictures
from training.commands.tables import interval
from training.config import GateConfig, count, share, whole
from training.errors import TrainingFailed
from training.evaluate import BELIEVED_FROM, Evaluation, standing
from training.gate import judge

_REFUSED: Final = 1


def main(arguments: Sequence[str]) -> int:
    """0 unless the gate refuses the new model."""
    options = _parser().parse_args(arguments)
    if options.data is None:
        reports = [_report(path) for path in (options.running, options.candidate)]
        _side_by_side(*(each["candidate"] for each in reports))
        if reports[0]["dataset"] != reports[1]["dataset"]:
            say("They were measured on different datasets: the numbers say little about each other.")
        say("Without --data there is no verdict: it takes both models' answers on the same pictures.")
        return 0
    gate = GateConfig(**{each.name: getattr(options, each.name) for each in fields(GateConfig)})
    verdict = _judged(options, gate)
    say(f"{verdict['verdict']}: {interval(verdict['margin'])} mAP50 more, on {verdict['images']} test images")
    for reason in verdict["reasons"]:
        say(f"  {reason}")
    return _REFUSED if verdict["verdict"] == "refused" else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training compare",
        description="Two models on the same test pictures, with the gate's verdict; or two report.json files.",
        epilog="exit status: 0 if the new one passes the gate, 1 if it is refused",
        allow_abbrev=False,
    )
    parser.add_argument("running", type=Path, help="the model that runs now: folder, model.tar.gz, or its report.json")
    parser.add_argument("candidate", type=Path, help="the new one, in the same form")
    parser.add_argument("--data", type=Path, help="folder with annotations/ and images/; needed for model folders")
    parser.add_argument("--threads", type=count, help="CPU threads (default: onnxruntime's choice)")
    for each in fields(GateConfig):
        name, kind = f"--{each.name.replace('_', '-')}", whole if isinstance(each.default, int) else share
        parser.add_argument(name, type=kind, default=each.default, help="of the gate (default: %(default)s)")
    return parser


def _judged(options: argparse.Namespace, gate: GateConfig) -> Mapping[str, Any]:
    dataset = test_pictures(options.data)
    running, candidate = (looked(dataset, path, options.threads) for path in (options.running, options.candidate))
    numbers = [standing(dataset, each) for each in (running, candidate)]
    _side_by_side(*numbers)
    return judge(
        Evaluation(
            dataset,
            candidate.detections,
            # Models that serve have 50 % where they are best cut.
            thresholds=dict.fromkeys(dataset.classes, BELIEVED_FROM),
            rivals=Rivals(running),
            candidate=numbers[1],
            running=numbers[0],
            others=(),
        ),
        gate,
    )


def _report(path: Path) -> Mapping[str, Any]:
    """Raises TrainingFailed for what is no report."""
    path = path / "report.json" if path.is_dir() else path
    try:
        report: dict[str, Any] = json.loads(path.read_bytes())
        if report["schema"] == "imagesift.report/1":
            return report
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise TrainingFailed(f"{path} is no report. Two model folders are compared on a dataset: give --data.")


def _side_by_side(running: Mapping[str, Any], candidate: Mapping[str, Any]) -> None:
    names = list(dict.fromkeys([*running["classes"], *candidate["classes"]]))
    width = max(map(len, ["AP50 of", *names]))
    titles = [f"{each['name']} {each['version']}" for each in (running, candidate)]
    say(f"{'AP50 of':{width}}  {titles[0]:>32}  {titles[1]:>32}")
    for name in names:
        cells = [interval(each["classes"].get(name, {}).get("ap50")) for each in (running, candidate)]
        say(f"{name:{width}}  {cells[0]:>32}  {cells[1]:>32}")
    say(f"{'mAP50':{width}}  {interval(running['map50']):>32}  {interval(candidate['map50']):>32}")
