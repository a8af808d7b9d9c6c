"""Images that are deleted leave the datasets that they are in, and the datasets say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from portal.accounts.models import ErasureReceipt
from portal.committing import on_commit_robustly
from portal.finetuning.channels import lists_of_jobs
from portal.finetuning.forgetting import forget
from portal.finetuning.models import DatasetImage, DatasetSnapshot, file_name
from portal.finetuning.workplaces import remove_pictures
from portal.images.erasing import owe


def on_images_deleting(ids: Sequence[UUID], receipt: ErasureReceipt | None = None, **_signal: Any) -> None:
    """Receives portal.images.signals.images_deleting."""
    remove(ids, receipt)


def remove(ids: Sequence[UUID], receipt: ErasureReceipt | None = None) -> int:
    """Take images out of all snapshots, and owe whatever is stored of them: there, in the reports of models, and where
    one is being trained. Returns from how many it was.

    Call it in the transaction that deletes them. Lists without them are made at the next export.
    """
    contents: dict[UUID, list[str]] = {}
    for snapshot_id, sha256 in DatasetImage.objects.filter(image__in=ids).values_list("snapshot", "sha256"):
        contents.setdefault(snapshot_id, []).append(sha256)
    if not contents:
        return 0
    DatasetImage.objects.filter(image__in=ids).delete()
    snapshots = DatasetSnapshot.objects.select_for_update().filter(pk__in=contents).order_by("pk")
    for snapshot in snapshots:
        gone = contents[snapshot.pk]
        pictures = (f"{snapshot.folder}/{file_name(sha256)}" for sha256 in gone)
        paths = [snapshot.lists_folder, *lists_of_jobs(snapshot), *pictures]
        owe((("derived", path) for path in paths), receipt)
        DatasetSnapshot.objects.filter(pk=snapshot.pk).update(
            images_removed=F("images_removed") + len(gone), changed_at=timezone.now()
        )
    forget(contents, receipt)
    hashes = {sha256 for gone in contents.values() for sha256 in gone}
    on_commit_robustly(remove_pictures, hashes)
    return len(contents)
