"""How a report reads: from the documents of a training to what its page shows. Source of both: docs/fine-tuning.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from portal.images.label_rows import detector_title

COLORS: Final = 8
_SHADES: Final = 5

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tick:
    percent: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Field:
    """What precision-recall curves are drawn in, with recall to the right and precision upwards."""

    width: int
    height: int

    @property
    def middle(self) -> int:
        return self.width // 2

    @property
    def ticks(self) -> list[Tick]:
        shares = range(0, 101, 25)
        return [Tick(share, self.width * share // 100, self.height * (100 - share) // 100) for share in shares]

    def point(self, recall: float, precision: float) -> str:
        return f"{recall * self.width:.1f},{(1 - precision) * self.height:.1f}"


FIELD: Final = Field(300, 200)


@dataclass(frozen=True, slots=True)
class Measured:
    """One model or detector as a whole. `map50` and its interval in percent; None where nothing could be measured.

    `ours` is this version's mAP50 on the same classes and photos, where those are not all.
    """

    title: str
    images: int
    classes: int
    map50: float | None
    low: float | None
    high: float | None
    mean: float | None
    ours: float | None


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class. Shares in percent; `change` in percentage points against the model that runs."""

    name: str
    boxes: int
    ap50: float | None
    low: float | None
    high: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    threshold: float | None
    change: float | None
    color: int
    points: str
    curve: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Cell:
    count: int
    shade: int
    is_right: bool


@dataclass(frozen=True, slots=True)
class ConfusionRow:
    truth: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    picture: str
    words: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    verdict: str
    models: tuple[Measured, ...]
    classes: tuple[ClassRow, ...]
    said: tuple[str, ...]
    confusion: tuple[ConfusionRow, ...]
    mistakes: tuple[Mistake, ...]
    facts: tuple[tuple[str, str], ...]


def read(report: Document, verdict: Document) -> Evaluation | None:
    """What the page shows; None as long as there is no report."""
    if not report.get("candidate"):
        return None
    candidate = report["candidate"]
    confusion = candidate.get("confusion") or {"labels": [], "counts": []}
    return Evaluation(
        verdict=_words(verdict),
        models=tuple(_models(report)),
        classes=tuple(_classes(candidate, verdict, report.get("thresholds", {}))),
        said=tuple(confusion["labels"]),
        confusion=tuple(_confusion(confusion["labels"], confusion["counts"])),
        mistakes=tuple(Mistake(_last_part(each["image"]), each["words"]) for each in report.get("worst", [])),
        facts=tuple(_facts(report)),
    )


def pictures(report: Document) -> dict[str, str]:
    """The names of the pictures of mistakes that a report speaks of, and what the dataset calls each."""
    return {_last_part(each["image"]): each["file_name"] for each in report.get("worst", [])}


def _last_part(path: str) -> str:
    return path.rpartition("/")[2]


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _models(report: Document) -> list[Measured]:
    running = report.get("running")
    found = [_measured(report["candidate"], "This version")]
    if running:
        found.append(_measured(running, f"{running['version'] or running['name']}, which ran"))
    return found + [_measured(each, _title(each)) for each in report.get("others", [])]


def _title(measured: Document) -> str:
    return f"{detector_title(measured['name'])} {measured['version']}".strip()


def _words(verdict: Document) -> str:
    """What was measured for the verdict, in a sentence; "" where nothing could be."""
    if not verdict.get("margin"):
        return ""
    value, low, high = (100 * each for each in verdict["margin"])
    images = f"On {verdict['images']} test photo{'' if verdict['images'] == 1 else 's'}"
    if not verdict.get("against"):
        interval = f"95 % interval {low:.0f} to {high:.0f} %"
        return f"{images} its mAP50 is {value:.0f} % ({interval}). There was nothing to measure it against."
    interval = f"95 % interval {low:+.0f} to {high:+.0f}"
    return f"{images} its mAP50 is {value:+.0f} percentage points against {verdict['against']} ({interval})."


def _measured(measured: Document, title: str) -> Measured:
    map50, low, high = measured.get("map50") or (None, None, None)
    classes = [each for each in measured.get("classes", {}).values() if each.get("ap50")]
    interval = (_percent(map50), _percent(low), _percent(high))
    (ours,) = (measured.get("candidate_map50") or [None])[:1]
    return Measured(title, measured["images"], len(classes), *interval, _percent(measured.get("map")), _percent(ours))


def _classes(candidate: Document, verdict: Document, thresholds: Mapping[str, float]) -> list[ClassRow]:
    rows = []
    for number, (name, each) in enumerate(sorted(candidate.get("classes", {}).items())):
        ap50, low, high = each.get("ap50") or (None, None, None)
        change = verdict.get("classes", {}).get(name, {}).get("change") if verdict.get("against") else None
        curve = tuple((recall, precision) for recall, precision in each.get("curve") or ())
        rows.append(
            ClassRow(
                name=name,
                boxes=each.get("boxes", 0),
                ap50=_percent(ap50),
                low=_percent(low),
                high=_percent(high),
                precision=_percent(each.get("precision")),
                recall=_percent(each.get("recall")),
                f1=_percent(each.get("f1")),
                threshold=_percent(thresholds.get(name, each.get("threshold"))),
                change=_percent(change),
                color=number % COLORS,
                points=" ".join(FIELD.point(recall, precision) for recall, precision in curve),
                curve=curve,
            )
        )
    return rows


def _confusion(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> list[ConfusionRow]:
    rows = []
    for number, (label, row) in enumerate(zip(labels, counts, strict=True)):
        total = sum(row) or 1
        # Any count at all is seen.
        cells = tuple(
            Cell(count, min(_SHADES, int(_SHADES * count / total) + (count > 0)), at == number)
            for at, count in enumerate(row)
        )
        rows.append(ConfusionRow(label, cells))
    return rows


def _facts(report: Document) -> list[tuple[str, str]]:
    training, dataset, export = (report.get(name, {}) for name in ("training", "dataset", "export"))
    images = dataset.get("images", {})
    facts = [
        (
            "Images in each split",
            " / ".join(str(images.get(split, 0)) for split in ("train", "validation", "test")),
        ),
        ("Started from", _started_from(str(training.get("start", "")))),
        ("Steps", f"{training.get('steps', 0)} of {training.get('of', 0)}, the best at {training.get('best_step', 0)}"),
        ("Time of training", _duration(training.get("seconds", 0))),
        ("Device", str(training.get("device", ""))),
        ("Weights", f"{training.get('parameters', 0):,}"),
        ("Picture size", f"{training.get('picture_size', 0)} px"),
        ("Seed", str(training.get("seed", ""))),
    ]
    difference = export.get("max_score_difference")
    if difference is not None:
        facts.append(("ONNX against PyTorch", f"scores differ by {difference:.0e} at most"))
    return [(title, value) for title, value in facts if value]


def _started_from(start: str) -> str:
    """An earlier version is handed over as a folder, which says nothing to people."""
    return "an earlier version" if start == "torch" else start


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
