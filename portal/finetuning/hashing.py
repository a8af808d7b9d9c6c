"""Perceptual hashes for images that were recognised before there were any."""

from __future__ import annotations

from collections.abc import Sequence

from portal.finetuning.models import DatasetImage
from portal.images.models import Image


def with_hashes(images: Sequence[Image], rows: Sequence[DatasetImage]) -> int:
    """Hash the thumbnails of those images that `rows` are of and that have no hash. Returns how many stay without."""
    wanted = {row.image_id for row in rows}
    without = [image for image in images if image.pk in wanted and not image.perceptual_hash]
    if not without:
        return 0
    try:
        from portal.finetuning.pictures import hash_of
    except ImportError:  # imaging libraries, which the portal's functions on AWS do not have
        return len(without)
    for image in without:
        image.perceptual_hash = hash_of(image)
        Image.objects.filter(pk=image.pk, perceptual_hash="").update(perceptual_hash=image.perceptual_hash)
    return sum(not image.perceptual_hash for image in without)
