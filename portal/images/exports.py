"""What is too large for an answer of the `web` Lambda (6 MB) is stored in the derived bucket, and fetched from there.

The archive of a person's data takes minutes: an object under `outbox/exports/` asks the `manage` Lambda for it. Lists
of the history take seconds, and are stored while their request waits.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.taking_along import Archive
from portal.images import buckets
from portal.images.erasing import owe
from portal.images.models import DataExport
from portal.images.models.exports import KEPT, SILENCE
from portal.images.multipart import store_stream

logger = logging.getLogger(__name__)

# A part of an archive: small enough for every disk, and for being made in one go.
PART_BYTES = 4_000_000_000
# Of the `manage` Lambda's 15 minutes; what is left then goes on in another run.
SECONDS = 600.0
_BEAT_SECONDS = 3.0
# How long an address of S3 serves to begin a download with.
ADDRESS_SECONDS = 300
# An answer must be complete within 30 seconds.
LIST_SECONDS = 20.0
# From then on nobody can be fetching a list any more.
_LIST_KEPT = timedelta(hours=2)

FAILED = "Something went wrong on our side while your data was being packed. You can try again."


def request_export(user: User) -> DataExport:
    """Ask for an archive of all that is `user`'s, or return the one that is being made already."""
    for abandoned in _abandoned().filter(user=user):
        _fail(abandoned)
    try:
        with transaction.atomic():
            export = DataExport.objects.create(user=user, images_total=user.images.count())
    except IntegrityError:
        return DataExport.objects.get(user=user, finished_at=None)
    # Earlier archives are of no use from now on.
    _forget(DataExport.objects.filter(user=user).exclude(pk=export.pk))
    try:
        _ask(export)
    except Exception:
        logger.exception("could not ask for the export %s", export.pk)
        _fail(export)
    return export


def _ask(export: DataExport) -> None:
    document = {"schema": "imagesift.export/1", "export_id": str(export.pk)}
    storages["derived"].save(f"outbox/exports/{export.pk}.json", ContentFile(json.dumps(document).encode()))


def latest_export(user: User) -> DataExport | None:
    """The archive to tell a person about: the newest one, as long as it can be fetched."""
    export = DataExport.objects.filter(user=user).first()
    return None if export is None or (export.finished_at and not export.error and not export.is_ready) else export


def build(export_id: UUID | str, seconds: float = SECONDS) -> bool:
    """Make an archive that was asked for, part by part; what is not done after `seconds` is asked for once more.

    Safe to call any number of times: nothing happens while another one is at it, or when it is done. A failure is told
    to the person, who can try again, and raised to nobody. True when it is complete.
    """
    now, claim = timezone.now(), uuid4()
    free = Q(claim=None) | Q(beat_at__lt=now - SILENCE)
    if not DataExport.objects.filter(free, pk=export_id, finished_at=None).update(claim=claim, beat_at=now):
        return False
    export = DataExport.objects.select_related("user").get(pk=export_id)
    try:
        done = _build_parts(export, claim, time.monotonic() + seconds)
        if not done:
            DataExport.objects.filter(pk=export.pk, claim=claim).update(claim=None, beat_at=timezone.now())
            _ask(export)
    except _Lost:
        if not DataExport.objects.filter(pk=export.pk).exists():
            _erase_files(export)
        return False
    except Exception:
        logger.exception("could not make the export %s", export.pk)
        _fail(export)
        return False
    return done


class _Lost(Exception):
    """The export is not ours any more, or its person is gone."""


