"""Waiting until the portal has looked at what was uploaded."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event

from imagesift.api import WAIT_SECONDS, Api, Document
from imagesift.errors import Refused, Stopped
from imagesift.patience import sleep

SETTLED = ("recognized", "failed")
# Where the portal does not hold its answer.
_PAUSE_SECONDS = 1.0


@dataclass
class Recognised:
    """What became of the images: how many were recognised, and each that failed."""

    images: int = 0
    failures: list[Document] = field(default_factory=list)


def wait_for(api: Api, image_ids: Iterable[str], concurrency: int, stop: Event) -> Recognised:
    """Wait for every image, some at once. Raises ClientError when asking is in vain, KeyboardInterrupt on Ctrl+C."""
    outcome = Recognised()
    pool = ThreadPoolExecutor(concurrency)
    pending = {pool.submit(_settled, api, image_id, stop) for image_id in image_ids}
    try:
        while pending:
            done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in done:
                _note(outcome, future.result())
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
    return outcome


def _note(outcome: Recognised, document: Document | None) -> None:
    if document is None:
        return
    if document["status"] == "failed":
        outcome.failures.append(document)
    else:
        outcome.images += 1


def _settled(api: Api, image_id: str, stop: Event) -> Document | None:
    """None for an image that was deleted meanwhile."""
    while not stop.is_set():
        try:
            document = api.image(image_id, wait=WAIT_SECONDS)
        except Refused as error:
            if error.problem.status == 404:
                return None
            raise
        if document["status"] in SETTLED:
            return document
        sleep(_PAUSE_SECONDS, stop)
    raise Stopped
