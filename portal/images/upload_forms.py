"""The form that a file is sent by: an address and fields to send before it, in the shape of a presigned S3 POST.

On AWS it is one, and S3 checks what its policy says. On a laptop the address is the portal's own and the signed policy
is checked in portal.images.uploads. So one client serves both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils import timezone

from portal.images import buckets
from portal.images.models import Image
from portal.images.workers import by_lambda

_POLICY_SALT = "portal.images.uploads"


@dataclass(frozen=True)
class UploadForm:
    """Where to send the bytes: POST `fields` and then the file, under `file_field`, to `url` before `expires_at`."""

    url: str
    fields: dict[str, str]
    expires_at: datetime
    file_field: str = "file"


def form_for(image: Image, sha256: str) -> UploadForm:
    """A form for the file that an image awaits: of the size that was announced, and of `sha256` where it is known."""
    expires = timezone.now() + timedelta(seconds=settings.UPLOAD_FORM_SECONDS)
    if by_lambda():
        return UploadForm(
            *buckets.upload_form(image.upload_key, image.byte_size, sha256, settings.UPLOAD_FORM_SECONDS), expires
        )
    policy = signing.dumps([str(image.id), sha256], salt=_POLICY_SALT)
    return UploadForm(reverse("images:receive_upload"), {"key": image.upload_key, "policy": policy}, expires)


def read_policy(policy: str) -> tuple[str, str]:
    """The image's id and the SHA-256 (or "") that a policy of our own was made for.

    Raises signing.SignatureExpired for one that is too old, and signing.BadSignature for one that is not ours.
    """
    image_id, sha256 = signing.loads(policy, salt=_POLICY_SALT, max_age=settings.UPLOAD_FORM_SECONDS)
    return image_id, sha256
