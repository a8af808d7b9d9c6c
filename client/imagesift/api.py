"""The portal's public API, version 1: one method for each thing that the commands ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import httpx2

from imagesift import __version__
from imagesift.account import Account
from imagesift.errors import Unreachable
from imagesift.patience import Patience
from imagesift.problems import problem_of, raised

PAGE = 100
WAIT_SECONDS = 20
_TIMEOUT = httpx2.Timeout(60, connect=10, pool=None)
# What no image's document is without.
_IMAGE = ("id", "filename", "status", "created_at")
USER_AGENT = f"imagesift/{__version__}"

Document = dict[str, Any]


class Api:
    """Speaks with one portal. Requests are repeated as `patience` has it; refusals are raised as ClientError."""

    def __init__(self, account: Account, patience: Patience | None = None) -> None:
        self.account = account
        self._patience = patience or Patience()
        self._base = f"{account.url}/api/v1"
        headers = {"Authorization": f"Bearer {account.token}", "User-Agent": USER_AGENT, "Accept": "application/json"}
        self._client = httpx2.Client(headers=headers, timeout=_TIMEOUT, limits=httpx2.Limits(max_connections=None))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def me(self) -> Document:
        return self._ask("GET", "/me", "username", "token")

    def image(self, image_id: str, wait: int = 0) -> Document:
        """An image's document; with `wait` the answer is held until the image is settled or the seconds are over."""
        return self._ask("GET", f"/images/{image_id}", *_IMAGE, params={"wait": wait} if wait else None)

    def images(self, filters: list[tuple[str, str]], limit: int | None = None) -> Iterator[Document]:
        """The images that match, newest first, page by page and at most `limit`."""
        cursor: str | None = None
        left = limit
        while left is None or left > 0:
            parameters = [*filters, ("limit", str(PAGE if left is None else min(PAGE, left)))]
            parameters += [("cursor", cursor)] if cursor else []
            page = self._ask("GET", "/images", "results", "next", params=parameters)
            yield from page["results"]
            left = None if left is None else left - len(page["results"])
            cursor = page["next"]
            if not cursor:
                return

    def announce(self, files: list[Document], key: str) -> list[Document]:
        """Announce up to 100 files at once; `key` makes the second time the same as the first."""
        headers = {"Idempotency-Key": key}
        results: list[Document] = self._ask(
            "POST", "/images/batch", "results", json={"images": files}, headers=headers
        )["results"]
        if len(results) != len(files):
            raise self._no_portal()
        return results

    def announce_one(self, file: Document, key: str) -> Document:
        return self._ask("POST", "/images", "id", json=file, headers={"Idempotency-Key": key})

    def renew_form(self, image_id: str, sha256: str) -> Document:
        """The image, with another form where its file is still awaited."""
        return self._ask("POST", f"/images/{image_id}/upload-form", "id", json={"sha256": sha256})

    def delete(self, image_id: str) -> None:
        self._answer("DELETE", f"/images/{image_id}")

    @contextmanager
    def original(self, image_id: str) -> Iterator[httpx2.Response]:
        """The file as it was uploaded, to be read in pieces; where it lies on S3, from there."""
        request = self._client.build_request("GET", f"{self._base}/images/{image_id}/original")
        response = self._client.send(request, stream=True)
        try:
            if response.next_request is not None:
                response.close()
                response = self._elsewhere(response.next_request.url)
            if not response.is_success:
                response.read()
                raise raised(problem_of(response))
            yield response
        finally:
            response.close()

    def _elsewhere(self, url: httpx2.URL) -> httpx2.Response:
        """Fetch from another place, which does not see the token."""
        refuse_downgrade(self.account, url)
        request = self._client.build_request("GET", url)
        del request.headers["Authorization"]
        return self._client.send(request, stream=True)

    def _ask(self, method: str, path: str, *needed: str, **options: Any) -> Document:
        """The document that is answered, which has at least the fields `needed`."""
        response = self._answer(method, path, **options)
        try:
            document = response.json()
        except ValueError:
            document = None
        if not isinstance(document, dict) or not document.keys() >= set(needed):
            raise self._no_portal()
        return document

    def _no_portal(self) -> Unreachable:
        return Unreachable(f"What answers at {self.account.url} is not an ImageSift portal.")

    def _answer(self, method: str, path: str, **options: Any) -> httpx2.Response:
        response = self._patience.persist(lambda: self._client.request(method, self._base + path, **options))
        if response.has_redirect_location:
            place = response.headers["Location"].partition("/api/")[0]
            raise Unreachable(f"{self.account.url} sends us to {place}: run `imagesift login` with that address.")
        if not response.is_success:
            raise raised(problem_of(response))
        return response


def refuse_downgrade(account: Account, url: httpx2.URL) -> None:
    """Raise Unreachable when a portal that is reached by TLS names an address that is not."""
    if account.url.startswith("https:") and url.scheme != "https":
        raise Unreachable(f"The portal names {url.scheme}://{url.host}, which is not encrypted: refused.")