def _build_parts(export: DataExport, claim: UUID, until: float) -> bool:
    """Make parts until all is packed or the time is over."""
    mine = DataExport.objects.filter(pk=export.pk, claim=claim, finished_at=None)
    while True:
        part = Archive(export.user, export.last_image, lambda size: size > PART_BYTES or time.monotonic() > until)
        key = _part_key(export, claim)
        size = store_stream("derived", key, _reported(part, export, mine), "application/zip")
        export.files = [*export.files, {"key": key, "byte_size": size}]
        export.byte_size += size
        export.images_done += part.images
        export.last_image = part.last
        done = {
            "files": export.files,
            "byte_size": export.byte_size,
            "images_done": export.images_done,
            "last_image": export.last_image,
            "beat_at": timezone.now(),
            "finished_at": timezone.now() if part.is_last_part else None,
        }
        if not mine.update(**done):
            raise _Lost
        if part.is_last_part or time.monotonic() > until:
            return part.is_last_part


def _part_key(export: DataExport, claim: UUID) -> str:
    """Two that make the same part, because one of them was taken for dead, do not overwrite each other's."""
    number = len(export.files) + 1
    return f"{export.folder}/{export.pk}/{number}-{claim.hex[:8]}.zip"


def _reported(part: Archive, export: DataExport, mine: Any) -> Iterator[bytes]:
    """The part's bytes, reporting every few seconds how far it is. Raises _Lost as soon as the export is not ours."""
    beat = time.monotonic()
    for piece in part:
        if time.monotonic() - beat > _BEAT_SECONDS:
            beat = time.monotonic()
            if not mine.update(beat_at=timezone.now(), images_done=export.images_done + part.images):
                raise _Lost
        yield piece


def _abandoned() -> Any:
    return DataExport.objects.filter(finished_at=None, beat_at__lt=timezone.now() - SILENCE)


def _fail(export: DataExport) -> None:
    DataExport.objects.filter(pk=export.pk, finished_at=None).update(finished_at=timezone.now(), error=FAILED)
    _erase_files(export)


def _erase_files(export: DataExport) -> None:
    # Once more after anybody could still be writing.
    path = ("derived", f"{export.folder}/{export.pk}")
    owe([path])
    owe([path], after=timezone.now() + timedelta(minutes=20))


def _forget(exports: Any) -> int:
    """Delete finished exports with their files."""
    found = list(exports.exclude(finished_at=None))
    with transaction.atomic():
        owe(("derived", f"{export.folder}/{export.pk}") for export in found)
        DataExport.objects.filter(pk__in=[export.pk for export in found]).delete()
    return len(found)


def tidy_exports() -> int:
    """Fail what nobody works at any more, and delete what has expired. Returns how many were deleted."""
    for export in _abandoned():
        _fail(export)
    return _forget(DataExport.objects.filter(finished_at__lt=timezone.now() - KEPT))


def address_of(export: DataExport, number: int) -> str | None:
    """Where S3 gives the part with this number (from 1) to whoever has the address; None when there is no such part."""
    if not export.is_ready or not 1 <= number <= len(export.files):
        return None
    suffix = f"-{number}-of-{len(export.files)}" if len(export.files) > 1 else ""
    return _attachment(export.files[number - 1]["key"], f"imagesift-{export.requested_at:%Y-%m-%d}{suffix}.zip")


class TooLarge(Exception):
    """A list takes longer to make than a request may."""


def store_list(user: User, lines: Iterable[str], name: str, content_type: str) -> str:
    """Store a list of a person's images for an hour or two. Returns the address from which it downloads as `name`.

    Raises TooLarge when it is not complete within LIST_SECONDS.
    """
    key = f"exports/{user.pk}/lists/{uuid4()}"
    owe([("derived", key)], after=timezone.now() + _LIST_KEPT)
    until = time.monotonic() + LIST_SECONDS

    def pieces() -> Iterator[bytes]:
        for line in lines:
            if time.monotonic() > until:
                raise TooLarge
            yield line.encode()

    store_stream("derived", key, pieces(), content_type)
    return _attachment(key, name)


def _attachment(key: str, name: str) -> str:
    disposition = f'attachment; filename="{name}"'
    return buckets.address(
        "derived", key, seconds=ADDRESS_SECONDS, method="GET", ResponseContentDisposition=disposition
    )
