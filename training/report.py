"""The report and the verdict as documents, and the report as a page that stands alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from training.data import Dataset
from training.evaluate import Evaluation
from training.mistakes import FOLDER
from training.report_page import page

SCHEMA: Final = "imagesift.report/1"
REPORT, VERDICT, PAGE = "report.json", "verdict.json", "index.html"


def document(
    evaluation: Evaluation,
    dataset: Dataset,
    *,
    name: str,
    version: int,
    export: Mapping[str, Any],
    training: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything that is known of a new model, as plain JSON values."""
    splits = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    return {
        "schema": SCHEMA,
        "model": {"name": name, "version": version},
        "dataset": {
            "name": dataset.description,
            "images": {split: len(samples) for split, samples in splits.items()},
            "boxes": {split: sum(len(sample.labels) for sample in samples) for split, samples in splits.items()},
        },
        "classes": list(dataset.classes),
        "candidate": {"name": name, "version": str(version), **evaluation.candidate},
        "running": evaluation.running,
        "others": list(evaluation.others),
        "worst": list(evaluation.worst),
        "thresholds": dict(evaluation.thresholds),
        "export": dict(export),
        "training": dict(training),
    }


def write(report: Mapping[str, Any], verdict: Mapping[str, Any], out: Path) -> None:
    """`out`/report.json, verdict.json and report/index.html, beside the pictures of the worst mistakes."""
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, values in ((REPORT, report), (VERDICT, verdict)):
        (out / name).write_text(
            json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"
        )
    (out / FOLDER / PAGE).write_text(page(report, verdict, out))


def _plain(value: object) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} is no JSON value")
