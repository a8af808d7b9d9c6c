"""Everything the portal holds of a person, as one ZIP archive that is made while it is sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZIP_STORED

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.storage import storages
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q
from django.utils import timezone
from django.utils.text import get_valid_filename
from zipstream import ZipStream

from portal.accounts.models import User
from portal.images import buckets
from portal.images.models import Image
from portal.moderation.models import Annotation, Suggestion
from portal.webhooks.models import Delivery, Webhook

_ROWS_AT_ONCE = 50
_DELIVERIES_AT_ONCE = 200
_DELIVERIES_OF = timedelta(days=30)
_CHUNK_BYTES = 256 * 1024
_LONGEST_NAME = 100
_TOKEN_FIELDS = ("name", "hint", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at")
_ATTEMPT_FIELDS = ("number", "at", "status_code", "problem", "duration_ms", "answer")

_README = """Your data from ImageSift
========================

account.json                   who you are here: name, email addresses, ways to sign in, API tokens, uploads counted per
                               day and what recognising them cost per month, in millionths of a US dollar
webhooks/<time>-<id>/          one folder for each webhook, by the time it was made (UTC); in the first part alone
    webhook.json               its address, what it is told, and whether it is active
    deliveries.jsonl           what it was sent in the last 30 days, one a line, with every attempt
images/<time>-<id>/            one folder for each image, by the time of its upload (UTC)
    <name>                     the file exactly as you uploaded it
    image.json                 what the portal knows about the file, the state it is in, what people decided on its
                               labels and its content flag, what you suggested, and whether moderators may see it
    result-<time>-<number>.json   what one recognition found: labels, boxes, text, colours

