"""Two moderators at the same moment, in threads on a real database: no decision is lost, and none is made twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from portal.accounts.models import User
from portal.images.models import CurrentLabel, Image, Instance
from portal.images.recording import record_result
from portal.moderation import actions
from portal.moderation.deeds import Refused, Target
from portal.moderation.models import Annotation, AuditEntry, ReviewItem
from recognition.result import Box
from tests.conftest import MakeImage, make_result
from tests.portal.moderation.deciding import RUNS, a_moderator, box_target, deed, holds, recognize, said, truth

pytestmark = pytest.mark.django_db(transaction=True)

PLACES = [Box(0.02 + column * 0.16, 0.02 + row * 0.24, 0.12, 0.2) for row in range(4) for column in range(6)]


@pytest.fixture
def moderators(db: None) -> tuple[User, User]:
    return a_moderator("one"), a_moderator("other")


@pytest.fixture
def image(owner: User, recognized_image: MakeImage) -> Image:
    return recognize(recognized_image(owner), said("Dog", boxes=PLACES), minutes=10_000_000)


def together(*doings: Callable[[], Any]) -> list[Any]:
    """What each of them returned, or raised; all begin at the same moment, each with a connection of its own."""
    start = Barrier(len(doings))

    def run(doing: Callable[[], Any]) -> Any:
        start.wait(timeout=30)
        try:
            return doing()
        except Refused as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(doings)) as threads:
        return [each.result() for each in [threads.submit(run, doing) for doing in doings]]


def all_in_turn(decide: Callable[[Target], Any], targets: Sequence[Target]) -> Callable[[], list[Any]]:
    return lambda: [decide(target) for target in targets]


def test_two_who_decide_on_the_same_image_lose_no_decision(image: Image, moderators: tuple[User, User]) -> None:
    one, other = moderators
    targets = [box_target(image, "Dog", number) for number in range(len(PLACES))]
    together(
        all_in_turn(lambda target: actions.approve(deed(one, image), target), targets[::2]),
        all_in_turn(lambda target: actions.reject(deed(other, image), target), targets[1::2]),
    )
    assert Annotation.objects.filter(state="approved", author=one).count() == len(PLACES) // 2
    assert Annotation.objects.filter(state="rejected", author=other).count() == len(PLACES) // 2
    assert AuditEntry.objects.count() == len(PLACES)
    [dog] = truth(image).labels
    assert [each.state for each in dog.instances] == ["approved"] * (len(PLACES) // 2)


def test_two_who_decide_on_the_same_box_leave_one_word_and_two_entries(
    image: Image, moderators: tuple[User, User]
) -> None:
    one, other = moderators
    for number in range(6):
        target = box_target(image, "Dog", number)
        together(
            lambda target=target: actions.approve(deed(one, image), target),
            lambda target=target: actions.relabel(deed(other, image), target, "Wolf"),
        )
    assert Annotation.objects.count() == 6
    assert AuditEntry.objects.count() == 12


def test_the_same_deed_twice_at_once_is_done_once(image: Image, moderators: tuple[User, User]) -> None:
    one, _ = moderators
    for number in range(6):
        same, target = deed(one, image), box_target(image, "Dog", number)
        first, second = together(*[lambda same=same, target=target: actions.relabel(same, target, "Wolf")] * 2)
        assert first == second == AuditEntry.objects.get(pk=same.id)
    assert Annotation.objects.count() == AuditEntry.objects.count() == 6


def test_completing_while_somebody_rejects_never_loses_the_rejection(
    image: Image, moderators: tuple[User, User]
) -> None:
    one, other = moderators
    target = box_target(image, "Dog")
    together(lambda: actions.complete(deed(one, image)), lambda: actions.reject(deed(other, image), target))
    assert ReviewItem.objects.get(image=image).completed_by == one
    assert Annotation.objects.filter(state="rejected", author=other).count() == 1
    assert Annotation.objects.count() == len(PLACES)


def test_a_result_that_comes_while_somebody_decides_undoes_nothing(image: Image, moderators: tuple[User, User]) -> None:
    one, _ = moderators
    targets = [box_target(image, "Dog", number) for number in range(8)]
    results = [
        make_result(image, labels=(said("Dog", 60 + number, boxes=PLACES),), detectors=RUNS) for number in range(4)
    ]
    together(
        all_in_turn(lambda target: actions.reject(deed(one, image), target), targets),
        lambda: [record_result(result) for result in results * 3],
    )
    assert Annotation.objects.filter(state="rejected").count() == 8
    [dog] = truth(image).labels
    assert len(dog.instances) == len(PLACES) - 8
    assert CurrentLabel.objects.get(image=image).name == "dog"


def test_the_same_batch_twice_at_once_decides_once(
    owner: User, recognized_image: MakeImage, moderators: tuple[User, User]
) -> None:
    images = [recognized_image(owner, f"{number}.jpg") for number in range(5)]
    boxes = list(Instance.objects.values_list("pk", flat=True))
    one, other = moderators
    batch = uuid4()
    first, second, rival = together(
        *[lambda: actions.in_bulk(one, batch, "approve", boxes)] * 2,
        lambda: actions.in_bulk(other, uuid4(), "reject", boxes[::-1]),
    )
    assert first == second
    assert first.decided + rival.decided == 5
    assert Annotation.objects.count() == AuditEntry.objects.count() == 5
    assert len({frozenset(holds(image)) for image in images}) == 1, "the second left all alone"


def test_undoing_twice_at_once_undoes_once(image: Image, moderators: tuple[User, User]) -> None:
    one, other = moderators
    entry = actions.reject(deed(one, image), box_target(image, "Dog"))
    first, second = together(
        lambda: actions.undo(uuid4(), one, entry.pk), lambda: actions.undo(uuid4(), other, entry.pk)
    )
    assert first == second
    assert AuditEntry.objects.filter(verb="undo").count() == 1
    assert not Annotation.objects.exists()


def test_who_waits_for_a_recognition_to_be_recorded_decides_on_that(
    image: Image, moderators: tuple[User, User]
) -> None:
    target, written = box_target(image, "Dog"), Event()

    def decide() -> None:
        written.wait(timeout=30)
        actions.approve(deed(moderators[0], image), target)

    def record() -> None:
        with transaction.atomic():
            recognize(image, said("Dog", boxes=PLACES), said("Cat", 90), minutes=20_000_000)
            written.set()
            time.sleep(0.5)  # until the other one waits for the image

    together(decide, record)
    names = set(CurrentLabel.objects.filter(image=image).values_list("name", flat=True))
    assert names == {"dog", "cat"}
    assert "cat" in Image.objects.get(pk=image.pk).search_text
