"""Being asked to end: by SageMaker before it takes a spot machine back, by the portal's *Stop*, by Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """The process was asked to end; what is worth keeping is kept.

    Like KeyboardInterrupt no error, so that nobody's `except Exception` takes it for one.
    """


@dataclass(slots=True)
class Wish:
    """Whether the process was asked to end."""

    asked: bool = False

    def heed(self) -> None:
        """Raises Stopped if it was."""
        if self.asked:
            raise Stopped


@contextmanager
def raising() -> Iterator[None]:
    """Within, a signal to end raises Stopped wherever the process is."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise Stopped

    with _handled_by(end):
        yield


@contextmanager
def deferring() -> Iterator[Wish]:
    """Within, a signal to end is only noted, for a moment at which ending does no harm."""
    wish = Wish()

    def note(number: int, _frame: FrameType | None) -> None:
        if wish.asked and number == signal.SIGINT:
            # Somebody who presses Ctrl-C again does not want to wait for the end of a step.
            raise KeyboardInterrupt
        wish.asked = True

    with _handled_by(note):
        yield wish


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        # Signals come to the main thread alone.
        yield
        return
    before = {each: signal.signal(each, handler) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, previous in before.items():
            signal.signal(each, previous)
