"""Which content flags are worth a warning: each category has a threshold of its own, or the common one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.conf import settings

from portal.moderation.models import ContentThreshold
from recognition.result import ModerationLabel


def flag_limits() -> dict[str, float]:
    """The thresholds of categories that have one of their own, in percent; one query."""
    return dict(ContentThreshold.objects.values_list("category", "confidence"))


def warning_flags(flags: Sequence[ModerationLabel], limits: Mapping[str, float]) -> tuple[ModerationLabel, ...]:
    """The flags that are as sure as the limit of their top-level category, surest first."""
    parents = {flag.name: flag.parent for flag in flags}
    sure = [
        flag
        for flag in flags
        if flag.confidence >= limits.get(_category(flag.name, parents), settings.CONTENT_FLAG_CONFIDENCE)
    ]
    return tuple(sorted(sure, key=lambda flag: -flag.confidence))


def _category(name: str, parents: Mapping[str, str]) -> str:
    """The top of the taxonomy above a flag, as far as the result tells."""
    passed = {name}
    while (above := parents.get(name)) and above not in passed:
        name = above
        passed.add(name)
    return name
