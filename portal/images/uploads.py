"""From "I have a file" to its bytes in the `uploads` storage and the image in the queue.

On a laptop the bytes come here (`receive_upload`). On AWS they go to S3, and the browser says so (`note_arrival`).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.core.files.storage import storages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from portal.accounts.models import User
from portal.images import buckets
from portal.images.deletion import delete_images
from portal.images.models import Image, Status
from portal.images.queueing import queue_arrived
from portal.images.quotas import lock_owner, spend
from portal.images.sidecars import write_sidecar
from portal.images.upload_forms import UploadForm, form_for, read_policy
from portal.templatetags.sizes import size

# What a database can hold; JSON's numbers know no end.
_SIZE_BITS = 63
_SHA256 = re.compile(r"[0-9a-f]{64}")
_GONE = ("image_gone", "This image was deleted before its file arrived.", 404)


class UploadRefused(Exception):
    """The upload cannot go on. `code` is for programs, `message` a sentence for the person, `status` HTTP's."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Announcement:
    """A file somebody wants to upload: its size in bytes and, if they know it, the SHA-256 of its content."""

    filename: str
    content_type: str
    size: int
    sha256: str = ""

    def __post_init__(self) -> None:
        if not self.filename:
            raise UploadRefused("invalid_filename", "The file has no name.")
        if self.size <= 0:
            raise UploadRefused("empty_file", "This file is empty: it has 0 bytes.")
        if self.size > settings.MAX_UPLOAD_BYTES:
            limit = size(settings.MAX_UPLOAD_BYTES)
            raise UploadRefused("file_too_large", f"This file has {size(self.size)}; the limit is {limit}.", 413)
        if self.content_type and not self.content_type.startswith(("image/", "application/octet-stream")):
            raise UploadRefused("unsupported_format", "This is not a photo: only image files can be uploaded.", 415)
        _require_sha256(self.sha256)

    @classmethod
    def from_json(cls, document: Any) -> Announcement:
        """Read a client's request. Raises UploadRefused, naming the field that is missing or of the wrong type."""
        if not isinstance(document, dict):
            raise UploadRefused("invalid_request", "The request must be a JSON object.")
        byte_count = document.get("size")
        if not isinstance(byte_count, int) or isinstance(byte_count, bool) or byte_count.bit_length() > _SIZE_BITS:
            raise UploadRefused("invalid_size", "“size” must be the file's size in bytes.")
        texts = {name: document.get(name) or "" for name in ("filename", "content_type", "sha256")}
        for name, value in texts.items():
            if not isinstance(value, str):
                raise UploadRefused(f"invalid_{name}", f"“{name}” must be text.")
        return cls(
            filename=plain_name(texts["filename"]),
            content_type=_printable(texts["content_type"])[:100],
            size=byte_count,
            sha256=texts["sha256"],
        )


def _require_sha256(sha256: str) -> None:
    if sha256 and not _SHA256.fullmatch(sha256):
        raise UploadRefused("invalid_sha256", "The SHA-256 must be 64 lower-case hex digits.")


def plain_name(filename: str) -> str:
    """The last part of a path, without control characters, cut to what the database keeps."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    return _printable(name)[-255:].strip()


def _printable(text: str) -> str:
    """Without what databases refuse (NUL, halves of characters) and what disturbs people (control characters)."""
    return "".join(character for character in text if character.isprintable())


@dataclass(frozen=True)
class Started:
    """`form` is None when the owner already has this content: `image` is then the one they have."""

    image: Image
    form: UploadForm | None

    @property
    def duplicate(self) -> bool:
        return self.form is None


def start_upload(owner: User, file: Announcement) -> Started:
    """Reserve a place for the file. Raises QuotaExceeded when the owner's allowance is used up."""
    with transaction.atomic():
        lock_owner(owner)
        known = _image_with_content(owner, file.sha256)
        if known is not None:
            return Started(known, None)
        spend(owner, file.size)
        image = Image.objects.create(
            owner=owner, filename=file.filename, content_type=file.content_type, byte_size=file.size
        )
    write_sidecar(image)
    return Started(image, form_for(image, file.sha256))


