"""Which labels appear, vanish or move between two answers."""

from __future__ import annotations

import pytest

from portal.finetuning.comparing_labels import Change, Counts, Kind, Said, compare
from recognition.result import Box

HERE = Box(0.1, 0.1, 0.2, 0.2)
NEARLY_HERE = Box(0.12, 0.1, 0.2, 0.2)
BESIDE = Box(0.22, 0.1, 0.2, 0.2)
ELSEWHERE = Box(0.7, 0.7, 0.2, 0.2)


def dog(box: Box | None = HERE, sure: float = 90) -> Said:
    return Said("Dog", sure, box)


def test_the_same_place_is_no_change_however_sure_the_models_are() -> None:
    found = compare([dog(HERE, 51)], [dog(NEARLY_HERE, 99)])
    assert found.changes == ()
    assert found.counts == {"Dog": Counts(stays=1)}


def test_what_only_one_of_them_says_appears_or_vanishes() -> None:
    found = compare([dog()], [Said("Cat", 80, HERE)])
    assert found.changes == (Change(Kind.APPEARS, "Cat", 80, HERE), Change(Kind.VANISHES, "Dog", 90, HERE))
    assert found.counts == {"Cat": Counts(appears=1), "Dog": Counts(vanishes=1)}


def test_a_box_that_touches_where_it_was_has_moved() -> None:
    (moved,) = compare([dog(HERE)], [dog(BESIDE, 70)]).changes
    assert moved == Change(Kind.MOVES, "Dog", 70, BESIDE, HERE)


def test_one_here_and_one_far_away_are_two_things() -> None:
    found = compare([dog(HERE)], [dog(ELSEWHERE)])
    assert {change.kind for change in found.changes} == {Kind.APPEARS, Kind.VANISHES}
    assert found.counts["Dog"] == Counts(appears=1, vanishes=1)


def test_boxes_are_matched_one_to_one_the_best_first() -> None:
    found = compare([dog(HERE)], [dog(NEARLY_HERE, 60), dog(HERE, 55)])
    assert found.counts["Dog"] == Counts(appears=1, stays=1)
    (appeared,) = found.changes
    assert appeared.box == NEARLY_HERE


@pytest.mark.parametrize(("before", "after"), [([dog(None)], [dog(HERE)]), ([dog(HERE)], [dog(None)])])
def test_without_a_place_it_counts_whether_it_is_there(before: list[Said], after: list[Said]) -> None:
    assert compare(before, after).counts == {"Dog": Counts(stays=1)}
    assert compare([], [dog(None)]).changes == (Change(Kind.APPEARS, "Dog", 90),)
    assert compare([dog(None)], []).changes == (Change(Kind.VANISHES, "Dog", 90),)


def test_nothing_and_nothing_is_no_difference() -> None:
    assert compare([], []).counts == {}


@pytest.mark.parametrize(
    "change",
    [
        Change(Kind.MOVES, "Dog", 70.0, BESIDE, HERE),
        Change(Kind.APPEARS, "Dog", 70.0),
        Change(Kind.VANISHES, "Dog", 70.0, Box(1 / 3, 1 / 7, 2 / 3, 6 / 7)),
    ],
)
def test_changes_come_back_from_the_database_as_they_were(change: Change) -> None:
    again = Change.from_json(change.as_json())
    assert (again.kind, again.label, again.confidence) == (change.kind, change.label, change.confidence)
    for one, other in ((again.box, change.box), (again.before, change.before)):
        assert (one is None) == (other is None)
        if one and other:
            assert one.left == pytest.approx(other.left, abs=1e-6)
            assert one.width == pytest.approx(other.width, abs=1e-6)
