"""Crops of one label, surest first, page by page: what is looked over and decided on by the hundred."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from typing import Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from portal.accounts.models import User
from portal.images.models import DetectedLabel, DetectorName, Image, Instance, Label, LabelState
from portal.moderation.access import visible_images
from portal.moderation.crops import Crop
from portal.moderation.finding import resolve_title
from portal.moderation.item_documents import Targets
from portal.moderation.loading import truths
from portal.moderation.looking import note_looks
from portal.moderation.models import Annotation, ReviewItem
from portal.moderation.truth import TrueInstance, TrueLabel

PAGE_SIZE: Final = 60
# So many times a page is looked for further on, where most of what was found is not in the state that was asked for.
_ROUNDS: Final = 5
STATES: Final = ("undecided", "decided", "all")


@dataclass(frozen=True, slots=True)
class WantedCrops:
    """Boxes of the label with this title; `low` and `high` in percent, both inclusive."""

    label: str
    low: float = 0
    high: float = 100
    detector: str = ""
    state: str = "undecided"


@dataclass(frozen=True, slots=True)
class Place:
    """The last detection of a page. First come those whose own confidence is in the range, in falling order;

    then (`beyond`) surer ones, as they may have boxes that are less sure.
    """

    beyond: bool
    confidence: float
    detection: int

    @classmethod
    def parse(cls, text: str) -> Place:
        """Raises ValueError for anything that `str()` of a place did not make."""
        beyond, confidence, detection = text.split("_")
        if beyond not in ("0", "1") or not 0 <= float(confidence) <= 100 or not 0 <= int(detection) < 2**63:
            raise ValueError(text)
        return cls(beyond == "1", float(confidence), int(detection))

    def __str__(self) -> str:
        return f"{self.beyond:d}_{self.confidence!r}_{self.detection}"


@dataclass(frozen=True, slots=True)
class Page:
    """Crops, and where the next page begins; None at the end. It may hold few while there is a next one."""

    crops: tuple[Crop, ...] = ()
    after: Place | None = None


def page(user: User, wanted: WantedCrops, after: Place | None = None) -> Page:
    """The crops that follow `after`, about 60, of images that `user` may see; looks are recorded."""
    sources = _sources(resolve_title(wanted.label))
    crops: list[Crop] = []
    for _ in range(_ROUNDS):
        detections = _detections(user, wanted, sources, after)
        for detection, found in _of_detections(detections, wanted):
            crops += found
            after = Place(detection.confidence > wanted.high, detection.confidence, detection.pk)
            if len(crops) >= PAGE_SIZE:
                return _looked_at(user, crops, after)
        if len(detections) < PAGE_SIZE:
            return _looked_at(user, crops, None)
    return _looked_at(user, crops, after)


def _looked_at(user: User, crops: list[Crop], after: Place | None) -> Page:
    note_looks(user, [crop.image for crop in crops])
    return Page(tuple(crops), after)


# Whose words mean the label ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Source:
    """A word that means the label: when `detector` says it, or when anybody but `others` does."""

    label: int
    detector: str = ""
    others: tuple[str, ...] = ()


def _sources(title: str) -> list[_Source]:
    named = Q(display_name__iexact=title) | Q(display_name="", name__iexact=title)
    labels = set(Label.objects.filter(named, merged_into=None).values_list("pk", flat=True))
    newest = labels
    while newest:
        newest = set(Label.objects.filter(merged_into__in=newest).values_list("pk", flat=True)) - labels
        labels |= newest
    mappings = list(DetectorName.objects.filter(Q(label__in=labels) | Q(meaning__in=labels)))
    elsewhere = {pk: tuple(each.detector for each in mappings if each.label_id == pk) for pk in labels}
    return [
        *(_Source(pk, others=others) for pk, others in sorted(elsewhere.items())),
        *(_Source(each.label_id, each.detector) for each in mappings if each.meaning_id in labels),
    ]


# Finding -------------------------------------------------------------------------------------------------------------


def _detections(user: User, wanted: WantedCrops, sources: list[_Source], after: Place | None) -> list[DetectedLabel]:
    """The next detections that may have such boxes, of those in the range and then of the surer ones."""
    found: list[DetectedLabel] = []
    for beyond in (False, True):
        if after is not None and after.beyond > beyond:
            continue
        rows = [
            _after(_rows(user, wanted, source, beyond), after if after and after.beyond == beyond else None)
            for source in sources
        ]
        room = PAGE_SIZE - len(found)
        # Each from its own piece of the index: of several labels together, all rows would be read to sort them.
        in_order = merge(*(list(each[:room]) for each in rows), key=lambda row: (-row.confidence, -row.pk))
        found += [row for row, _ in zip(in_order, range(room), strict=False)]
    return found


def _rows(user: User, wanted: WantedCrops, source: _Source, beyond: bool) -> QuerySet[DetectedLabel]:
    rows = DetectedLabel.objects.filter(label=source.label, recognition=F("recognition__image__current"))
    for detector in filter(None, (wanted.detector, source.detector)):
        rows = rows.filter(detector=detector)
    if source.others:
        rows = rows.exclude(detector__in=source.others)
    boxes = Instance.objects.filter(detected_label=OuterRef("pk"), confidence__gte=wanted.low)
    if beyond:
        rows, boxes = rows.filter(confidence__gt=wanted.high), boxes.filter(confidence__lte=wanted.high)
    else:
        rows = rows.filter(confidence__gte=wanted.low, confidence__lte=wanted.high)
    image = OuterRef("recognition__image")
    rows = rows.filter(Exists(boxes), Exists(visible_images(user).filter(pk=image, width__isnull=False)))
    completed = Exists(ReviewItem.objects.filter(image=image, completed_at__isnull=False))
    if wanted.state == "undecided":
        rows = rows.filter(~completed)
    if wanted.state == "decided":
        rows = rows.filter(completed | Exists(Annotation.objects.filter(image=image)))
    return rows.select_related("recognition__image__current").order_by("-confidence", "-pk")


def _after(rows: QuerySet[DetectedLabel], place: Place | None) -> QuerySet[DetectedLabel]:
    if place is None:
        return rows
    later = Q(confidence__lt=place.confidence) | Q(confidence=place.confidence, pk__lt=place.detection)
    # Implied by the other; it is what lets a database begin in the middle of the index.
    return rows.filter(later, confidence__lte=place.confidence)


def _of_detections(detections: list[DetectedLabel], wanted: WantedCrops) -> Iterator[tuple[DetectedLabel, list[Crop]]]:
    """Each with those of its boxes that were asked for. A constant number of queries for all of them."""
    images = {row.recognition.image_id: row.recognition.image for row in detections}
    states = _instances(list(images.values()))
    boxes: dict[int, list[Instance]] = {}
    for instance in Instance.objects.filter(detected_label__in=detections).order_by("-confidence", "pk"):
        boxes.setdefault(instance.detected_label_id, []).append(instance)
    for row in detections:
        crops = [_crop(row, box, *states[box.pk]) for box in boxes.get(row.pk, []) if box.pk in states]
        yield row, [crop for crop in crops if _is_wanted(crop, wanted)]


def _crop(row: DetectedLabel, box: Instance, label: TrueLabel, instance: TrueInstance) -> Crop:
    return Crop(
        instance=box.pk,
        image=row.recognition.image,
        label=label.name,
        detector=row.detector,
        confidence=min(box.confidence, row.confidence),
        state=instance.state,
        box=instance.box,
    )


def _is_wanted(crop: Crop, wanted: WantedCrops) -> bool:
    if not wanted.low <= crop.confidence <= wanted.high:
        return False
    return wanted.state == "all" or (wanted.state == "undecided") == (crop.state == LabelState.PREDICTED)


def _instances(images: list[Image]) -> dict[int, tuple[TrueLabel, TrueInstance]]:
    """What holds at each box of the images' current recognitions; not those that the vocabulary leaves out."""
    targets = Targets([image.current_id for image in images if image.current_id])
    found = {}
    known = truths(images)
    for image in images:
        truth = known[image.pk]
        for label in (*truth.labels, *truth.rejected):
            for instance in label.instances:
                if instance.predicted and (row := targets.take(image.current_id, instance.predicted)):
                    found[row] = (label, instance)
    return found
