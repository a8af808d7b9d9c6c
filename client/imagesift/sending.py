"""Sending a file by the form that its announcement was answered with: the portal's own, or a presigned one of S3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx2

from imagesift.account import Account
from imagesift.api import USER_AGENT, refuse_downgrade
from imagesift.errors import Problem, Refused, Unreachable
from imagesift.patience import Patience
from imagesift.photos import Photo, PhotoStream
from imagesift.problems import problem_of

# Another form helps. The first is the portal's; the others are S3's, for a policy or for credentials that are too old.
_EXPIRED = ("form_expired", "AccessDenied", "ExpiredToken")
_TIMEOUT = httpx2.Timeout(120, connect=10, pool=None)


class FormExpired(Exception):
    """The form is too old; there may be another."""


@dataclass(frozen=True)
class Form:
    """Where to send the bytes: POST `fields`, and then the file under `file_field`, to `url`."""

    url: str
    fields: dict[str, str]
    file_field: str

    @classmethod
    def of(cls, document: dict[str, Any]) -> Form | None:
        """The form in the document of an image that awaits its file; None in any other."""
        upload = document.get("upload")
        if not isinstance(upload, dict):
            return None
        try:
            return cls(str(upload["url"]), dict(upload["fields"]), str(upload["file_field"]))
        except (KeyError, TypeError, ValueError):
            raise Unreachable("The portal's upload form makes no sense.") from None


class Sender:
    """Sends files. It does not know the token: the form is the permission, and S3 refuses two."""

    def __init__(self, account: Account, patience: Patience) -> None:
        self._account, self._patience = account, patience
        limits = httpx2.Limits(max_connections=None)
        self._client = httpx2.Client(headers={"User-Agent": USER_AGENT}, timeout=_TIMEOUT, limits=limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def send(self, photo: Photo, form: Form, sent: Callable[[int], None]) -> str:
        """Send the file. Returns the id of the image that its owner had of it already, where the portal found one.

        `sent` is told the bytes as they go, and less than nothing for those of an attempt that failed. Raises
        FormExpired, Refused, Changed, Stopped, OSError, and Unreachable when the attempts are used up.
        """
        url = httpx2.URL(self._account.url).join(form.url)
        refuse_downgrade(self._account, url)
        response = self._patience.persist(lambda: self._attempt(photo, form, url, sent))
        if response.is_success:
            return _earlier_image(response)
        if response.has_redirect_location:
            raise Refused(Problem(response.status_code, "redirect", f"{url.host} sends the file elsewhere: refused."))
        problem = problem_of(response)
        if problem.code in _EXPIRED:
            raise FormExpired(problem.sentence)
        raise Refused(problem)

    def _attempt(self, photo: Photo, form: Form, url: httpx2.URL, sent: Callable[[int], None]) -> httpx2.Response:
        gone = 0

        def count(byte_count: int) -> None:
            nonlocal gone
            gone += byte_count
            sent(byte_count)

        response = None
        try:
            with PhotoStream(photo, count, self._patience.stop) as stream:
                files = {form.file_field: (photo.filename, stream, photo.content_type)}
                response = self._client.post(url, data=form.fields, files=files)
            return response
        finally:
            if response is None or not response.is_success:
                sent(-gone)


def _earlier_image(response: httpx2.Response) -> str:
    """S3 says nothing of the kind; the portal does, in JSON."""
    if "json" not in response.headers.get("Content-Type", ""):
        return ""
    try:
        document = response.json()
    except ValueError:
        return ""
    is_duplicate = isinstance(document, dict) and document.get("duplicate") is True
    return str(document.get("id", "")) if is_duplicate else ""
