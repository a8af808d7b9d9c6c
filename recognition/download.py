"""One file over HTTP, gone on with where an earlier attempt was cut off, and given up on soon when nobody answers.

`huggingface_hub.hf_hub_download` is not used for this: it starts over after every interruption (version 2 names each
partial file anew) and waits more than a minute for a silent server. Its session is: it honours proxies, certificates
and `HF_HUB_OFFLINE`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final
from urllib.parse import urlsplit

Progress = Callable[[int, int], None]

# Name resolution, connecting (to each of the server's addresses in turn), redirects, and the start of the answer.
ANSWER_SECONDS: Final = 8.0
# Without a single further byte.
STALL_SECONDS: Final = 15.0
# A cut-off download is gone on with at once, so often, as long as each attempt brings something.
ATTEMPTS: Final = 5

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class DownloadError(Exception):
    """Why a file did not arrive, as a part of a sentence; `cut_off` when a part of it did."""

    def __init__(self, reason: str, *, cut_off: bool = False) -> None:
        super().__init__(reason)
        self.cut_off = cut_off


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: for an answer to begin, and for the next bytes of it."""

    answer_s: float = ANSWER_SECONDS
    stall_s: float = STALL_SECONDS


@dataclass(frozen=True, slots=True)
class _Answer:
    """How an answer begins: its status, the position of its first byte in the file, and the file's bytes if known."""

    status: int
    start: int
    total: int


def download(url: str, target: Path, *, patience: Patience = Patience(), progress: Progress | None = None) -> None:
    """Write the file at `url` to `target`; what `target` holds already is taken for the beginning of it.

    `progress` hears the bytes that are there and the bytes of the whole file (0 while unknown). Raises DownloadError,
    and leaves in `target` what has arrived, for the next call to go on with.
    """
    target.touch()
    for attempt in range(1, ATTEMPTS + 1):
        before = target.stat().st_size
        try:
            _attempt(url, target, patience, progress)
        except DownloadError as error:
            if not error.cut_off or target.stat().st_size <= before or attempt == ATTEMPTS:
                raise
        else:
            return


def _attempt(url: str, target: Path, patience: Patience, progress: Progress | None) -> None:
    position = target.stat().st_size
    with closing(_Request(url, position, patience)) as request:
        answer = request.answer()
        if answer.status == 416 and position:
            return
        if answer.status not in (200, 206):
            raise DownloadError(_refusal(url, answer.status))
        if answer.start > position:
            raise DownloadError(f"{_host(url)} sent another part of the file than it was asked for")
        with target.open("r+b") as file:
            file.seek(answer.start)
            file.truncate()
            for chunk in request.chunks():
                file.write(chunk)
                if progress:
                    progress(file.tell(), answer.total)


class _Request:
    """A request for the bytes of `url` from `position` on.

    A thread of its own makes it, because no timeout of a socket bounds name resolution, several addresses tried in
    turn, or a chain of redirects; it is left behind when it takes too long.
    """

    def __init__(self, url: str, position: int, patience: Patience) -> None:
        self._url = url
        self._position = position
        self._patience = patience
        self._answer: Future[_Answer] = Future()
        self._chunks: SimpleQueue[bytes | DownloadError | None] = SimpleQueue()
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="download", daemon=True).start()

    def answer(self) -> _Answer:
        try:
            return self._answer.result(self._patience.answer_s)
        except TimeoutError:
            raise DownloadError(f"{_host(self._url)} does not answer") from None

    def chunks(self) -> Iterator[bytes]:
        while True:
            try:
                chunk = self._chunks.get(timeout=self._patience.stall_s)
            except Empty:
                raise _broken_off(self._url, stalled=True) from None
            if isinstance(chunk, DownloadError):
                raise chunk
            if chunk is None:
                return
            yield chunk

    def close(self) -> None:
        self._closed.set()

    def _run(self) -> None:
        # Only who downloads waits for this import: recognition.hub is imported with every page of the portal.
        import httpx2

        try:
            self._transfer()
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            if self._answer.done():
                self._chunks.put(_broken_off(self._url, stalled=isinstance(error, httpx2.ReadTimeout)))
            else:
                self._answer.set_exception(DownloadError(_unreachable(self._url, error)))

    def _transfer(self) -> None:
        import httpx2
        from huggingface_hub import get_session

        headers = {"Accept-Encoding": "identity", "User-Agent": "ImageSift"}
        if self._position:
            headers["Range"] = f"bytes={self._position}-"
        timeout = httpx2.Timeout(self._patience.stall_s, connect=self._patience.answer_s)
        with get_session().stream("GET", self._url, headers=headers, timeout=timeout) as response:
            self._answer.set_result(_beginning(response.status_code, response.headers))
            for chunk in response.iter_bytes():
                if self._closed.is_set():
                    return
                self._chunks.put(chunk)
        self._chunks.put(None)


def _broken_off(url: str, *, stalled: bool) -> DownloadError:
    if stalled:
        return DownloadError(f"{_host(url)} stopped sending half-way", cut_off=True)
    return DownloadError(f"the connection to {_host(url)} was cut off half-way", cut_off=True)


def _beginning(status: int, headers: Mapping[str, str]) -> _Answer:
    part = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
    if status == 206 and part:
        return _Answer(status, int(part[1]), int(part[2]))
    length = headers.get("Content-Length", "")
    return _Answer(status, 0, int(length) if length.isdecimal() else 0)


def _unreachable(url: str, error: Exception) -> str:
    import httpx2
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set"
    if isinstance(error, httpx2.TimeoutException):
        return f"{_host(url)} does not answer"
    # The first line, without the system's error number.
    detail = re.sub(r"^\[[^]]*\] *", "", (str(error).splitlines() or [""])[0])
    return f"no connection to {_host(url)}: {detail or type(error).__name__}"


def _refusal(url: str, status: int) -> str:
    if status in (401, 403, 404, 410):
        return f"{_host(url)} has no such file, or does not give it to everybody (status {status})"
    return f"{_host(url)} answered with status {status}"


def _host(url: str) -> str:
    return urlsplit(url).netloc or url
