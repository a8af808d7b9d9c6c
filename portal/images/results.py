"""Results as they lie in the `derived` storage, on their way to rows."""

from __future__ import annotations

import re
from uuid import UUID

from django.core.files.storage import storages

from portal.images.deletion import contents_path
from portal.images.erasing import owe
from portal.images.models import Image
from portal.images.recording import record_result
from recognition.result import ContractError, Result

_RESULT = re.compile(r"derived/(?P<owner>[0-9]+)/(?P<image>[0-9a-f-]{36})/results/[^/]+\.json")


class ResultMissing(Exception):
    """There is nothing at the key, though the image is there."""


def read_result(key: str) -> Result:
    """Raises FileNotFoundError, and ContractError for what is no result."""
    with storages["derived"].open(key) as file:
        return Result.from_json(file.read())


def record_stored(image_id: UUID, key: str) -> bool:
    """Record the result at `key`, as often as one likes. False when its image was deleted: then its files go too.

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
    _owe_leftovers(int(named["owner"]), result)
    return False


def _owe_leftovers(owner_id: int, result: Result) -> None:
    """What was written while the image was being deleted."""
    gone = Image(pk=result.image_id, owner_id=owner_id)
    owe([("uploads", gone.upload_key), ("derived", gone.derived_prefix)])
    content = result.image.sha256 if result.image else ""
    if content and not Image.objects.filter(owner_id=owner_id, sha256=content).exists():
        owe([contents_path(owner_id, content)])
