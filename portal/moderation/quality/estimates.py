"""How often detectors are right, estimated from the random sample of the review queue.

The sample is drawn by image, whatever was found in it. What counts is its completed images: there people decided on
every prediction that was shown, and said that nothing else is in the image. So all that detectors say of them is right
or wrong, also what a later version says.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from portal.images.models import DetectedLabel, LabelState, Recognition
from portal.moderation.models import Annotation, ReviewItem
from portal.moderation.quality.intervals import Cluster, Interval, clopper_pearson, clustered
from portal.moderation.truth import PEOPLE
from portal.moderation.words import Vocabulary
from recognition.result import Status

_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Sample:
    """How many images were drawn, and how many of them are completed."""

    drawn: int
    reviewed: int

    @property
    def share(self) -> float:
        return self.reviewed / self.drawn if self.drawn else 0.0


@dataclass(frozen=True, slots=True)
class Precision:
    """Of `of` images of which a version of a detector says a label, it is in `right`.

    Without a `label` it is of all labels together: `of` predictions, several in an image.
    """

    label: str
    detector: str
    version: str
    right: int
    of: int
    interval: Interval

    @property
    def share(self) -> float:
        return self.right / self.of


@dataclass(frozen=True, slots=True)
class Missed:
    """In how many images of the sample there is a label that no detector says."""

    label: str
    images: int


@dataclass(frozen=True, slots=True)
class Estimates:
    sample: Sample
    labels: list[Precision]
    detectors: list[Precision]
    missed: list[Missed]


class _Version(NamedTuple):
    detector: str
    version: str


@dataclass(slots=True)
class _Evidence:
    """Of the completed images: what versions of detectors say of each, and what people do. Labels by their keys."""

    said: dict[_Version, dict[UUID, set[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    true: dict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))
    titles: dict[str, str] = field(default_factory=dict)


def estimate(since: datetime | None = None) -> Estimates:
    """What the sample tells of images uploaded since `since`, or of all. A bounded number of queries."""
    drawn = ReviewItem.objects.filter(sampled_at__isnull=False)
    if since is not None:
        drawn = drawn.filter(created_at__gte=since)
    counts = drawn.aggregate(drawn=Count("pk"), reviewed=Count("pk", filter=Q(completed_at__isnull=False)))
    evidence = _evidence(drawn.filter(completed_at__isnull=False).values("image"))
    return Estimates(Sample(**counts), _of_labels(evidence), _of_detectors(evidence), _missed(evidence))


def _evidence(images: QuerySet[ReviewItem, Any]) -> _Evidence:
    vocabulary, evidence = Vocabulary.load(), _Evidence()
    approved = Annotation.objects.filter(image__in=images).exclude(state=LabelState.REJECTED).order_by()
    for image, name in approved.values_list("image_id", "label__name").iterator(chunk_size=_AT_ONCE):
        if word := vocabulary.word(name, PEOPLE):
            evidence.true[image].add(word.key)
            evidence.titles.setdefault(word.key, word.title)
    runs = _runs(images)
    found = DetectedLabel.objects.filter(recognition__image__in=images).order_by()
    rows = found.values_list("recognition_id", "detector", "label__name", "confidence")
    for recognition, detector, name, confidence in rows.iterator(chunk_size=_AT_ONCE):
        run, word = runs.get((recognition, detector)), vocabulary.word(name, detector)
        if run is not None and word is not None and word.is_shown(confidence):
            image, version = run
            evidence.said[version][image].add(word.key)
            evidence.titles.setdefault(word.key, word.title)
    return evidence


def _runs(images: QuerySet[ReviewItem, Any]) -> dict[tuple[int, str], tuple[UUID, _Version]]:
    """The last run of each version of a detector over each image, by recognition and detector."""
    recognitions = Recognition.objects.filter(image__in=images, status=Status.RECOGNIZED.value)
    last: dict[tuple[UUID, _Version], tuple[int, str]] = {}
    # The detectors alone: documents are large.
    rows = recognitions.order_by("recognized_at", "pk").values_list("pk", "image_id", "document__detectors")
    for recognition, image, detectors in rows.iterator(chunk_size=_AT_ONCE):
        for detector in detectors or ():
            version = _Version(detector["name"], detector["version"])
            last[image, version] = (recognition, version.detector)
    return {run: said for said, run in last.items()}


def _of_labels(evidence: _Evidence) -> list[Precision]:
    """The most frequent first. An image counts once, so that each is a draw of its own."""
    found = []
    for version, images in evidence.said.items():
        of = Counter(key for keys in images.values() for key in keys)
        right = Counter(key for image, keys in images.items() for key in keys & evidence.true[image])
        found += [
            Precision(evidence.titles[key], *version, right[key], of[key], clopper_pearson(right[key], of[key]))
            for key in of
        ]
    return sorted(found, key=lambda each: (-each.of, each.label.lower(), each.detector, each.version))


def _of_detectors(evidence: _Evidence) -> list[Precision]:
    found = []
    for version, images in evidence.said.items():
        clusters = [Cluster(len(keys & evidence.true[image]), len(keys)) for image, keys in images.items()]
        right, of = sum(cluster.right for cluster in clusters), sum(cluster.of for cluster in clusters)
        found.append(Precision("", *version, right, of, clustered(clusters)))
    return sorted(found, key=lambda each: (each.detector, each.version))


def _missed(evidence: _Evidence) -> list[Missed]:
    """The most frequent first. A label that a detector said of an image counts as found, even in another place."""
    found: dict[UUID, set[str]] = defaultdict(set)
    for images in evidence.said.values():
        for image, keys in images.items():
            found[image] |= keys
    missed = Counter(key for image, keys in evidence.true.items() for key in keys - found[image])
    rows = [Missed(evidence.titles[key], images) for key, images in missed.items()]
    return sorted(rows, key=lambda each: (-each.images, each.label.lower()))
