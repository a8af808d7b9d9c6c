"""The history from what the storages hold: for a database that was lost, or restored from last night.

Every image has a folder of its own, with a sidecar and with each of its results; nothing in it is ever changed. What
nothing but the database knew is not made up: allowances used today, budgets, labels that people corrected.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from math import inf

from django.core.files.storage import storages
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from portal.accounts.models import User
from portal.images.erasing import owed
from portal.images.models import Image, Status
from portal.images.queueing import send_queued
from portal.images.recording import record_result
from portal.images.replaying_owners import Owners
from portal.images.stored import Folder, Remains, folders, read, with_results

_AT_ONCE = 100
_READERS = 16
_REPORTED_EVERY_SECONDS = 5.0


@dataclass
class Replayed:
    """How many there were of each kind; `problems` are sentences, `finished` is false when the time was over first."""

    images: int = 0
    results: int = 0
    known: int = 0
    queued: int = 0
    never_uploaded: int = 0
    owners_made: int = 0
    problems: list[str] = field(default_factory=list)
    finished: bool = True


def replay(
    *,
    dry_run: bool = False,
    create_missing_owners: bool = False,
    within: float = inf,
    report: Callable[[str], None] = lambda _: None,
) -> Replayed:
    """Make the rows that are missing; those that are there stay as they are. An image without a result is queued.

    After `within` seconds it stops; the next time it goes on from there.
    """
    until = time.monotonic() + within
    said = time.monotonic()
    owners = Owners(dry_run=dry_run, create=create_missing_owners)
    all_folders = folders()
    # Reading takes long because S3 is far away, not because it is much.
    with ThreadPoolExecutor(_READERS) as readers:
        replaying = _Replaying(readers, owners, dry_run=dry_run)
        for start in range(0, len(all_folders), _AT_ONCE):
            if time.monotonic() > until:
                replaying.outcome.finished = False
                break
            replaying.take(all_folders[start : start + _AT_ONCE])
            if time.monotonic() - said > _REPORTED_EVERY_SECONDS:
                said = time.monotonic()
                report(f"{min(start + _AT_ONCE, len(all_folders)):,} of {len(all_folders):,} images looked at")
    return replaying.finish()


class _Replaying:
    def __init__(self, readers: Executor, owners: Owners, *, dry_run: bool) -> None:
        self._readers = readers
        self._dry_run = dry_run
        self._owners = owners
        self.outcome = Replayed()

    def finish(self) -> Replayed:
        self.outcome.owners_made = self._owners.made
        self.outcome.problems += self._owners.problems
        return self.outcome

    def take(self, these: Sequence[Folder]) -> None:
        """Deal with some folders: those whose rows are complete are not even read."""
        these = _kept(these)
        missing = list(_incomplete(list(self._readers.map(with_results, these))))
        found = list(self._readers.map(read, missing))
        self.outcome.known += len(these) - len(missing)
        queued: list[Image] = []
        for remains in found:
            self.outcome.problems += remains.problems
            image = self._restore(remains)
            if image is not None:
                queued.append(image)
        send_queued(queued)

    def _restore(self, remains: Remains) -> Image | None:
        """Make the rows of one image. Returns it when it must be recognised first."""
        if not remains.results and not remains.folder.has_original:
            self.outcome.never_uploaded += 1
            return None
        owner = self._owners.of(remains.folder.owner_id, remains.username, remains.created_at)
        if owner is None:
            return None
        self.outcome.images += 1
        self.outcome.results += len(remains.results)
        self.outcome.queued += not remains.results
        return None if self._dry_run else _write(remains, owner)


def _kept(these: Sequence[Folder]) -> list[Folder]:
    """Without those that are to be erased: what was deleted stays so."""
    places = {folder: {folder.original_key, folder.derived_prefix, *folder.of_owner} for folder in these}
    doomed = owed({path for paths in places.values() for path in paths})
    return [folder for folder, paths in places.items() if not paths & doomed]


def _incomplete(these: Sequence[Folder]) -> Iterator[Folder]:
    rows = Image.objects.filter(pk__in=[folder.image_id for folder in these]).order_by()
    recorded = dict(rows.annotate(results=Count("recognitions")).values_list("pk", "results"))
    for folder in these:
        if recorded.get(folder.image_id, -1) < len(folder.result_keys):
            yield folder


@transaction.atomic
def _write(remains: Remains, owner: User) -> Image | None:
    now = timezone.now()
    waiting = {} if remains.results else {"status": Status.QUEUED, "queued_at": now}
    image, created = Image.objects.get_or_create(
        pk=remains.folder.image_id,
        defaults={
            "owner": owner,
            "filename": remains.filename,
            "content_type": remains.content_type,
            "byte_size": remains.byte_size,
            "sha256": _content_of(remains),
            "created_at": remains.created_at or now,
            **waiting,
        },
    )
    for result in remains.results:
        record_result(result)
    return image if created and waiting else None


def _content_of(remains: Remains) -> str:
    """The SHA-256 that a result names; of a file that was never opened, its own."""
    named = [result.image.sha256 for result in remains.results if result.image is not None]
    if named or not remains.results or not remains.folder.has_original:
        return named[-1] if named else ""
    digest = hashlib.sha256()
    with storages["uploads"].open(remains.folder.original_key) as file:
        for chunk in file.chunks():
            digest.update(chunk)
    return digest.hexdigest()
