"""What comes next for a moderator, and for how long it is theirs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import Image
from portal.moderation import queueing
from portal.moderation.models import ReviewItem
from portal.moderation.queueing import Mode, Wanted, release, renew, skip, take_next, waiting
from tests.portal.moderation.reviewing import listed, moderator, waiting_images

TEN_MINUTES = timedelta(minutes=10)
ANYTHING = Wanted()


@pytest.fixture
def anna(db: None) -> User:
    return moderator("anna")


@pytest.fixture
def ben(db: None) -> User:
    return moderator("ben")


@pytest.fixture(autouse=True)
def _never_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that `mixed` is in the order of the score, unless a test says otherwise."""
    monkeypatch.setattr(queueing.secrets, "randbelow", lambda _: 1)


def rated(image: Image, **values: Any) -> None:
    ReviewItem.objects.filter(image=image).update(**values)


def taken(user: User, wanted: Wanted = ANYTHING, holding: tuple[UUID, ...] = ()) -> UUID | None:
    found = take_next(user, wanted, holding)
    return found.item.pk if found else None


def in_order(user: User, wanted: Wanted, most: int = 10) -> list[UUID]:
    """All that comes, one after the other, none of it decided on."""
    holding: list[UUID] = []
    while len(holding) < most and (pk := taken(user, wanted, tuple(holding))) is not None:
        holding.append(pk)
    return holding


# Order ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "field"),
    [
        (Mode.MIXED, "score"),
        (Mode.UNCERTAIN, "uncertainty"),
        (Mode.DISAGREEMENT, "disagreement"),
        (Mode.RARE, "rarity"),
    ],
)
def test_what_has_most_of_it_comes_first(owner: User, anna: User, mode: Mode, field: str) -> None:
    images = waiting_images(owner, 3, score=1)
    for image, value in zip(images, (20, 80, 50), strict=True):
        rated(image, **{field: value})
    assert in_order(anna, Wanted(mode)) == [images[1].pk, images[2].pk, images[0].pk]


@pytest.mark.parametrize("mode", [Mode.UNCERTAIN, Mode.DISAGREEMENT, Mode.RARE, Mode.FLAGGED, Mode.SUGGESTED])
def test_what_has_nothing_of_it_does_not_come(owner: User, anna: User, mode: Mode) -> None:
    waiting_images(owner, 2)
    assert taken(anna, Wanted(mode)) is None
    assert waiting(Wanted())[mode.value] == 0


@pytest.mark.parametrize(("mode", "field"), [(Mode.FLAGGED, "flagged"), (Mode.SUGGESTED, "suggested")])
def test_what_is_raised_comes_when_asked_for(owner: User, anna: User, mode: Mode, field: str) -> None:
    images = waiting_images(owner, 4)
    for image in images[1:3]:
        rated(image, **{field: True})
    assert in_order(anna, Wanted(mode)) == [images[1].pk, images[2].pk]


def test_the_newest_and_the_random_sample_have_orders_of_their_own(owner: User, anna: User) -> None:
    images = waiting_images(owner, 3, score=5)
    for image, place in zip(images, (0.5, 0.1, 0.3), strict=True):
        rated(image, sample_order=place)
    assert in_order(anna, Wanted(Mode.NEWEST)) == [image.pk for image in images]
    ReviewItem.objects.update(leased_by=None, leased_until=None)
    assert in_order(anna, Wanted(Mode.RANDOM)) == [images[1].pk, images[2].pk, images[0].pk]


