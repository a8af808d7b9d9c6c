"""What a model has learnt from before: on that it cannot be measured.

A training that starts from an earlier version knows all pictures that this one, and those before it, learnt from or
were chosen by. In another dataset they may be among the test pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.db.models import Q

from portal.finetuning.models import DatasetImage, ModelVersion
from portal.finetuning.splitting import Split

NOTHING_UNKNOWN: Final = (
    "What this starts from has learnt from all test pictures of the dataset, so it cannot be measured on them. Start "
    "from something else, or have a dataset with other photos."
)


def known_to_start(version: ModelVersion) -> set[str]:
    """Hashes of those test pictures of its dataset that what it starts from has seen, or pictures that look alike."""
    datasets = list(_datasets(version))
    if not datasets:
        return set()
    seen = DatasetImage.objects.filter(snapshot__in=datasets).exclude(split=Split.TEST)
    tested = version.dataset.images.filter(split=Split.TEST)
    groups = tested.filter(Q(sha256__in=seen.values("sha256")) | Q(group_key__in=seen.values("group_key")))
    return set(tested.filter(group_key__in=groups.values("group_key")).values_list("sha256", flat=True))


def _datasets(version: ModelVersion) -> Iterator[UUID]:
    """Of the version that it starts from, of the one that this started from, and so on."""
    start = version.start
    while earlier := _version(start):
        yield earlier.dataset_id
        start = earlier.start


def _version(start: str) -> ModelVersion | None:
    try:
        return ModelVersion.objects.filter(pk=UUID(start)).first()
    except ValueError:
        return None