def renew_form(image: Image, sha256: str) -> UploadForm | None:
    """Another form for a file that did not come in time; None when it did, or nobody waits for it any more.

    Raises UploadRefused when `sha256`, which may be empty, is none.
    """
    _require_sha256(sha256)
    form = form_for(image, sha256)
    awaited = Image.objects.filter(pk=image.pk, status=Status.AWAITING_UPLOAD).update(not_before=form.expires_at)
    return form if awaited else None


def _image_with_content(owner: User, sha256: str) -> Image | None:
    return Image.objects.filter(owner=owner, sha256=sha256).first() if sha256 else None


def receive_upload(policy: str, file: UploadedFile[bytes]) -> tuple[Image, bool]:
    """Store the bytes of a started upload and queue its image; sending them again changes nothing.

    Returns the image and whether its owner already had this content (the image is then the one they had).
    Raises UploadRefused when the form is forged, expired or already used for something else, or the bytes differ.
    """
    image, promised = _announced(policy)
    if image.status != Status.AWAITING_UPLOAD:
        return image, False
    sha256 = _checked_content(file, image.byte_size, promised)
    # S3 would keep, and serve it as, whatever kind of file the uploader says it is.
    file.content_type = "application/octet-stream"
    storages["uploads"].save(image.upload_key, file)
    return _queue_arrived(image, sha256)


def note_arrival(image: Image) -> tuple[Image, bool]:
    """Queue an image whose file S3 has taken; saying so again changes nothing.

    Returns what `receive_upload` does. Its recognition has begun already, and may even be over. Raises UploadRefused
    when the file is not there.
    """
    if image.status != Status.AWAITING_UPLOAD:
        return image, False
    stored = buckets.stored("uploads", image.upload_key)
    if stored is None:
        raise UploadRefused("file_missing", "The file has not arrived. Please upload it again.", 409)
    return _queue_arrived(image, stored.sha256)


def _announced(policy: str) -> tuple[Image, str]:
    try:
        image_id, promised = read_policy(policy)
    except signing.SignatureExpired:
        raise UploadRefused("form_expired", "This upload took too long to begin. Please start it again.", 403) from None
    except signing.BadSignature:
        raise UploadRefused("form_invalid", "This upload form is not one of ours.", 403) from None
    image = Image.objects.filter(pk=UUID(image_id)).first()
    if image is None:
        raise UploadRefused(*_GONE)
    return image, promised


def _checked_content(file: UploadedFile[bytes], size: int, promised: str) -> str:
    """The SHA-256 of the file, in hex. Raises UploadRefused when it is not the file that was announced."""
    if file.size != size:
        raise UploadRefused("size_mismatch", "The file that arrived has another size than the one announced.")
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    if promised and digest.hexdigest() != promised:
        raise UploadRefused("content_changed", "The file changed on its way to us. Please upload it again.")
    return digest.hexdigest()


def _queue_arrived(image: Image, sha256: str) -> tuple[Image, bool]:
    """`sha256` is empty where only the recognition will tell."""
    try:
        return _queue_once(image, sha256)
    except User.DoesNotExist:
        raise UploadRefused(*_GONE) from None


def _queue_once(image: Image, sha256: str) -> tuple[Image, bool]:
    with transaction.atomic():
        lock_owner(image.owner)
        known = _image_with_content(image.owner, sha256)
        if known is not None:
            if known.pk != image.pk:
                delete_images(Image.objects.filter(pk=image.pk))
            return known, known.pk != image.pk
        if Image.objects.filter(pk=image.pk, status=Status.AWAITING_UPLOAD).update(sha256=sha256):
            queue_arrived(image)
    # Its result may have been faster than the word of its arrival.
    still_there = Image.objects.filter(pk=image.pk).first()
    if still_there is None:
        raise UploadRefused(*_GONE)
    return still_there, False
