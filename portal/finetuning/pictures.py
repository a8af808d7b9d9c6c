"""Pictures of a dataset, made from the originals. Needs imaging libraries, which the portal on AWS does not have."""

from __future__ import annotations

from io import BytesIO

from django.conf import settings
from django.core.files.storage import storages
from PIL import Image as Picture

from portal.images.models import Image
from recognition.decoding import decode
from recognition.errors import PermanentError
from recognition.likeness import perceptual_hash
from recognition.limits import Limits

_QUALITY = 95


def upright_jpeg(image: Image) -> bytes | None:
    """The original at its full size, turned upright, without metadata; None when it is gone or cannot be read."""
    try:
        with storages["uploads"].open(image.upload_key) as file:
            content = file.read()
        limits = Limits(max_pixels=settings.MAX_IMAGE_PIXELS, max_bytes=settings.MAX_UPLOAD_BYTES)
        longest_side = max(image.width or 0, image.height or 0)
        decoded = decode(content, longest_side, limits)
    except (FileNotFoundError, PermanentError):
        return None
    if decoded.picture.size != (image.width, image.height):
        return None
    jpeg = BytesIO()
    decoded.picture.save(jpeg, "JPEG", quality=_QUALITY, subsampling=0)
    return jpeg.getvalue()


def hash_of(image: Image) -> str:
    """The perceptual hash of an image's thumbnail, or "" when that cannot be read."""
    try:
        with storages["derived"].open(image.thumbnail_key) as file, Picture.open(file, formats=["JPEG"]) as thumbnail:
            return perceptual_hash(thumbnail.convert("RGB"))
    except (FileNotFoundError, OSError):
        return ""
