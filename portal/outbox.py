"""Mail for where no mail server can be reached: it goes out as an object, which a function outside sends."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import sanitize_address

logger = logging.getLogger(__name__)

SCHEMA = "imagesift.mail/1"
FOLDER = "outbox/mail"


class OutboxBackend(BaseEmailBackend):
    """Writes each message to `outbox/mail/<uuid>.json` in the derived storage.

    `raw_base64` is the whole message as it travels (RFC 5322); `from` and `to` are the envelope's bare addresses, with
    those of CC and BCC among `to`.
    """

    def __init__(self, fail_silently: bool = False, **_kwargs: Any) -> None:
        # The settings of a mail server mean nothing here.
        super().__init__(fail_silently=fail_silently)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the messages down; returns how many. What has nobody to go to is left out, as Django does."""
        return sum(self._write(message) for message in email_messages if message.recipients())

    def _write(self, message: EmailMessage) -> bool:
        try:
            storages["derived"].save(f"{FOLDER}/{uuid4()}.json", ContentFile(json.dumps(_document(message)).encode()))
        except Exception:
            if not self.fail_silently:
                raise
            logger.exception("a mail could not be put in the outbox")
            return False
        return True


def _document(message: EmailMessage) -> dict[str, Any]:
    mime: Any = message.message()
    return {
        "schema": SCHEMA,
        "from": _bare(message.from_email, message),
        "to": [_bare(address, message) for address in message.recipients()],
        "raw_base64": base64.b64encode(mime.as_bytes(linesep="\r\n")).decode(),
    }


def _bare(address: str, message: EmailMessage) -> str:
    """`Ada <ada@example.com>` is `ada@example.com`; raises ValueError for what is no address."""
    return parseaddr(sanitize_address(address, message.encoding or "utf-8"))[1]
