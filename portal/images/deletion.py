"""Deleting images: gone at once for the person, and surely for the storages."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.accounts.models import ErasureReceipt
from portal.images.erasing import owe
from portal.images.models import Image, Status
from portal.images.signals import images_deleting
from portal.images.tasks import claim_period, erase_soon
from portal.images.workers import by_lambda

BATCH = 1000
# An upload may go on for a while after its form has expired.
_LATE_UPLOADS = timedelta(minutes=10)


def delete_images(images: QuerySet[Image], receipt: ErasureReceipt | None = None) -> int:
    """Delete rows now and their originals, previews and results soon. Returns how many images went."""
    ids = list(images.order_by().values_list("pk", flat=True))
    deleted = 0
    with transaction.atomic():
        for start in range(0, len(ids), BATCH):
            # In one order, as everybody else who locks several.
            chosen = Image.objects.filter(pk__in=ids[start : start + BATCH]).order_by("pk")
            batch = list(chosen.select_for_update())
            owe_files(batch, receipt)
            images_deleting.send(Image, ids=[image.pk for image in batch], receipt=receipt)
            Image.objects.filter(pk__in=[image.pk for image in batch]).delete()
            deleted += len(batch)
        if deleted:
            erase_soon()
    return deleted


def owe_files(images: list[Image], receipt: ErasureReceipt | None = None) -> None:
    """Write down all files of these images to be erased, whatever may still be written; in the same transaction."""
    owe((path for image in images for path in _paths(image)), receipt)
    owe(_contents(images), receipt)
    now = timezone.now()
    # Whoever recognises an image, or uploads it, may still write: what they leave is erased once they must be over.
    writing = [image for image in images if image.status in _written_to()]
    owe((path for image in writing for path in _paths(image)), receipt, after=now + _longest_write(writing))
    if by_lambda():
        # S3 takes a file by its form for as long as that is valid, whatever has become of the image. No receipt waits
        # for what its owner would have to do themselves.
        expired = timedelta(seconds=settings.UPLOAD_FORM_SECONDS) + _LATE_UPLOADS
        with_form = [image for image in images if _may_have_form(image, now - expired)]
        owe((path for image in with_form for path in _paths(image)), after=now + expired)


def _may_have_form(image: Image, since: datetime) -> bool:
    """Whether a form for its file may have been made after `since`: as long as it awaits one it can have another."""
    return image.status == Status.AWAITING_UPLOAD or image.created_at > since


def _written_to() -> tuple[Status, ...]:
    # No row says that the function on AWS has begun with an image.
    begun = Status.QUEUED if by_lambda() else Status.PROCESSING
    return (Status.AWAITING_UPLOAD, begun)


def _longest_write(images: list[Image]) -> timedelta:
    uploading = any(image.status == Status.AWAITING_UPLOAD for image in images)
    return max(claim_period(), _LATE_UPLOADS) if uploading else claim_period()


def _paths(image: Image) -> list[tuple[str, str]]:
    return [("uploads", image.upload_key), ("derived", image.derived_prefix)]


def contents_path(owner_id: int, sha256: str) -> tuple[str, str]:
    """Where the function on AWS notes the results of a content, so that the same is never paid twice."""
    return ("derived", f"derived/{owner_id}/contents/{sha256}")


def _contents(images: list[Image]) -> set[tuple[str, str]]:
    """The notes on contents that no other image of their owner has."""
    if not by_lambda():
        return set()
    gone = {(image.owner_id, image.sha256) for image in images if image.sha256}
    others = Image.objects.filter(sha256__in={sha256 for _, sha256 in gone}).exclude(
        pk__in=[each.pk for each in images]
    )
    return {contents_path(*each) for each in gone - set(others.values_list("owner_id", "sha256"))}