Not in here: previews and thumbnails (made from your files), your password and your API tokens themselves (only hashes
of them are stored), and the secrets of your webhooks and of your ways to sign in.
"""


class Archive:
    """The archive as an iterable of bytes: memory does not grow with the files, and a missing file does not end it.

    It holds the images after the one with the id `after`, and ends early when `is_full`, which is asked with the number
    of bytes after each image, says so. When it was iterated over, `images` is how many it holds, `last` the id of the
    last one (`after` if none), and `is_last_part` whether there are no more.
    """

    def __init__(
        self, user: User, after: UUID | None = None, is_full: Callable[[int], bool] = lambda _bytes: False
    ) -> None:
        self._user = user
        self._is_full = is_full
        self.images = 0
        self.last = after
        self.is_last_part = False

    def __iter__(self) -> Iterator[bytes]:
        stream = ZipStream(compress_type=ZIP_DEFLATED)
        missing: list[str] = []
        stream.add(_json(_account(self._user)), "account.json")
        if self.last is None:
            _add_webhooks(stream, self._user)
        size = 0
        for image in _images(self._user, self.last):
            if self.images and self._is_full(size):
                break
            _add_image(stream, image, missing)
            for piece in stream.all_files():
                size += len(piece)
                yield piece
            self.images += 1
            self.last = image.pk
        else:
            self.is_last_part = True
        stream.add(_README + _missing_note(missing), "README.txt")
        yield from stream.finalize()


def _images(user: User, after: UUID | None) -> Iterator[Image]:
    """Page by page, so that no database cursor stays open for as long as somebody downloads."""
    rows = user.images.order_by("pk").prefetch_related(
        "annotations__label", "annotations__predicted_label", "suggestions"
    )
    page = list((rows.filter(pk__gt=after) if after else rows)[:_ROWS_AT_ONCE])
    while page:
        yield from page
        page = list(rows.filter(pk__gt=page[-1].pk)[:_ROWS_AT_ONCE])


def _add_webhooks(stream: ZipStream, user: User) -> None:
    for webhook in user.webhooks.all():
        folder = f"webhooks/{_moment(webhook.created_at)}-{webhook.pk}"
        stream.add(_json(_webhook(webhook)), f"{folder}/webhook.json")
        stream.add(_deliveries(webhook), f"{folder}/deliveries.jsonl")


def _deliveries(webhook: Webhook) -> Iterator[bytes]:
    """The oldest first, read page by page when the archive gets to them."""
    rows = webhook.deliveries.filter(created_at__gte=timezone.now() - _DELIVERIES_OF).order_by("created_at", "pk")
    rows = rows.prefetch_related("log")
    page = list(rows[:_DELIVERIES_AT_ONCE])
    while page:
        yield b"".join(_line(_delivery(delivery)) for delivery in page)
        last = page[-1]
        later = Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, pk__gt=last.pk)
        page = list(rows.filter(later)[:_DELIVERIES_AT_ONCE])


def _add_image(stream: ZipStream, image: Image, missing: list[str]) -> None:
    folder = f"images/{_moment(image.created_at)}-{image.pk}"
    stream.add(_json(_image(image)), f"{folder}/image.json")
    for recognition in image.recognitions.all():
        name = f"result-{_moment(recognition.recognized_at)}-{recognition.pk}.json"
        stream.add(_json(recognition.document), f"{folder}/{name}")
    name = f"{folder}/{safe_name(image.filename)}"
    try:
        original = _original(image.upload_key)
    except Exception:  # noqa: BLE001 - each storage backend raises errors of its own
        missing.append(name)
    else:
        # Photos are compressed already.
        stream.add(_noted(original, name, missing), name, size=image.byte_size, compress_type=ZIP_STORED)


def _original(key: str) -> Iterator[bytes]:
    """A stored file in chunks. Raises, before the first, when it cannot be opened."""
    if buckets.on_s3("uploads"):
        # The storage's own way is to fetch the whole file first, into memory.
        answer = buckets.client("uploads").get_object(Bucket=buckets.bucket("uploads"), Key=key)
        return answer["Body"].iter_chunks(_CHUNK_BYTES)
    return _chunks(storages["uploads"].open(key))


def _chunks(original: File[bytes]) -> Iterator[bytes]:
    with original:
        yield from original.chunks(_CHUNK_BYTES)


def _noted(chunks: Iterator[bytes], name: str, missing: list[str]) -> Iterator[bytes]:
    try:
        yield from chunks
    except Exception:  # noqa: BLE001 - each storage backend raises errors of its own
        missing.append(name)


def safe_name(filename: str) -> str:
    """A name that every system can unpack, in which no folder hides and which no other entry bears."""
    try:
        name = get_valid_filename(PurePosixPath(filename.replace("\\", "/")).name)
    except SuspiciousFileOperation:
        name = "original"
    path = PurePosixPath(name)
    name = path.stem[:_LONGEST_NAME] + path.suffix[:_LONGEST_NAME]
    taken = name == "image.json" or name.startswith("result-")
    return f"original-{name}" if taken else name


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H%M%SZ}"


def _json(value: Any) -> bytes:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2).encode()


def _line(value: Any) -> bytes:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False).encode() + b"\n"


def _account(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "email_addresses": list(EmailAddress.objects.filter(user=user).values("email", "verified", "primary")),
        "date_joined": user.date_joined,
        "last_login": user.last_login,
        "is_staff": user.is_staff,
        "second_factors": list(Authenticator.objects.filter(user=user).values("type", "created_at", "last_used_at")),
        "api_tokens": list(user.api_tokens.order_by("pk").values(*_TOKEN_FIELDS)),
        "images_uploaded_per_day": list(user.daily_uploads.order_by("day").values("day", "images")),
        "paid_per_month": list(user.monthly_spend.order_by("month").values("month", "micro_usd", "recognitions")),
    }


def _webhook(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.pk,
        "url": webhook.url,
        "events": webhook.events,
        "active": webhook.active,
        "disabled_reason": webhook.disabled_reason,
        "portal_origin": webhook.portal_origin,
        "created_at": webhook.created_at,
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    attempts = sorted(delivery.log.all(), key=lambda attempt: attempt.number)
    return {
        "id": delivery.pk,
        "event": delivery.event,
        "created_at": delivery.created_at,
        "state": delivery.state,
        "body": delivery.body,
        "attempts": [{field: getattr(attempt, field) for field in _ATTEMPT_FIELDS} for attempt in attempts],
    }


def _image(image: Image) -> dict[str, Any]:
    failure = {"code": image.failure_code, "message": image.failure_message} if image.failure_code else None
    return {
        "id": image.pk,
        "filename": image.filename,
        "content_type": image.content_type,
        "bytes": image.byte_size,
        "sha256": image.sha256,
        "created_at": image.created_at,
        "status": image.status,
        "recognized_at": image.recognized_at,
        "failure": failure,
        "format": image.format,
        "width": image.width,
        "height": image.height,
        "shared_with_moderators": image.shared,
        "content_flag": {"flagged": image.flagged, "verdict": image.verdict or None},
        "decisions": [_decision(each, image.owner_id) for each in image.annotations.all()],
        "suggestions": [_suggestion(each) for each in image.suggestions.all()],
    }


def _decision(annotation: Annotation, owner_id: int) -> dict[str, Any]:
    """What a person decided; who that was only if it was the owner, as others have a right to themselves."""
    box = {side: getattr(annotation, side) for side in ("left", "top", "width", "height")}
    return {
        "label": annotation.label.title,
        "state": annotation.state,
        "box": None if annotation.left is None else box,
        "instead_of": annotation.predicted_label.title if annotation.predicted_label else None,
        "decided_at": annotation.decided_at,
        "by_you": annotation.author_id == owner_id,
    }


def _suggestion(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "label": suggestion.label,
        "kind": suggestion.kind,
        "instead": suggestion.instead or None,
        "made_at": suggestion.made_at,
        "settled_at": suggestion.settled_at,
    }


def _missing_note(missing: list[str]) -> str:
    if not missing:
        return ""
    return "\nMissing: these files could not be read, or not to their end, when this archive was made:\n" + "".join(
        f"    {name}\n" for name in missing
    )
