"""What would change if a candidate ran, found in small steps: when whoever takes them dies, somebody else goes on.

Both models look at the stored previews, so that nothing is paid and no original is read. It needs imaging libraries.
"""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import numpy as np
from django.core.files.storage import storages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import UnidentifiedImageError

from portal.finetuning.candidate_models import CannotLook, candidate
from portal.finetuning.comparing_labels import Comparison, Counts, Said, compare
from portal.finetuning.model_words import as_documents, said_in
from portal.finetuning.models import SILENCE, DifferenceImage, DifferenceRun, ModelVersion, SnapshotState
from portal.images.models import FlagVerdict, Image, Status
from portal.moderation.words import Vocabulary

logger = logging.getLogger(__name__)

# The sample is drawn from so many times as many of the newest images.
POOL: Final = 10

WENT_WRONG: Final = "Something went wrong on our side while the two models were compared. Ask once more to try again."
NOTHING_THERE: Final = "There is no recognised image that the two models could be compared on."


class _Lost(Exception):
    """The run is not ours any more, or gone."""


def advance(run_id: UUID | str, seconds: float) -> bool:
    """Compare on for about so many seconds. True when there is nothing left to do, be it ready, failed or gone.

    Safe to call any number of times, from anywhere: nothing happens while somebody else is at it.
    """
    claim = uuid4()
    run = _claimed(run_id, claim)
    if run is None:
        return not DifferenceRun.objects.filter(pk=run_id, state=SnapshotState.BUILDING).exists()
    going = _Going(run, claim, Vocabulary.load())
    try:
        return going.go_on(time.monotonic() + seconds)
    except _Lost:
        return False
    except CannotLook as error:
        going.fail(str(error))
    except Exception:
        logger.exception("could not compare %s", run)
        going.fail(WENT_WRONG)
    return True


def sample(wanted: int) -> list[UUID]:
    """Of the newest recognised images so many at random: the same ones as long as these are the newest."""
    there = Image.objects.filter(status=Status.RECOGNIZED, width__isnull=False).exclude(verdict=FlagVerdict.REMOVED)
    pool = there.order_by("-created_at", "-pk").values_list("pk", flat=True)[: POOL * wanted]
    return sorted(pool, key=lambda pk: hashlib.sha256(b"difference" + pk.bytes).digest())[:wanted]


def _claimed(run_id: UUID | str, claim: UUID) -> DifferenceRun | None:
    now = timezone.now()
    free = Q(claim=None) | Q(beat_at__lt=now - SILENCE)
    building = DifferenceRun.objects.filter(free, pk=run_id, state=SnapshotState.BUILDING)
    if not building.update(claim=claim, beat_at=now):
        return None
    return DifferenceRun.objects.select_related("candidate", "running").get(pk=run_id)


@dataclass
class _Going:
    """One go at a run under a claim."""

    run: DifferenceRun
    claim: UUID
    vocabulary: Vocabulary

    def go_on(self, until: float) -> bool:
        """Take steps until all is done or the time is over, then let others have it. Whether all is done."""
        if self.run.images_total is None and not self._draw():
            return True
        while self._look_at_next():
            if time.monotonic() > until:
                self._save(claim=None)
                return False
        # Images that were deleted meanwhile are not of the sample any more.
        total = self.run.images_done
        self._save(claim=None, state=SnapshotState.READY, images_total=total, finished_at=timezone.now())
        return True

    def fail(self, why: str) -> None:
        self._mine().update(state=SnapshotState.FAILED, error=why, claim=None, finished_at=timezone.now())

    def _mine(self) -> QuerySet[DifferenceRun]:
        return DifferenceRun.objects.filter(pk=self.run.pk, claim=self.claim)

    def _save(self, **changes: Any) -> None:
        """Write down how far it is. Raises _Lost when somebody else has taken it, as we were silent for too long."""
        if not self._mine().update(beat_at=timezone.now(), **changes):
            raise _Lost
        for name, value in changes.items():
            setattr(self.run, name, value)

    @transaction.atomic
    def _draw(self) -> bool:
        """Draw the sample. False, and the run has failed, when there is nothing to draw from."""
        ids = list(Image.objects.select_for_update().filter(pk__in=sample(self.run.images_wanted)).order_by("pk"))
        if not ids:
            self.fail(NOTHING_THERE)
            return False
        DifferenceImage.objects.bulk_create(DifferenceImage(run=self.run, image=image) for image in ids)
        self._save(images_total=len(ids))
        return True

    def _look_at_next(self) -> bool:
        """Have both look at one image. False when there is none left."""
        row = self.run.images.select_related("image").filter(looked_at=None).order_by("pk").first()
        if row is None:
            return False
        found = self._compared(row.image)
        with transaction.atomic():
            self._count(found)
            changes = [change.as_json() for change in found.changes] if found else []
            # It may have been deleted meanwhile, and the row with it.
            mine = DifferenceImage.objects.filter(pk=row.pk, looked_at=None)
            mine.update(changes=changes, size=len(changes), looked_at=timezone.now())
        return True

    def _count(self, found: Comparison | None) -> None:
        if found is None:
            done, unreadable = self.run.images_done + 1, self.run.images_unreadable + 1
            self._save(images_done=done, images_unreadable=unreadable)
            return
        counts = {label: Counts(**each) for label, each in self.run.counts.items()}
        for label, counted in found.counts.items():
            counts.setdefault(label, Counts()).add(counted)
        self._save(images_done=self.run.images_done + 1, counts={label: asdict(each) for label, each in counts.items()})

    def _compared(self, image: Image) -> Comparison | None:
        """None for an image whose preview cannot be read."""
        try:
            with storages["derived"].open(image.preview_key) as stored, Picture.open(stored) as picture:
                pixels = np.asarray(picture.convert("RGB"))
        except (FileNotFoundError, UnidentifiedImageError, OSError):
            return None
        return compare(self._said_by(self.run.running, pixels), self._said_by(self.run.candidate, pixels))

    def _said_by(self, version: ModelVersion | None, pixels: NDArray[np.uint8]) -> list[Said]:
        if version is None:
            return []
        labels = candidate(version).find(pixels).labels
        return said_in(as_documents(labels), self.vocabulary, self.run.shown_from)
