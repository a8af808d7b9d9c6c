"""What the running detectors said of a dataset's test images, for a new model to be compared with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from portal.finetuning.models import DatasetImage, DatasetSnapshot, file_name
from portal.finetuning.splitting import Split
from portal.images.models import DetectedLabel, Recognition
from portal.moderation.words import Vocabulary
from recognition.configuration import CUSTOM, LOWEST_CONFIDENCES
from recognition.result import Status as Outcome

SCHEMA: Final = "imagesift.baselines/1"
_AT_ONCE = 100


@dataclass
class _Baseline:
    """One detector: its version in the newest result used, what it looked at, and what it found there."""

    version: str
    newest: str
    images: list[str] = field(default_factory=list)
    detections: list[dict[str, Any]] = field(default_factory=list)


def baselines(snapshot: DatasetSnapshot, hashes: Iterable[str]) -> dict[str, Any]:
    """The document `imagesift.baselines/1`: for each detector the newest stored result of each of these test images.

    Only detectors that give boxes and know one of the dataset's classes. The running model of our own is not among
    them: it looks at the images afresh.
    """
    vocabulary = Vocabulary.load()
    titles = {category["name"].lower(): category["name"] for category in snapshot.categories}
    found = dict[str, _Baseline]()
    for sha256, documents in _documents(snapshot, set(hashes)):
        _take(found, sha256, documents, titles, vocabulary)
    known = _known_classes(titles, vocabulary)
    return {
        "schema": SCHEMA,
        "detectors": [
            {
                "name": name,
                "version": each.version,
                # An average precision cannot be compared without knowing where the detections end.
                "min_confidence": LOWEST_CONFIDENCES.get(name, 0.0),
                "classes": sorted(known[name]),
                "images": each.images,
                "detections": each.detections,
            }
            for name, each in sorted(found.items())
            if known.get(name)
        ],
    }


def _documents(snapshot: DatasetSnapshot, hashes: set[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The results of each image, the newest first."""
    rows = list(snapshot.images.filter(split=Split.TEST).order_by("sha256").only("image_id", "sha256"))
    wanted = [row for row in rows if row.sha256 in hashes]
    for start in range(0, len(wanted), _AT_ONCE):
        yield from _documents_of(wanted[start : start + _AT_ONCE])


def _documents_of(rows: Sequence[DatasetImage]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    results = Recognition.objects.filter(
        image__in=[row.image_id for row in rows], status=Outcome.RECOGNIZED.value
    ).order_by("-recognized_at", "-id")
    by_image: dict[Any, list[dict[str, Any]]] = {row.image_id: [] for row in rows}
    for image_id, document in results.values_list("image_id", "document"):
        by_image[image_id].append(document)
    for row in rows:
        yield row.sha256, by_image[row.image_id]


def _take(
    found: dict[str, _Baseline],
    sha256: str,
    documents: Iterable[Mapping[str, Any]],
    titles: Mapping[str, str],
    vocabulary: Vocabulary,
) -> None:
    """Add what each detector said of one image when it last looked at it."""
    seen = set[str]()
    for document in documents:
        for run in document["detectors"]:
            name = run["name"]
            if name == CUSTOM or name in seen or run.get("failure"):
                continue
            seen.add(name)
            baseline = found.setdefault(name, _Baseline(run["version"], document["recognized_at"]))
            if document["recognized_at"] > baseline.newest:
                baseline.version, baseline.newest = run["version"], document["recognized_at"]
            baseline.images.append(file_name(sha256))
            baseline.detections += _detections(name, sha256, document, titles, vocabulary)


def _detections(
    detector: str, sha256: str, document: Mapping[str, Any], titles: Mapping[str, str], vocabulary: Vocabulary
) -> Iterator[dict[str, Any]]:
    for label in document["labels"]:
        if label["detector"] != detector:
            continue
        word = vocabulary.word(label["name"], detector)
        title = titles.get(word.key) if word else None
        if title is None:
            continue
        for instance in label["instances"]:
            about = {"label": title, "confidence": instance["confidence"], "box": instance["box"]}
            yield {"file_name": file_name(sha256), **about}


def _known_classes(titles: Mapping[str, str], vocabulary: Vocabulary) -> dict[str, set[str]]:
    """Of the dataset's classes those that each detector has ever given a box."""
    known: dict[str, set[str]] = {}
    said = DetectedLabel.objects.filter(instances__isnull=False).order_by()
    for detector, name in said.values_list("detector", "label__name").distinct():
        word = vocabulary.word(name, detector)
        if word and word.key in titles:
            known.setdefault(detector, set()).add(titles[word.key])
    return known
