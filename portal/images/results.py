"""Results as they lie in the `derived` storage, on their way to rows."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from uuid import UUID

from django.core.cache import cache
from django.core.files.storage import storages
from django.db import transaction

from portal.images.deletion import contents_path
from portal.images.erasing import owe, owed
from portal.images.models import Image
from portal.images.recording import record_result
from portal.images.spending import record_lost_spend
from recognition.result import ContractError, Result

logger = logging.getLogger(__name__)

_RESULT = re.compile(r"derived/(?P<owner>[0-9]+)/(?P<image>[0-9a-f-]{36})/results/[^/]+\.json")


# For so long may the word of a result come again.
_TOLD_AGAIN_WITHIN = timedelta(days=30)


class ResultMissing(Exception):
    """There is nothing at the key, though the image is there."""


def read_result(key: str) -> Result:
    """Raises FileNotFoundError, and ContractError for what is no result."""
    with storages["derived"].open(key) as file:
        return Result.from_json(file.read())


def record_stored(image_id: UUID, key: str) -> bool:
    """Record the result at `key`, as often as one likes. False when there is no such image.

    If that was deleted its files go too; those of one that the database forgot stay for `replay_results`.
    Raises ContractError for what is no result of this image's, and ResultMissing.
    """
    named = _RESULT.fullmatch(key)
    if named is None or named["image"] != str(image_id):
        raise ContractError(f"{key} is no place for a result of {image_id}")
    try:
        result = read_result(key)
    except FileNotFoundError:
        if Image.objects.filter(pk=image_id).exists():
            raise ResultMissing(f"there is nothing at {key}") from None
        return False
    if result.image_id != image_id:
        raise ContractError(f"{key} holds a result of {result.image_id}")
    if record_result(result) is not None:
        return True
    gone = Image(pk=image_id, owner_id=int(named["owner"]))
    if _is_lost(gone):
        logger.warning("nothing is known of the image %s, whose files are there: see replay_results", image_id)
        return False
    _record_spend_once(gone, key, result)
    _owe_leftovers(gone, result)
    return False


def _is_lost(image: Image) -> bool:
    """Whether the database forgot it: its original is there, and nobody has asked for that to go."""
    if owed([image.upload_key, f"uploads/{image.owner_id}"]):
        return False
    return storages["uploads"].exists(image.upload_key)


@transaction.atomic
def _record_spend_once(gone: Image, key: str, result: Result) -> None:
    """What was paid for an image that was deleted meanwhile; no row remembers that it is counted."""
    if result.cost_micro_usd and cache.add(f"lost-spend.{key}", True, int(_TOLD_AGAIN_WITHIN.total_seconds())):
        record_lost_spend(gone.owner_id, result)


def _owe_leftovers(gone: Image, result: Result) -> None:
    """What was written while the image was being deleted."""
    owe([("uploads", gone.upload_key), ("derived", gone.derived_prefix)])
    content = result.image.sha256 if result.image else ""
    if content and not Image.objects.filter(owner_id=gone.owner_id, sha256=content).exists():
        owe([contents_path(gone.owner_id, content)])
