"""What came of a shadow: where both models say the same, how long they take, and which is right more often."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from portal.finetuning.comparing_labels import Counts, Said, compare
from portal.finetuning.model_words import said_in
from portal.finetuning.models import ShadowRun
from portal.images.models import Image
from portal.moderation.loading import truths
from portal.moderation.models import ReviewItem
from portal.moderation.quality.estimates import Precision
from portal.moderation.quality.intervals import Cluster, clopper_pearson, clustered
from portal.moderation.truth import Truth
from portal.moderation.words import Vocabulary

# The newest: what was seen of them is read anew with each look at the page.
MOST_IMAGES: Final = 500
_OUR_OWN: Final = ("custom", "sagemaker")
CANDIDATE, RUNNING = "candidate", "running"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of the boxes of one label that either model says, `counts.stays` are said by both in the same place."""

    label: str
    counts: Counts

    @property
    def share(self) -> float:
        return self.counts.stays / self.counts.together


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds for a picture: half of them take no longer than `median`, 95 of 100 no longer than `slow`."""

    median: float
    slow: float
    images: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Of `images` that the candidate saw it failed on `problems`. `own_ran`: beside how many a model of our own ran;
    beside the others it is compared with what all detectors say, as far as it knows their labels.

    `precision` has a row for either side where people completed images, of which there are `completed`, and rows for
    each label, which counts once in an image.
    """

    images: int = 0
    problems: int = 0
    own_ran: int = 0
    agreement: Sequence[Agreement] = ()
    latency: Mapping[str, Latency] = field(default_factory=dict)
    completed: int = 0
    precision: Sequence[Precision] = ()
    precision_of_labels: Sequence[Precision] = ()


@dataclass(frozen=True, slots=True)
class _Look:
    """What both said of one image, in people's words."""

    image: UUID
    candidate: list[Said]
    running: list[Said]
    has_own: bool


def summary(run: ShadowRun) -> Summary:
    """Of the newest images that a shadow saw. A bounded number of queries."""
    rows = list(run.seen.order_by("-seen_at", "-pk").values(*_READ)[:MOST_IMAGES])
    vocabulary, known = Vocabulary.load(), _known(run)
    looks = [_look(row, vocabulary, known) for row in rows if not row["problem"]]
    counts: dict[str, Counts] = defaultdict(Counts)
    for look in looks:
        for label, counted in compare(look.running, look.candidate).counts.items():
            counts[label].add(counted)
    agreement = [Agreement(label, each) for label, each in counts.items()]
    sides = {CANDIDATE: _times(rows, "duration_ms"), RUNNING: _times(rows, "running_duration_ms")}
    completed = _completed(looks, vocabulary)
    return Summary(
        images=len(rows),
        problems=len(rows) - len(looks),
        own_ran=sum(look.has_own for look in looks),
        agreement=sorted(agreement, key=lambda each: (-each.counts.together, each.label.lower())),
        latency={side: _latency(times) for side, times in sides.items() if times},
        completed=len(completed),
        precision=_of_sides(looks, completed),
        precision_of_labels=_of_labels(looks, completed),
    )


_READ: Final = (
    "image_id",
    "labels",
    "problem",
    "duration_ms",
    "running_duration_ms",
    # Alone: documents are large.
    "recognition__document__labels",
    "recognition__document__detectors",
)


def _known(run: ShadowRun) -> set[str]:
    """The names of the labels that the candidate was taught."""
    return {category["name"].lower() for category in run.version.dataset.categories}


def _look(row: Mapping[str, Any], vocabulary: Vocabulary, known: Collection[str]) -> _Look:
    """What ran is the model of our own where one did, and all detectors elsewhere."""
    shown_from = settings.SHOWN_CONFIDENCE
    ran = row["recognition__document__detectors"] or []
    own = {each["name"] for each in ran if each["name"] in _OUR_OWN and not each.get("failure")}
    labels = [label for label in row["recognition__document__labels"] or [] if not own or label["detector"] in own]
    running = said_in(labels, vocabulary, shown_from)
    candidate = said_in(row["labels"], vocabulary, shown_from)
    if not own:
        taught = {*known, *(each.label.lower() for each in candidate)}
        running = [each for each in running if each.label.lower() in taught]
    return _Look(row["image_id"], candidate, running, bool(own))


def _times(rows: Sequence[Mapping[str, Any]], name: str) -> list[int]:
    return sorted(row[name] for row in rows if row[name] is not None)


def _latency(times: Sequence[int]) -> Latency:
    slow = times[max(0, -(-95 * len(times) // 100) - 1)]
    return Latency(median(times), slow, len(times))


def _completed(looks: Sequence[_Look], vocabulary: Vocabulary) -> dict[UUID, set[str]]:
    """The labels, in small letters, that people say are in the images that they completed."""
    ids = [look.image for look in looks]
    items = ReviewItem.objects.filter(image__in=ids, completed_at__isnull=False)
    images = list(Image.objects.select_related("current").filter(pk__in=items.values("image")))
    return {pk: _true(truth) for pk, truth in truths(images, vocabulary).items()}


def _true(truth: Truth) -> set[str]:
    return {label.name.lower() for label in truth.labels if label.by_people}


def _said(look: _Look) -> dict[str, dict[str, str]]:
    """By side, the titles of all labels that it says by their small letters."""
    sides = {RUNNING: look.running, CANDIDATE: look.candidate}
    return {side: {each.label.lower(): each.label for each in said} for side, said in sides.items()}


def _of_sides(looks: Sequence[_Look], completed: Mapping[UUID, set[str]]) -> list[Precision]:
    """As the quality page has it: findings of one image are alike, so that it is images that count."""
    clusters: dict[str, list[Cluster]] = defaultdict(list)
    for look in looks:
        for side, said in _said(look).items():
            if look.image in completed and said:
                clusters[side].append(Cluster(len(said.keys() & completed[look.image]), len(said)))
    return [_precision(side, clusters[side]) for side in (RUNNING, CANDIDATE) if clusters[side]]


def _precision(side: str, clusters: Sequence[Cluster]) -> Precision:
    right, of = sum(each.right for each in clusters), sum(each.of for each in clusters)
    return Precision("", side, "", right, of, clustered(clusters))


def _of_labels(looks: Sequence[_Look], completed: Mapping[UUID, set[str]]) -> list[Precision]:
    of: Counter[tuple[str, str]] = Counter()
    right: Counter[tuple[str, str]] = Counter()
    for look in looks:
        true = completed.get(look.image)
        for side, said in _said(look).items() if true is not None else ():
            of.update((title, side) for title in said.values())
            right.update((title, side) for key, title in said.items() if key in (true or ()))
    rows = [
        Precision(title, side, "", right[title, side], of[title, side], clopper_pearson(right[title, side], count))
        for (title, side), count in of.items()
    ]
    return sorted(rows, key=lambda each: (each.label.lower(), each.detector != RUNNING))