def test_one_of_five_in_the_mixture_is_drawn_at_random(
    owner: User, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = waiting_images(owner, 3)
    rated(images[2], sample_order=0)
    rated(images[0], sample_order=0.9)
    draws = iter([1, 0])
    monkeypatch.setattr(queueing.secrets, "randbelow", lambda n: next(draws) if n == 5 else None)

    first = take_next(anna, Wanted())
    second = take_next(anna, Wanted(), [images[0].pk])
    assert first is not None
    assert second is not None
    assert (first.item.pk, first.mode) == (images[0].pk, Mode.MIXED)
    assert (second.item.pk, second.mode) == (images[2].pk, Mode.RANDOM)


def test_whose_turn_in_the_sample_came_is_marked_even_when_it_was_completed_before(owner: User, anna: User) -> None:
    images = waiting_images(owner, 4)
    rated(images[0], completed_at=timezone.now())
    rated(images[3], completed_at=timezone.now())
    assert taken(anna, Wanted(Mode.UNCERTAIN)) is None
    assert taken(anna, Wanted(Mode.NEWEST)) == images[1].pk
    assert not ReviewItem.objects.filter(sampled_at__isnull=False).exists()

    release(anna, images[1].pk)
    assert taken(anna, Wanted(Mode.RANDOM)) == images[1].pk
    sampled = ReviewItem.objects.filter(sampled_at__isnull=False)
    assert set(sampled.values_list("pk", flat=True)) == {images[0].pk, images[1].pk}


def test_a_filtered_sample_is_no_sample_of_all(owner: User, anna: User) -> None:
    waiting_images(owner, 2, label="Dog")
    assert taken(anna, Wanted(Mode.RANDOM, label="Dog")) is not None
    assert not ReviewItem.objects.filter(sampled_at__isnull=False).exists()


# Leases --------------------------------------------------------------------------------------------------------------


def test_no_two_moderators_get_the_same_image(owner: User, anna: User, ben: User) -> None:
    images = waiting_images(owner, 2)
    assert taken(anna) == images[0].pk
    assert taken(ben) == images[1].pk
    assert taken(ben, holding=(images[1].pk,)) is None


def test_who_asks_again_gets_the_same_unless_they_hold_it(owner: User, anna: User) -> None:
    images = waiting_images(owner, 2)
    first = take_next(anna, Wanted())
    again = take_next(anna, Wanted())
    assert first is not None
    assert again is not None
    assert (first.item.pk, first.is_new) == (images[0].pk, True)
    assert (again.item.pk, again.is_new) == (images[0].pk, False)
    assert taken(anna, holding=(images[0].pk,)) == images[1].pk
    assert taken(anna, holding=(images[0].pk, images[1].pk)) is None


def test_what_is_leased_for_another_filter_is_not_forced_on_anybody(owner: User, anna: User) -> None:
    images = waiting_images(owner, 2)
    listed(images[1:], "Dog")
    assert taken(anna) == images[0].pk
    assert taken(anna, Wanted(label="Dog")) == images[1].pk


def test_a_lease_runs_out_and_can_be_renewed_in_time(owner: User, anna: User, ben: User) -> None:
    (image,) = waiting_images(owner, 1)
    assert taken(anna) == image.pk
    lease = ReviewItem.objects.get().leased_until
    assert lease is not None
    assert timedelta(seconds=110) < lease - timezone.now() <= timedelta(minutes=2)

    rated(image, leased_until=timezone.now() + timedelta(seconds=1))
    assert renew(anna, image.pk)
    assert taken(ben) is None
    assert not renew(ben, image.pk)

    rated(image, leased_until=timezone.now() - timedelta(seconds=1))
    assert taken(ben) == image.pk
    assert not renew(anna, image.pk)
    assert not release(anna, image.pk)
    assert not skip(anna, image.pk)


def test_what_is_given_back_is_free_at_once(owner: User, anna: User, ben: User) -> None:
    (image,) = waiting_images(owner, 1)
    taken(anna)
    assert release(anna, image.pk)
    assert release(anna, image.pk)
    assert taken(ben) == image.pk


def test_what_is_skipped_comes_to_nobody_for_a_day(owner: User, anna: User, ben: User) -> None:
    (image,) = waiting_images(owner, 1)
    taken(anna)
    assert skip(anna, image.pk)
    assert taken(anna) is None
    assert taken(ben) is None
    rated(image, skipped_until=timezone.now())
    assert taken(ben) == image.pk


@pytest.mark.parametrize(("mode", "field"), [(Mode.FLAGGED, "flagged"), (Mode.SUGGESTED, "suggested")])
@pytest.mark.parametrize("filters", [{}, {"label": "Dog"}])
def test_what_is_complete_comes_again_when_it_is_raised(
    owner: User, anna: User, mode: Mode, field: str, filters: dict[str, str]
) -> None:
    [image] = waiting_images(owner, 1, label="Dog", completed_at=timezone.now())
    assert taken(anna, Wanted(mode, **filters)) is None
    rated(image, **{field: True})
    assert waiting(Wanted(mode, **filters))[mode] == 1
    assert taken(anna, Wanted(mode, **filters)) == image.pk
    assert taken(anna, Wanted(**filters)) is None


def test_what_is_complete_does_not_come(owner: User, anna: User) -> None:
    images = waiting_images(owner, 2)
    rated(images[0], completed_at=timezone.now())
    assert in_order(anna, Wanted()) == [images[1].pk]


@pytest.mark.parametrize(
    "meanwhile",
    [
        {"leased_until": timezone.now() + TEN_MINUTES},
        {"completed_at": timezone.now()},
        {"skipped_until": timezone.now() + timedelta(days=1)},
    ],
)
def test_who_was_slower_goes_on_to_the_next(
    owner: User, anna: User, ben: User, monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, Any]
) -> None:
    images = waiting_images(owner, 2)
    found = queueing._first

    def and_then_somebody_is_faster(wanted: Wanted, holding: Any) -> list[ReviewItem]:
        items = found(wanted, holding)
        rated(images[0], leased_by=ben, **meanwhile)
        return items

    monkeypatch.setattr(queueing, "_first", and_then_somebody_is_faster)
    assert taken(anna) == images[1].pk
    assert ReviewItem.objects.get(image=images[0]).leased_by == ben


