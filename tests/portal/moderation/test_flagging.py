"""Which content flags are worth a warning."""

from __future__ import annotations

import pytest

from portal.moderation.flagging import flag_limits, warning_flags
from portal.moderation.models import ContentThreshold
from recognition.result import ModerationLabel

VIOLENCE = ModerationLabel("Violence", "", 70, 1)
WEAPONS = ModerationLabel("Weapons", "Violence", 75, 2)
SMOKING = ModerationLabel("Smoking", "Drugs & Tobacco", 61, 2)
FAINT = ModerationLabel("Gambling", "", 59, 1)


def names(flags: tuple[ModerationLabel, ...], limits: dict[str, float]) -> list[str]:
    return [flag.name for flag in warning_flags(flags, limits)]


def test_only_sure_flags_warn_the_surest_first() -> None:
    assert names((SMOKING, FAINT, WEAPONS, VIOLENCE), {}) == ["Weapons", "Violence", "Smoking"]


def test_a_threshold_holds_for_all_that_is_below_its_category() -> None:
    assert names((SMOKING, WEAPONS, VIOLENCE), {"Violence": 72}) == ["Weapons", "Smoking"]
    assert names((SMOKING,), {"Drugs & Tobacco": 90}) == []
    assert names((FAINT,), {"Gambling": 10}) == ["Gambling"]


@pytest.mark.parametrize("name", ["A", "B"])
def test_a_taxonomy_that_turns_in_a_ring_ends(name: str) -> None:
    ring = (ModerationLabel("A", "B", 90, 1), ModerationLabel("B", "A", 90, 2))
    assert names(ring, {name: 50}) == ["A", "B"]


@pytest.mark.django_db
def test_the_limits_are_those_that_were_set() -> None:
    ContentThreshold.objects.all().delete()
    ContentThreshold.objects.create(category="Violence", confidence=30)
    assert flag_limits() == {"Violence": 30}
