"""Erasing stored files, surely: what must go is written down first, and crossed out when it is gone."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from math import inf

from django.core.files.storage import Storage, storages
from django.db.models import F
from django.utils import timezone

from portal.accounts.models import ErasureReceipt
from portal.images import buckets
from portal.images.models import StorageDeletion

logger = logging.getLogger(__name__)

BATCH = 200


def owe(paths: Iterable[tuple[str, str]], receipt: ErasureReceipt | None = None, after: datetime | None = None) -> None:
    """Write down (storage alias, path) pairs to be erased after `after`; call it in the transaction that deletes."""
    due = after or timezone.now()
    StorageDeletion.objects.bulk_create(
        [StorageDeletion(storage=alias, path=path, receipt=receipt, not_before=due) for alias, path in paths],
        batch_size=500,
    )


def owed(paths: Iterable[str]) -> set[str]:
    """Those among the paths that are to be erased, now or later."""
    return set(StorageDeletion.objects.filter(path__in=list(paths)).values_list("path", flat=True))


def keep(paths: Iterable[tuple[str, str]]) -> None:
    """Cross out what was to be erased at (storage alias, path) pairs: something new is coming there."""
    for alias, path in paths:
        StorageDeletion.objects.filter(storage=alias, path=path).delete()


def erase_due(within: float = inf) -> int:
    """Erase whatever is due; what fails is kept, with its error, for a later try. Returns how many paths are gone.

    No path is begun after `within` seconds.
    """
    until = time.monotonic() + within
    erased = 0
    while batch := list(StorageDeletion.objects.filter(not_before__lte=timezone.now())[:BATCH]):
        for deletion in batch:
            if time.monotonic() > until:
                return erased
            erased += _erase(deletion, until)
    return erased


def _erase(deletion: StorageDeletion, until: float) -> bool:
    try:
        if buckets.on_s3(deletion.storage):
            if not buckets.erase(deletion.storage, deletion.path, until):
                return False
        else:
            erase_path(storages[deletion.storage], deletion.path)
    except Exception as error:
        logger.exception("could not erase %s", deletion)
        wait = timedelta(seconds=min(2.0 ** (deletion.attempts + 1), 3600.0))
        StorageDeletion.objects.filter(pk=deletion.pk).update(
            attempts=F("attempts") + 1,
            not_before=timezone.now() + wait,
            last_error=f"{type(error).__name__}: {error}"[:1000],
        )
        return False
    StorageDeletion.objects.filter(pk=deletion.pk).delete()
    return True


def erase_path(storage: Storage, path: str) -> None:
    """Delete the file `path` and everything below it; nothing there is fine."""
    try:
        folders, files = storage.listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        folders, files = [], []
    for name in files:
        storage.delete(f"{path}/{name}")
    for name in folders:
        erase_path(storage, f"{path}/{name}")
    storage.delete(path)