# Filters -------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[300, 1], ids=["read from the filter", "met on the way"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "_FEW", request.param)


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("mode", [Mode.MIXED, Mode.RANDOM, Mode.NEWEST])
def test_filters_leave_what_matches_in_the_same_order(owner: User, stranger: User, anna: User, mode: Mode) -> None:
    images = waiting_images(owner, 6, score=3)
    theirs = waiting_images(stranger, 2, score=3)
    for number, image in enumerate([*images, *theirs]):
        rated(image, sample_order=number / 100, score=90 - number)
    listed(images[1:4], "Dog")
    listed(images[3:5], "Cat", detector="faces")
    listed(theirs, "Dog")
    newest_first = {Mode.NEWEST: sorted([*images[1:4], *theirs], key=lambda image: image.created_at, reverse=True)}

    def found(**filters: Any) -> list[UUID]:
        ReviewItem.objects.update(leased_by=None, leased_until=None)
        return in_order(anna, Wanted(mode, **filters))

    assert found(label="dog") == [image.pk for image in newest_first.get(mode, [*images[1:4], *theirs])]
    assert found(label="Dog", owner="owner") == [image.pk for image in images[1:4]]
    assert found(label="Cat", detector="faces") == [image.pk for image in images[3:5]]
    assert found(label="Cat", detector="onnx") == []
    assert found(detector="faces") == [image.pk for image in images[3:5]]
    assert found(owner="stranger") == [image.pk for image in theirs]
    assert found(owner="nobody") == []
    day = images[0].created_at.date()
    assert found(since=day + timedelta(days=1)) == []
    assert found(until=day - timedelta(days=2)) == []
    assert len(found(since=day - timedelta(days=2), until=day)) == 8


