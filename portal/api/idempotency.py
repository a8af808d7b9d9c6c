"""Idempotency keys: a client that did not hear our answer asks again, and starts no second upload.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from portal.accounts.models import User
from portal.api.kept_uploads import LONGEST_KEY, KeptUpload
from portal.api.problems import Problem
from portal.images.quotas import lock_owner
from portal.images.uploads import Announcement, Started, renew_form, start_upload

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request that may be sent again under the same `key`; an empty key remembers nothing."""

    owner: User
    key: str
    digest: str

    @classmethod
    def of(cls, request: HttpRequest, owner: User, document: Any) -> Repeatable:
        """Read the header. Raises Problem when it is malformed, or was used for another request."""
        key = request.headers.get(HEADER)
        if key is not None and (len(key) > LONGEST_KEY or not _KEY.fullmatch(key)):
            message = f"It must have 1 to {LONGEST_KEY} printable ASCII characters."
            raise Problem("invalid_request", f"{HEADER} is malformed.", errors=((HEADER, message),))
        repeatable = cls(owner, key or "", _digest(request.path, document))
        if key:
            repeatable._refuse_another()
        return repeatable

    def start(self, file: Announcement, position: int = 0) -> tuple[Started, bool]:
        """Start the upload of the file at `position`, or find the one that was started before.

        Returns it and whether it is new or the answer to the same request; False for content the owner has already.
        Of two that come at once the second waits for the first. What `start_upload` raises keeps nothing.
        """
        if not self.key:
            started = start_upload(self.owner, file)
            return started, not started.duplicate
        with transaction.atomic():
            lock_owner(self.owner)
            kept = self._kept().filter(position=position).select_related("image").first()
            if kept is None:
                return self._start_and_keep(file, position)
        self._require_same(kept)
        return Started(kept.image, renew_form(kept.image, file.sha256)), True

    def _start_and_keep(self, file: Announcement, position: int) -> tuple[Started, bool]:
        started = start_upload(self.owner, file)
        if not started.duplicate:
            KeptUpload.objects.create(
                owner=self.owner, key=self.key, position=position, request=self.digest, image=started.image
            )
        return started, not started.duplicate

    def _refuse_another(self) -> None:
        """Also forgets what is too old: keys are used by few, so those who do tidy up."""
        KeptUpload.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
        kept = self._kept().first()
        if kept is not None:
            self._require_same(kept)

    def _kept(self) -> QuerySet[KeptUpload]:
        return KeptUpload.objects.filter(owner=self.owner, key=self.key)

    def _require_same(self, kept: KeptUpload) -> None:
        if kept.request != self.digest:
            raise Problem("idempotency_mismatch", f"This {HEADER} was used for another request: take a new one.")


def _digest(path: str, document: Any) -> str:
    """The same for the same JSON, however it is spaced and ordered."""
    written = json.dumps([path, document], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()
