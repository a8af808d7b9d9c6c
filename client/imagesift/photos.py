"""A file on this machine as it is announced, and its bytes on their way: those that were announced, or none."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from imagesift.errors import ClientError, Stopped
from imagesift.finding import CONTENT_TYPES

_CHUNK = 1024 * 1024


class Changed(ClientError):
    """The file is not what it was when it was announced."""

    def __init__(self) -> None:
        super().__init__("The file changed while it was being uploaded. Run the command again when it is at rest.")


@dataclass(frozen=True)
class Photo:
    """A file's name, size in bytes and SHA-256 in hex, as they were when it was looked at."""

    path: Path
    size: int
    sha256: str

    @property
    def filename(self) -> str:
        """Its name as text: on Linux a name is bytes, which need not be any."""
        return self.path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.path.suffix.lower()]

    @property
    def key(self) -> str:
        """The same for the same content under the same name, in every run and on every machine."""
        return hashlib.sha256(f"imagesift {self.sha256} {self.filename}".encode()).hexdigest()

    def announcement(self) -> dict[str, object]:
        return {
            "filename": self.filename,
            "content_type": self.content_type,
            "size": self.size,
            "sha256": self.sha256,
        }


def look_at(path: Path, stop: Event) -> Photo:
    """Read the file once. Raises OSError when it cannot be read, and Stopped when `stop` is set meanwhile."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if stop.is_set():
                raise Stopped
            digest.update(chunk)
            size += len(chunk)
    return Photo(path, size, digest.hexdigest())


class PhotoStream(io.FileIO):
    """The file for one attempt at sending it; `sent` is told the bytes as they go, and the last bytes do not go when
    the content turns out to be another than the one announced.

    Reading raises Changed then, and Stopped once `stop` is set.
    """

    def __init__(self, photo: Photo, sent: Callable[[int], None], stop: Event) -> None:
        super().__init__(photo.path, "rb")
        self._photo, self._sent, self._stop = photo, sent, stop
        self._digest, self._position = hashlib.sha256(), 0
        if self.seek(0, io.SEEK_END) != photo.size:
            self.close()
            raise Changed
        self.seek(0)

    def read(self, size: int | None = -1, /) -> bytes:
        if self._stop.is_set():
            raise Stopped
        chunk = super().read(size) or b""
        self._digest.update(chunk)
        self._position += len(chunk)
        complete = self._position >= self._photo.size
        if (complete and self._digest.hexdigest() != self._photo.sha256) or not (chunk or complete):
            raise Changed
        self._sent(len(chunk))
        return chunk
