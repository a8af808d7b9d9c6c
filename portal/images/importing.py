"""Files that an administrator puts into the uploads bucket, under `imports/<username>/`, become that person's images.

No allowance is spent: whoever may write to the bucket decides what is in it.
"""

from __future__ import annotations

import logging
from uuid import NAMESPACE_URL, UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.images import buckets
from portal.images.buckets import Stored
from portal.images.erasing import keep
from portal.images.models import Image, Status
from portal.images.sidecars import write_sidecar
from portal.images.signals import image_settled
from portal.images.uploads import plain_name
from portal.templatetags.sizes import size

logger = logging.getLogger(__name__)

PREFIX = "imports/"


def import_object(key: str) -> Image | None:
    """Take in the object at `key`, as often as one likes. None when there is nothing to take, or nobody to give it to.

    A file that is too large becomes an image that has failed, and stays where it is.
    """
    username, _, path = key.removeprefix(PREFIX).partition("/")
    if not key.startswith(PREFIX) or not path or path.endswith("/"):
        logger.info("%s is no file to import", key)
        return None
    stored = buckets.stored("uploads", key)
    if stored is None:
        # It was taken in before.
        return None
    owner = User.objects.filter(username=username).first()
    if owner is None:
        logger.warning("%s is left where it is: nobody is called “%s” here", key, username)
        return None
    image = _image(owner, key, stored)
    if image.failure_code == "file_too_large":
        return image
    # Its event starts the recognition.
    buckets.copy_upload(key, image.upload_key)
    buckets.client("uploads").delete_object(Bucket=buckets.bucket("uploads"), Key=key)
    return image


def _image(owner: User, key: str, stored: Stored) -> Image:
    """The row of this very object, made by the first to come."""
    with transaction.atomic():
        image, created = Image.objects.get_or_create(
            pk=_id_of(key, stored),
            defaults={
                "owner": owner,
                "filename": plain_name(key) or "import",
                "byte_size": stored.size,
                "sha256": stored.sha256,
                "status": Status.QUEUED,
                "queued_at": timezone.now(),
                **_refusal(stored),
            },
        )
        if created and image.is_settled:
            image_settled.send(Image, image=image)
    if created:
        # The same file may have been here before, and be deleted.
        keep([("uploads", image.upload_key), ("derived", image.derived_prefix)])
        write_sidecar(image)
    return image


def _id_of(key: str, stored: Stored) -> UUID:
    """The same for every event about the same object."""
    return uuid5(NAMESPACE_URL, f"s3://{buckets.bucket('uploads')}/{key}#{stored.etag}")


def _refusal(stored: Stored) -> dict[str, object]:
    limit = settings.MAX_UPLOAD_BYTES
    if stored.size <= limit:
        return {}
    message = f"This file has {size(stored.size)}; the limit is {size(limit)}."
    return {
        "status": Status.FAILED,
        "failure_code": "file_too_large",
        "failure_message": message,
        "failure_permanent": True,
        "queued_at": None,
    }
