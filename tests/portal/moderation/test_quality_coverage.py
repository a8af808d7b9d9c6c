"""The whole way to an interval: a population whose truth is known, drawn by the queue, reviewed by the actions."""

from __future__ import annotations

import random
import uuid

import pytest

from portal.accounts.models import User
from portal.images.models import DetectedLabel, Image
from portal.moderation.actions import complete, reject
from portal.moderation.deeds import Deed, Target
from portal.moderation.groups import make_moderator
from portal.moderation.models import ReviewItem
from portal.moderation.quality.estimates import estimate
from portal.moderation.quality.intervals import LEVEL
from portal.moderation.queueing import Mode, Wanted, take_next
from recognition.result import Label
from tests.conftest import MakeImage

# Of how many of ten images each label is right.
RIGHT_OF_TEN = {"Ant": 3, "Bee": 5, "Cat": 6, "Dog": 7, "Eel": 8, "Fox": 8, "Gnu": 9, "Hen": 10}
POPULATION = 40
DRAWN = 12
REPETITIONS = 25


class Reviewer:
    """A moderator who knows the truth, and says it through the queue and the actions."""

    def __init__(self, user: User, wrong: dict[Image, set[str]]) -> None:
        self._user = user
        self._wrong = {image.pk: names for image, names in wrong.items()}
        self._rejected: set[int] = set()

    def review_next(self) -> None:
        taken = take_next(self._user, Wanted(mode=Mode.RANDOM))
        assert taken is not None
        image = taken.item.image_id
        for label in DetectedLabel.objects.filter(recognition__image=image, label__name__in=self._wrong[image]):
            if label.pk not in self._rejected:
                reject(Deed(uuid.uuid4(), self._user, image), Target("label", str(label.pk)))
                self._rejected.add(label.pk)
        complete(Deed(uuid.uuid4(), self._user, image))


def shuffle(chooser: random.Random) -> None:
    """Draw the images in another order, from the first one on, as if nobody had reviewed any."""
    items = list(ReviewItem.objects.all())
    for item in items:
        item.sample_order = chooser.random()
        item.sampled_at = item.completed_at = item.leased_until = None
    ReviewItem.objects.bulk_update(items, ["sample_order", "sampled_at", "completed_at", "leased_until"])


@pytest.mark.slow
def test_the_intervals_hold_the_true_precision_as_often_as_they_say(
    recognized_image: MakeImage, owner: User, stranger: User
) -> None:
    chooser = random.Random(2026)
    wrong: dict[int, set[str]] = {number: set() for number in range(POPULATION)}
    for name, right in RIGHT_OF_TEN.items():
        for number in chooser.sample(range(POPULATION), POPULATION * (10 - right) // 10):
            wrong[number].add(name)
    known: dict[Image, set[str]] = {}
    for names in wrong.values():
        # Detectors are less sure where they are wrong, as they should be: reviewing those first would bias the sample.
        labels = tuple(Label(name, 60 if name in names else 95, "onnx") for name in RIGHT_OF_TEN)
        known[recognized_image(owner, labels=labels)] = names
    make_moderator(stranger)
    reviewer = Reviewer(User.objects.get(pk=stranger.pk), known)

    held, shares = 0, set()
    for _ in range(REPETITIONS):
        shuffle(chooser)
        for _ in range(DRAWN):
            reviewer.review_next()
        found = estimate()
        assert (found.sample.drawn, found.sample.reviewed, len(found.labels)) == (DRAWN, DRAWN, len(RIGHT_OF_TEN))
        held += sum(each.interval.holds(RIGHT_OF_TEN[each.label] / 10) for each in found.labels)
        shares |= {each.share for each in found.labels}
    intervals = REPETITIONS * len(RIGHT_OF_TEN)
    # Three standard errors of the simulation below what is promised.
    assert held / intervals >= LEVEL - 3 * (LEVEL * (1 - LEVEL) / intervals) ** 0.5
    # Samples differ: it is not one answer over and over.
    assert len(shares) > len(RIGHT_OF_TEN)
