"""Asking again what may go well the next time: ever later, never all at once, and not before the server says."""

from __future__ import annotations

import email.utils
import math
import random
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event

import httpx2

from imagesift.errors import Stopped, Unreachable
from imagesift.problems import QUOTAS, problem_of

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
# A server that asks for more than this is not going to answer today.
LONGEST_OBEYED_SECONDS = 300.0

_REPEATED = (408, 425, 429, 500, 502, 503, 504)
_dice = random.SystemRandom()


def _say_nothing(_sentence: str) -> None:
    """For commands that somebody waits for only a moment."""


@dataclass(frozen=True)
class Patience:
    """How often to try, what ends the waiting (`stop`), and who is told of it."""

    attempts: int = 4
    stop: Event = field(default_factory=Event)
    note: Callable[[str], None] = _say_nothing

    def persist(self, attempt: Callable[[], httpx2.Response]) -> httpx2.Response:
        """The first answer that is worth reading. Only for what does no harm when it is done twice.

        Raises Unreachable when the attempts are used up, and Stopped when `stop` is set meanwhile.
        """
        for wait in (*self._waits(), None):
            try:
                response = attempt()
            except httpx2.TransportError as error:
                sentence, delay = f"{_place(error)} does not answer ({_reason(error)}).", wait
                if wait is None or _is_hopeless(error):
                    raise Unreachable(sentence) from None
            else:
                if not _is_worth_repeating(response):
                    return response
                sentence, delay = problem_of(response).sentence, _delay(response, wait)
                if delay is None:
                    raise Unreachable(sentence)
            self.note(f"{sentence} Trying again in {math.ceil(delay or 0)} s.")
            sleep(delay or 0, self.stop)
        raise AssertionError("the last attempt returns or raises")

    def _waits(self) -> Iterator[float]:
        """Seconds between the attempts: half of each is chance, so that many clients do not come back together.

        Source: "Exponential Backoff And Jitter", AWS Architecture Blog
        (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
        """
        for attempt in range(self.attempts - 1):
            longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**attempt)
            yield _dice.uniform(longest / 2, longest)


def _delay(response: httpx2.Response, wait: float | None) -> float | None:
    """Seconds until the next attempt; None when there is none, or the server wants it at another time of the day."""
    asked = asked_to_wait(response.headers.get("Retry-After"))
    return None if wait is None or asked > LONGEST_OBEYED_SECONDS else wait + asked


def _is_worth_repeating(response: httpx2.Response) -> bool:
    if response.is_success:
        return False
    return response.status_code in _REPEATED and problem_of(response).code not in QUOTAS


def _is_hopeless(error: httpx2.TransportError) -> bool:
    """Whether the next attempt would end the same way: a certificate that is not trusted, an address of no kind."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (ssl.SSLCertVerificationError, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _place(error: httpx2.TransportError) -> str:
    return f"{error.request.url.scheme}://{error.request.url.netloc.decode('ascii')}"


def _reason(error: httpx2.TransportError) -> str:
    return str(error) or type(error).__name__


def asked_to_wait(retry_after: str | None) -> float:
    """The seconds that a Retry-After header asks for, as a number or as a date; 0 when it makes no sense."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def sleep(seconds: float, stop: Event) -> None:
    """Wait, unless and until `stop` is set. Raises Stopped when it is."""
    remaining = seconds
    # In small pieces: on Windows Ctrl+C does not end a long wait.
    while remaining > 0 and not stop.wait(min(remaining, 0.2)):
        remaining -= 0.2
    if stop.is_set():
        raise Stopped
