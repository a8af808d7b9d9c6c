"""Reports and verdicts as training/report.py and training/gate.py write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Interval = tuple[float, float, float]

CLASSES = ("arrow", "cross", "heart")


def measured(name: str, version: str, map50: Interval | None, **values: Any) -> dict[str, Any]:
    """A model or detector on the test pictures."""
    return {
        "name": name,
        "version": version,
        "images": 30,
        "classes": {each: of_class((0.7, 0.6, 0.8)) for each in CLASSES},
        "map": 0.44,
        "map50": list(map50) if map50 else None,
        "confusion": {"labels": [*CLASSES, "nothing"], "counts": [[5, 0, 0, 1] for _ in (*CLASSES, "nothing")]},
        **values,
    }


def of_class(ap50: Interval | None, **values: Any) -> dict[str, Any]:
    """One class; without `ap50` one that no test picture shows and that nothing was taken for."""
    if ap50 is None:
        nothing = dict.fromkeys(("ap", "ap50", "precision", "recall", "f1"))
        return {"boxes": 0, **nothing, "threshold": 0.5, "curve": [], **values}
    return {
        "boxes": 31,
        "ap": 0.41,
        "ap50": list(ap50),
        "precision": 0.64,
        "recall": 0.5,
        "f1": 0.56,
        "threshold": 0.4363,
        "curve": [[0.25, 1.0], [0.5, 0.75]],
        **values,
    }


def report(
    *,
    candidate: dict[str, Any] | None = None,
    running: dict[str, Any] | None = None,
    others: Sequence[dict[str, Any]] = (),
    worst: Iterable[str] = ("An arrow was missed.", "A cross was taken for an arrow (87 %)."),
) -> dict[str, Any]:
    mistakes = enumerate(worst, start=1)
    return {
        "schema": "imagesift.report/1",
        "model": {"name": "shapes", "version": 2},
        "dataset": {
            "name": "Drawn shapes, version 1",
            "images": {"train": 40, "validation": 20, "test": 30},
            "boxes": {"train": 114, "validation": 64, "test": 80},
        },
        "classes": list(CLASSES),
        "candidate": candidate or measured("shapes", "2", (0.83, 0.7, 0.9)),
        "running": running,
        "others": list(others),
        "worst": [
            {
                "image": f"report/worst-{number}.jpg",
                "file_name": f"images/{number}.jpg",
                "kind": "missed",
                "words": words,
            }
            for number, words in mistakes
        ],
        "thresholds": {"arrow": 0.4363, "cross": 0.5936, "heart": 0.5067},
        "export": {"samples": 16, "max_score_difference": 1.07e-06, "max_box_difference": 7.7e-07, "int8": None},
        "training": {
            "start": "tiny-shapes",
            "steps": 150,
            "of": 150,
            "best_step": 140,
            "seed": 0,
            "seconds": 61.9,
            "seconds_per_step": 0.3766,
            "device": "CPU, 1 thread",
            "stopped_early": False,
            "picture_size": 160,
            "library_versions": {"python": "3.11.7"},
            "parameters": 1156141,
        },
    }


def verdict(
    *reasons: str, against: str | None = None, margin: Interval = (0.12, 0.05, 0.2), **changes: float
) -> dict[str, Any]:
    """Refused for these reasons, or passed where there are none. `changes` are of classes."""
    changes = changes or {"arrow": -0.02, "cross": 0.2, "heart": 0.0}
    return {
        "schema": "imagesift.verdict/1",
        "verdict": "refused" if reasons else "passed",
        "reasons": list(reasons),
        "against": against,
        "margin": list(margin),
        "classes": {name: {"change": change, "allowed": 0.05, "boxes": 31} for name, change in changes.items()},
        "images": 30,
        "settings": {"least_margin": 0.0, "largest_loss": 0.05, "least_images": 10, "least_boxes": 5},
    }
