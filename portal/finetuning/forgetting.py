"""Reports show a model's worst mistakes as pictures: those of deleted images leave them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import transaction

from portal.accounts.models import ErasureReceipt
from portal.finetuning.models import ModelVersion, file_name
from portal.images.erasing import owe

# Where a version's report lies: as collected here, and as a training job leaves it.
_PLACES = ("", "run/result/")


def forget(contents: Mapping[UUID, Iterable[str]], receipt: ErasureReceipt | None = None) -> None:
    """Take pictures out of the reports of all versions that were measured on these datasets.

    `contents` are hashes by dataset. Call it in the transaction that deletes them.
    """
    # In one order, which is that of whoever decides what runs: else two could wait for each other.
    for version in ModelVersion.objects.select_for_update().filter(dataset__in=contents).order_by("pk"):
        _forget(version, {file_name(sha256) for sha256 in contents[version.dataset_id]}, receipt)


@transaction.atomic
def forget_strangers(version_id: UUID) -> None:
    """The same for what was deleted while the report was being made: call it once the report is stored."""
    version = ModelVersion.objects.select_for_update().get(pk=version_id)
    shown = {mistake.get("file_name") for mistake in version.report.get("worst", [])}
    hashes = version.dataset.images.values_list("sha256", flat=True)
    _forget(version, shown - {file_name(sha256) for sha256 in hashes}, None)


def _forget(version: ModelVersion, names: set[str], receipt: ErasureReceipt | None) -> None:
    worst = version.report.get("worst", [])
    # One that does not say whose picture it shows may show anybody's.
    gone = [mistake for mistake in worst if mistake.get("file_name") in {None, *names}]
    if not gone:
        return
    version.report["worst"] = [mistake for mistake in worst if mistake not in gone]
    version.save(update_fields=["report"])
    # Both show or name all of them.
    files = ["report.json", "report/index.html", *(mistake["image"] for mistake in gone if "image" in mistake)]
    owe((("derived", f"{version.folder}/{place}{file}") for place in _PLACES for file in files), receipt)
