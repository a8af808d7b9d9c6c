"""Where an image stands in the queue, and when it will be done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from portal.accounts.models import User
from portal.images.models import Hold, Image, Recognition, Status
from portal.images.pace import Place, duration, images_per_second, places
from tests.portal.bare_images import bare_images


@pytest.fixture(autouse=True)
def _one_a_second(settings: Any) -> None:
    settings.RECOGNITIONS_PER_SECOND = 1.0


def queue_of(owner: User, count: int, since: datetime, **values: Any) -> list[Image]:
    """Queued images, one each millisecond, the first first."""
    images = bare_images(owner, count, status=Status.QUEUED, **values)
    for number, image in enumerate(images):
        image.queued_at = since + timedelta(milliseconds=number)
    Image.objects.bulk_update(images, ["queued_at"])
    return images


def recognized_lately(owner: User, count: int, over: timedelta) -> None:
    (image,) = bare_images(owner, 1)
    moments = [timezone.now() - over * number / count for number in range(count)]
    Recognition.objects.bulk_create(
        Recognition(image=image, recognized_at=moment, recorded_at=moment, document={}) for moment in moments
    )


def test_images_stand_behind_those_that_were_queued_before(owner: User, stranger: User) -> None:
    now = timezone.now()
    queue_of(stranger, 30, now - timedelta(seconds=2))
    mine = queue_of(owner, 3, now - timedelta(seconds=1))
    found = places(mine)
    assert [found[image.pk].number for image in mine] == [31, 32, 33]
    assert [found[image.pk].seconds for image in mine] == [31, 32, 33]


def test_among_images_of_others_each_is_counted_by_its_own_moment(owner: User, stranger: User) -> None:
    now = timezone.now()
    first = queue_of(owner, 1, now - timedelta(seconds=3))
    queue_of(stranger, 20, now - timedelta(seconds=2))
    last = queue_of(owner, 1, now - timedelta(seconds=1))
    found = places([*first, *last])
    assert first[0].pk not in found
    assert found[last[0].pk].number == 22


def test_held_images_and_finished_ones_stand_in_nobodys_way(owner: User) -> None:
    now = timezone.now()
    queue_of(owner, 50, now - timedelta(seconds=2), hold=Hold.USER_BUDGET)
    bare_images(owner, 5, status=Status.FAILED, queued_at=now - timedelta(seconds=2))
    mine = queue_of(owner, 12, now - timedelta(seconds=1))
    assert places(mine)[mine[-1].pk].number == 12
    assert places(queue_of(owner, 1, now, hold=Hold.USER_BUDGET)) == {}


def test_of_a_short_wait_nothing_is_said(owner: User) -> None:
    mine = queue_of(owner, 12, timezone.now() - timedelta(seconds=1))
    assert set(places(mine)) == {image.pk for image in mine[9:]}


def test_a_whole_page_of_images_takes_four_queries(
    owner: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    mine = queue_of(owner, 100, timezone.now() - timedelta(seconds=1))
    with django_assert_max_num_queries(4):
        assert len(places(mine)) == 91


def test_the_pace_is_that_of_the_last_minutes(owner: User) -> None:
    queue_of(owner, 10, timezone.now() - timedelta(minutes=5))
    recognized_lately(owner, 60, over=timedelta(minutes=2))
    assert images_per_second() == pytest.approx(0.5, rel=0.05)


def test_time_in_which_nothing_waited_does_not_count(owner: User) -> None:
    queue_of(owner, 100, timezone.now() - timedelta(seconds=10))
    recognized_lately(owner, 40, over=timedelta(seconds=10))
    assert images_per_second() == pytest.approx(4, rel=0.1)


def test_before_anything_is_measured_the_setting_counts(owner: User, settings: Any) -> None:
    settings.RECOGNITIONS_PER_SECOND = 5.0
    queue_of(owner, 100, timezone.now() - timedelta(seconds=2))
    assert images_per_second() == 5.0


def test_when_nothing_moves_the_place_is_told_and_no_time(owner: User) -> None:
    (image,) = queue_of(owner, 1, timezone.now() - timedelta(minutes=3))
    assert str(places([image])[image.pk]) == "Number 1 in the queue"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (12, "10 s"),
        (25, "25 s"),
        (57, "55 s"),
        (58, "1 min"),
        (600, "10 min"),
        (3569, "59 min"),
        (3600, "1 h"),
        (7800, "2 h 10 min"),
        (90_000, "25 h"),
    ],
)
def test_a_length_of_time_takes_few_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_place_is_a_short_sentence() -> None:
    assert str(Place(1200, 25.0)) == "Number 1,200 in the queue · about 25 s"


def test_the_image_page_the_history_and_the_updates_tell_the_place(client: Client, owner: User) -> None:
    image = queue_of(owner, 25, timezone.now() - timedelta(seconds=1))[-1]
    words = "Number 25 in the queue · about 25 s"
    client.force_login(owner)
    assert words in client.get(image.get_absolute_url()).content.decode()
    assert words in client.get(reverse("images:history")).content.decode()
    state = client.get(reverse("images:updates"), {"ids": str(image.pk), "format": "json"}).json()["images"][0]
    assert (state["waiting"], state["held"]) == (words, False)