def test_what_waits_is_counted_within_the_filters_and_up_to_a_bound(
    owner: User, stranger: User, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = waiting_images(owner, 5, uncertainty=10)
    waiting_images(stranger, 1, label="Dog", flagged=True)
    rated(images[0], suggested=True)
    rated(images[1], completed_at=timezone.now())
    rated(images[2], skipped_until=timezone.now() + timedelta(days=1))
    listed(images, "Dog")

    everything = {"mixed": 4, "random": 4, "newest": 4, "uncertain": 3, "flagged": 1, "suggested": 1}
    for wanted in (Wanted(), Wanted(label="Dog"), Wanted(Mode.FLAGGED, since=images[-1].created_at.date())):
        assert waiting(wanted) == {"disagreement": 0, "rare": 0, **everything}
    assert waiting(Wanted(owner="stranger"))["mixed"] == 1
    assert waiting(Wanted(label="Dog", owner="stranger"))["mixed"] == 1
    monkeypatch.setattr(queueing, "COUNTED_AT_MOST", 2)
    assert waiting(Wanted())["mixed"] == 2
    assert waiting(Wanted(label="Dog"))["newest"] <= 2


# What moderators may see ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sees", "expected"),
    [("all", [0, 1, 2, 3]), ("flagged_and_suggested", [0, 1]), ("shared", [2])],
)
@pytest.mark.parametrize("mode", [Mode.MIXED, Mode.RANDOM, Mode.NEWEST])
def test_the_queue_holds_what_the_setting_allows(
    owner: User, anna: User, settings: Any, sees: str, expected: list[int], mode: Mode
) -> None:
    settings.MODERATION_SEES = sees
    images = waiting_images(owner, 4)
    rated(images[0], flagged=True)
    rated(images[1], suggested=True)
    rated(images[2], shared=True)
    assert in_order(anna, Wanted(mode)) == [images[number].pk for number in expected]
    assert waiting(Wanted())[mode.value] == len(expected)


# How it is found -----------------------------------------------------------------------------------------------------


@pytest.fixture
def many(owner: User) -> list[Image]:
    """Enough that a database does not rather read everything."""
    images = waiting_images(owner, 2_000)
    values = {"uncertainty": 40, "disagreement": 30, "rarity": 20}
    for start in range(0, 2_000, 100):
        some = [image.pk for image in images[start : start + 100]]
        changed = {name: value + start / 100 for name, value in values.items()}
        ReviewItem.objects.filter(pk__in=some).update(**changed, flagged=start < 200, suggested=100 < start < 300)
    listed(images, "Dog")
    listed(images[::500], "Axolotl", "faces")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return images


_INDEXES = {
    Mode.MIXED: "review_score",
    Mode.UNCERTAIN: "review_uncertain",
    Mode.DISAGREEMENT: "review_disagree",
    Mode.RARE: "review_rare",
    Mode.RANDOM: "review_random",
    Mode.FLAGGED: "review_flagged",
    Mode.SUGGESTED: "review_suggested",
    Mode.NEWEST: "review_newest",
}


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("label", ["", "Dog"])
def test_the_next_is_read_from_an_index_and_nothing_is_sorted(many: list[Image], mode: Mode, label: str) -> None:
    wanted = Wanted(mode, label=label)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert queueing._first(wanted, [])
    last = queries[-1]["sql"]
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {last}")
        how = "\n".join(str(row) for row in cursor.fetchall())
    assert _INDEXES[mode] in how
    assert "TEMP B-TREE" not in how
    assert "Sort" not in how.replace("Incremental Sort", "")


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("filters", [{}, {"label": "Dog"}, {"label": "Axolotl"}, {"owner": "owner"}])
def test_few_statements_whatever_is_asked_for(many: list[Image], anna: User, mode: Mode, filters: Any) -> None:
    with CaptureQueriesContext(connection) as queries:
        take_next(anna, Wanted(mode, **filters))
    # The random sample also notes whose turn has come, in a transaction of its own.
    assert len(queries) <= (8 if mode is Mode.RANDOM else 5)
