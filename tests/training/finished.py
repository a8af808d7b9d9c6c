"""The result folder of a finished training, made of the pretrained tiny network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.training.taught import taught
from training import report
from training.baselines import Rivals
from training.config import GateConfig
from training.data import Dataset
from training.evaluate import evaluate
from training.export import export
from training.gate import judge
from training.packing import pack


def finish(data: Dataset, out: Path, *, name: str = "shapes", int8: bool = False) -> dict[str, Any]:
    """Everything that comes after the training, in its order. Returns the report."""
    evaluation = evaluate(data, taught(), Rivals(), out)
    verdict = judge(evaluation, GateConfig())
    exported = export(taught(), data, evaluation, out, name=name, version=2, int8=int8)
    document = report.document(evaluation, data, name=name, version=2, export=exported, training=taught().about)
    report.write(document, verdict, out)
    pack(out)
    return document
