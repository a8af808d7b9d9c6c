"""An upload of many files: looked at and announced in their order, sent several at once, and told how it went.

Nothing is kept on this machine. What a run that was killed had announced, the portal knows by the keys, and what it had
sent, by the content; so the second run goes on where the first ended.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from imagesift.announcing import Place, announce, announce_anew, together
from imagesift.api import Api
from imagesift.errors import ClientError, NotSignedIn, QuotaReached, Refused, Stopped, Unreachable
from imagesift.finding import Found, reason
from imagesift.photos import Photo, look_at
from imagesift.problems import IMAGES_PER_DAY
from imagesift.progress import Progress
from imagesift.sending import Form, FormExpired, Sender

EMPTY = "This file is empty: it has 0 bytes."
GONE = "image_gone"
_FORMS_FOR_A_FILE = 3
# How long Ctrl+C waits for what is just being sent.
_PATIENCE_SECONDS = 5.0


@dataclass
class Report:
    """How an upload went. `images` are the ids of the files that were sent now, or were there; `error` ended it."""

    files: int
    sent: int = 0
    there: int = 0
    images: dict[str, Path] = field(default_factory=dict)
    failures: list[tuple[Path, str]] = field(default_factory=list)
    error: ClientError | None = None
    interrupted: bool = False

    @property
    def left(self) -> int:
        """Files that were not come to."""
        return self.files - self.sent - self.there - len(self.failures)


@dataclass(frozen=True)
class Delivered:
    """A file that is at the portal now, as which image, and whether it was there before."""

    image_id: str
    there_already: bool
    unsent_bytes: int = 0


class Uploader:
    """Uploads what was found. `stop` ends it as Ctrl+C does."""

    def __init__(self, api: Api, sender: Sender, progress: Progress, concurrency: int, stop: Event) -> None:
        self._api, self._sender, self._progress, self._stop = api, sender, progress, stop
        self._concurrency = concurrency
        self._pending: dict[Future[Delivered], Photo] = {}
        self._lost_in_a_row = 0

    def upload(self, found: Found) -> Report:
        """Upload all of it, or as much as is possible. Raises nothing that a person can do something about."""
        report = Report(len(found.files))
        pool = ThreadPoolExecutor(self._concurrency)
        try:
            report.error = self._feed(found, report, pool)
            self._settle(report, at_most=0)
        except ClientError as error:
            report.error = error
        except (KeyboardInterrupt, Stopped):
            report.interrupted = True
        self._stop_sending(report, pool)
        return report

    def _feed(self, found: Found, report: Report, pool: ThreadPoolExecutor) -> QuotaReached | None:
        """Announce everything, list by list, while the list before is being sent. Returns why it ended early."""
        for photos in together(self._photos(found, report)):
            self._settle(report, at_most=len(photos))
            quota: QuotaReached | None = None
            try:
                places = announce(self._api, photos)
            except QuotaReached as error:
                return error
            for photo, place in zip(photos, places, strict=True):
                if isinstance(place, Place):
                    self._pending[pool.submit(self._deliver, place)] = photo
                elif place.problem.code == IMAGES_PER_DAY:
                    quota = QuotaReached(place.problem.sentence)
                else:
                    self._fail(report, photo.path, photo.size, place.problem.sentence)
            if quota:
                return quota
        return None

    def _photos(self, found: Found, report: Report) -> Iterator[Photo]:
        """The files that can be read, each content once."""
        seen: set[str] = set()
        for path, byte_count in found.files.items():
            try:
                photo = look_at(path, self._stop)
            except OSError as error:
                self._fail(report, path, byte_count, reason(error))
                continue
            if photo.size == 0:
                self._fail(report, path, byte_count, EMPTY)
            elif photo.sha256 in seen:
                report.there += 1
                self._progress.settled(byte_count)
            else:
                seen.add(photo.sha256)
                yield photo

    def _deliver(self, place: Place) -> Delivered:
        """In a thread of its own: send one file, by as many forms as it takes."""
        photo, image_id, form = place.photo, place.image_id, place.form
        if form is None:
            return Delivered(image_id, True, photo.size)
        for _ in range(_FORMS_FOR_A_FILE):
            try:
                earlier = self._sender.send(photo, form, self._progress.sent)
                return Delivered(earlier or image_id, bool(earlier))
            except FormExpired:
                renewed = Form.of(self._api.renew_form(image_id, photo.sha256))
                if renewed is None:
                    return Delivered(image_id, True, photo.size)
                form = renewed
            except Refused as refused:
                if refused.problem.code != GONE:
                    raise
                anew = announce_anew(self._api, photo)
                if anew.form is None:
                    return Delivered(anew.image_id, True, photo.size)
                image_id, form = anew.image_id, anew.form
        raise ClientError("The portal did not take this file by any of its forms. Run the command again.")

    def _settle(self, report: Report, at_most: int) -> None:
        """Note how files went until no more than `at_most` are on their way."""
        while len(self._pending) > at_most:
            # Not for long: on Windows Ctrl+C does not end a wait.
            for future in wait(self._pending, timeout=0.2, return_when=FIRST_COMPLETED).done:
                self._note(report, self._pending.pop(future), future)

    def _note(self, report: Report, photo: Photo, future: Future[Delivered]) -> None:
        """Raises what ends the whole upload: no token any more, no allowance, nobody who answers."""
        try:
            delivered = future.result()
        except (NotSignedIn, QuotaReached):
            raise
        except ClientError as error:
            self._fail(report, photo.path, photo.size, str(error))
            self._lost_in_a_row += isinstance(error, Unreachable)
            if self._lost_in_a_row > self._concurrency:
                raise
        except OSError as error:
            self._fail(report, photo.path, photo.size, reason(error))
        else:
            self._lost_in_a_row = 0
            report.images[delivered.image_id] = photo.path
            report.there += delivered.there_already
            report.sent += not delivered.there_already
            self._progress.settled(delivered.unsent_bytes)

    def _fail(self, report: Report, path: Path, byte_count: int, sentence: str) -> None:
        report.failures.append((path, sentence))
        self._progress.settled(byte_count)

    def _stop_sending(self, report: Report, pool: ThreadPoolExecutor) -> None:
        """Leave nobody sending, and note what was just done when it ended."""
        self._stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for future in wait(self._pending, timeout=deadline - time.monotonic()).done:
            photo = self._pending.pop(future)
            if not future.cancelled() and future.exception() is None:
                self._note(report, photo, future)
