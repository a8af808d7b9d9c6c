"""The last look at a snapshot's rows: near-duplicates to one side, copies left out, and the data card."""

from __future__ import annotations

from typing import Any

from portal.finetuning.cards import make_card
from portal.finetuning.models import DatasetImage, DatasetSnapshot
from portal.finetuning.near_duplicates import groups
from portal.finetuning.splitting import split_of

_AT_ONCE = 500


def settle(snapshot: DatasetSnapshot) -> dict[str, Any]:
    """Give each group of near-duplicates one split, and leave of the same content only one picture. Returns the card.

    Of copies the one stays that people said the most of. Call it in a transaction; again, it changes nothing.
    """
    copies = _leave_out_copies(snapshot)
    rows = list(snapshot.images.values_list("pk", "sha256", "image__perceptual_hash", "group_key"))
    found = groups(((sha256, perceptual_hash) for _, sha256, perceptual_hash, _ in rows), snapshot.distance)
    moved: dict[str, list[int]] = {}
    for pk, sha256, _, known in rows:
        if found[sha256] != known:
            moved.setdefault(found[sha256], []).append(pk)
    changed = [
        DatasetImage(pk=pk, group_key=key, split=_split(snapshot, key))
        for key, members in moved.items()
        for pk in members
    ]
    DatasetImage.objects.bulk_update(changed, ["group_key", "split"], batch_size=_AT_ONCE)
    return make_card(snapshot, identical=copies)


def _split(snapshot: DatasetSnapshot, key: str) -> str:
    return split_of(key, snapshot.salt, snapshot.validation_percent, snapshot.test_percent)


def _leave_out_copies(snapshot: DatasetSnapshot) -> int:
    kept: dict[str, tuple[Any, ...]] = {}
    left_out: list[int] = []
    rows = snapshot.images.order_by("image_id").values_list("pk", "sha256", "is_complete", "annotations")
    for pk, sha256, is_complete, boxes in rows.iterator(_AT_ONCE):
        rank = (is_complete, len(boxes))
        if sha256 in kept:
            other_rank, other = kept[sha256]
            if rank <= other_rank:
                left_out.append(pk)
                continue
            left_out.append(other)
        kept[sha256] = (rank, pk)
    for start in range(0, len(left_out), _AT_ONCE):
        DatasetImage.objects.filter(pk__in=left_out[start : start + _AT_ONCE]).delete()
    return len(left_out)
