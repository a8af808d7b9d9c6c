"""Building a snapshot in small steps: when whoever takes them dies, somebody else goes on from the last one."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.finetuning.candidates import box_counts, candidates, rows_of
from portal.finetuning.hashing import with_hashes
from portal.finetuning.models import SILENCE, DatasetImage, DatasetSnapshot, SnapshotState
from portal.finetuning.settling import settle
from portal.finetuning.storing import store_lists, store_pictures
from portal.moderation.words import Vocabulary

logger = logging.getLogger(__name__)

IMAGES_AT_ONCE = 1000
_TRIES = 3

WENT_WRONG = "Something went wrong on our side while this dataset was being built. Make another one to try again."


class _Lost(Exception):
    """The snapshot is not ours any more, or gone."""


class _CannotBuild(Exception):
    """There is nothing to build from; says so to people."""


def advance(snapshot_id: UUID | str, seconds: float) -> bool:
    """Build on for about so many seconds. True when there is nothing left to do, be it ready, failed or gone.

    Safe to call any number of times, from anywhere: nothing happens while somebody else is at it.
    """
    claim = uuid4()
    snapshot = _claimed(snapshot_id, claim)
    if snapshot is None:
        return not DatasetSnapshot.objects.filter(pk=snapshot_id, state=SnapshotState.BUILDING).exists()
    build = _Build(snapshot, claim, time.monotonic() + seconds)
    try:
        return build.go_on()
    except _Lost:
        return False
    except _CannotBuild as error:
        build.fail(str(error))
    except Exception:
        logger.exception("could not build the dataset %s", snapshot.pk)
        build.fail(WENT_WRONG)
    return True


def _claimed(snapshot_id: UUID | str, claim: UUID) -> DatasetSnapshot | None:
    now = timezone.now()
    free = Q(claim=None) | Q(beat_at__lt=now - SILENCE)
    building = DatasetSnapshot.objects.filter(free, pk=snapshot_id, state=SnapshotState.BUILDING)
    return DatasetSnapshot.objects.get(pk=snapshot_id) if building.update(claim=claim, beat_at=now) else None


@dataclass
class _Build:
    """One go at a snapshot under a claim."""

    snapshot: DatasetSnapshot
    claim: UUID
    until: float

    def go_on(self) -> bool:
        """Take steps until all is done or the time is over, then let others have it. Whether all is done."""
        steps: tuple[Callable[[], bool], ...] = (self._count, self._collect, self._settle, self._store)
        for step in steps:
            while not step():
                if time.monotonic() > self.until:
                    self._save(claim=None)
                    return False
        self._save(claim=None, state=SnapshotState.READY, finished_at=timezone.now())
        return True

    def fail(self, why: str) -> None:
        self._mine().update(state=SnapshotState.FAILED, error=why, claim=None, finished_at=timezone.now())

    def _mine(self) -> QuerySet[DatasetSnapshot]:
        return DatasetSnapshot.objects.filter(pk=self.snapshot.pk, claim=self.claim)

    def _save(self, **changes: Any) -> None:
        """Write down how far it is. Raises _Lost when somebody else has taken it, as we were silent for too long."""
        if not self._mine().update(beat_at=timezone.now(), **changes):
            raise _Lost
        for name, value in changes.items():
            setattr(self.snapshot, name, value)

    # Each step says whether there is nothing left of it.

    def _count(self) -> bool:
        snapshot = self.snapshot
        if snapshot.images_total is not None:
            return True
        counts = box_counts(Vocabulary.load())
        spelled = {label.lower(): label for label in counts}
        chosen = [spelled.get(label.lower(), label) for label in snapshot.labels or sorted(counts)]
        taken = sorted({label for label in chosen if counts[label] >= max(1, snapshot.minimum)})
        if not taken:
            raise _CannotBuild(_too_few(counts, chosen, snapshot.minimum))
        left_out = {label: counts[label] for label in chosen if label not in taken}
        self._save(
            categories=[{"id": number, "name": label} for number, label in enumerate(taken, start=1)],
            images_total=candidates(snapshot).count(),
            tally={"left_out": left_out},
        )
        return True

    def _collect(self) -> bool:
        tries = 0
        while True:
            try:
                with transaction.atomic():
                    return self._collect_some()
            except (IntegrityError, OperationalError):  # one of the images was deleted just now, or is about to be
                tries += 1
                if tries == _TRIES:
                    raise
                self.snapshot.refresh_from_db()

    def _collect_some(self) -> bool:
        snapshot = self.snapshot
        if "collected" in snapshot.tally:
            return True
        after = Q(pk__gt=snapshot.last_image) if snapshot.last_image else Q()
        images = list(candidates(snapshot).filter(after)[:IMAGES_AT_ONCE])
        if not images:
            self._save(tally={**snapshot.tally, "collected": True})
            return True
        rows, met = rows_of(snapshot, images, Vocabulary.load())
        met["without_hash"] = with_hashes(images, rows)
        DatasetImage.objects.bulk_create(rows, ignore_conflicts=True)
        if connection.vendor == "postgresql":
            # Takes hold of the images before the snapshot, as does whoever deletes one.
            connection.check_constraints()
        counted = Counter(snapshot.tally.get("met", {})) + met
        self._save(
            last_image=images[-1].pk,
            images_done=snapshot.images_done + len(images),
            tally={**snapshot.tally, "met": dict(counted)},
        )
        return False

    def _settle(self) -> bool:
        if "settled" in self.snapshot.tally:
            return True
        with transaction.atomic():
            card = settle(self.snapshot)
            if not card["counts"]["images"]:
                raise _CannotBuild("No image is left for this dataset: see what its labels were given to.")
            self._save(card=card, tally={**self.snapshot.tally, "settled": True})
        return True

    def _store(self) -> bool:
        snapshot = self.snapshot
        if snapshot.with_images and not store_pictures(snapshot, self._stored, self.until):
            return False
        store_lists(snapshot)
        return True

    def _stored(self, last: str, pictures: int) -> None:
        self._save(last_picture=last, pictures_done=self.snapshot.pictures_done + pictures)


def _too_few(counts: Counter[str], chosen: list[str], minimum: int) -> str:
    if not counts:
        return "Nobody has approved, corrected or drawn a box yet, so there is nothing to make a dataset of."
    most = max(chosen, key=lambda label: counts[label], default="")
    return f"None of the labels has {max(1, minimum):,} boxes: “{most}” has the most, {counts[most]:,}."
