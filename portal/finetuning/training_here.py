"""Watching over a training on this machine: from the data that is written for it to the files that it leaves.

The training itself is another process. When the one that watches over it dies, somebody else takes over: adopts the
process if that is still at it, or starts another, which goes on from the last checkpoint.
"""

from __future__ import annotations

import errno
import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, close_old_connections, transaction
from django.utils import timezone
from filelock import FileLock, Timeout

from portal.finetuning.arguments import training_arguments
from portal.finetuning.beginning import can_train_here
from portal.finetuning.child import LOCKED, TOLD_TO_END, Child, last_words
from portal.finetuning.collecting import collect
from portal.finetuning.forgetting import forget_strangers
from portal.finetuning.inputs import prune, write_inputs
from portal.finetuning.models import ModelVersion, VersionState
from portal.finetuning.problems import CannotTrain
from portal.finetuning.progress_lines import Follower
from portal.finetuning.watching import Lost, Watch, Wishes
from portal.finetuning.workplaces import DATA, workplace, workplaces
from portal.images.workers import told_to_end

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
REPORT_SECONDS = 1.0
# A training that is asked to end writes a checkpoint first.
PATIENCE_SECONDS = 60.0
# How often a training may be ended from outside.
LIVES = 20

WENT_WRONG: Final = "Something went wrong on our side while this model was being trained. You can try again."
DISK_FULL: Final = "The disk of this machine is full. Make room, and try again: the training goes on where it was."
KILLED: Final = (
    "The machine ended the training without a word, most often because its memory was used up. It can go on from where "
    "it was, once there is more; a new version with a smaller picture size needs less."
)
RESTLESS: Final = "The training was ended from outside again and again. You can try again: it goes on where it was."


class _Stop(Exception):
    """Somebody asked the training to stop, or the worker is about to end."""


def watch(version_id: UUID | str) -> None:
    """See a training through to its end. Does nothing when it has ended, or somebody else watches over it."""
    begun = Watch.begun(version_id)
    if begun is None:
        return
    training = _Training(begun)
    try:
        try:
            training.see_through()
        except _Stop:
            training.stop()
    except Lost:
        training.give_away()
    except CannotTrain as error:
        training.fail(str(error))
    except Exception as error:
        is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        logger.exception("could not train %s", begun.version)
        training.fail(DISK_FULL if is_full else WENT_WRONG)


class _Training:
    """One go at a version."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._version = watch.version
        self._folder = workplace(watch.version.pk)
        self._data, self._run = self._folder / DATA, self._folder / "run"
        self._follower = Follower(self._run / "progress.jsonl")
        self._follower.more()
        self._child: Child | None = None
        self._reported_at = -REPORT_SECONDS
        self._images_removed = watch.version.dataset.images_removed
        # Of the dataset as it is in the data folder.
        self._removed_before = self._images_removed

    def see_through(self) -> None:
        """Raises _Stop, Lost, or what it failed of."""
        self._report()
        with self._turn():
            if why := can_train_here():
                raise CannotTrain(why)
            for _ in range(LIVES):
                self._child = Child.outliving(self._run) or self._started()
                self._follow(self._child)
                if self._is_done():
                    self._collect()
                    return
                self._report(at_once=True)
                if not self._may_go_on(self._child):
                    raise CannotTrain(self._reason(self._child))
            raise CannotTrain(RESTLESS)

    # Ways to leave

    def stop(self) -> None:
        """For good where a person asked for that, else until the next worker comes."""
        if self._wishes().stop_requested:
            self._end_child()
            if self._is_done():
                self._collect()
            else:
                self._end(VersionState.STOPPED, error="")
            return
        if self._child:
            self._child.ask_to_end(PATIENCE_SECONDS)
        self._watch.hand_over()

    def fail(self, why: str) -> None:
        self._end_child()
        self._end(VersionState.FAILED, error=why)

    def give_away(self) -> None:
        """Whoever watches over it now goes on with the process that we started, unless the version is gone."""
        if not ModelVersion.objects.filter(pk=self._version.pk).exists():
            self._end_child()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self, state: VersionState, **values: Any) -> None:
        """Nobody's pictures are kept here. Checkpoints are, for another try."""
        self._watch.end(state, **self._follower.progress.values(), **values)
        for folder in (self._data, self._run / "result"):
            shutil.rmtree(folder, ignore_errors=True)

    def _end_child(self) -> None:
        """Have it end: by itself, or at once when that takes too long."""
        while self._child and not self._child.has_ended():
            self._child.ask_to_end(PATIENCE_SECONDS)
            with suppress(_Stop, Lost):
                self._report()
            time.sleep(POLL_SECONDS)
        self._follower.more()

    # Steps

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One training at a time on a machine: wait until the others are done."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(workplaces() / "lock")
        while True:
            try:
                lock.acquire(timeout=0)
                break
            except Timeout:
                self._report()
                time.sleep(POLL_SECONDS)
        try:
            yield
        finally:
            lock.release()

    def _started(self) -> Child:
        """A new process, with the data as it is now."""
        self._follower.progress.begin_again()
        self._report(at_once=True, state=VersionState.TRAINING, started_at=self._version.started_at or timezone.now())
        self._removed_before = self._images_removed
        write_inputs(self._version, self._data, lambda _images: self._report())
        arguments = training_arguments(self._version, self._data, self._run)
        return Child.started(self._run, arguments, self._folder / "errors.txt")

    def _follow(self, child: Child) -> None:
        while not child.has_ended():
            self._follower.more()
            self._report(state=VersionState.TRAINING)
            time.sleep(POLL_SECONDS)
        self._follower.more()

    def _is_done(self) -> bool:
        return self._follower.progress.outcome == "done"

    def _collect(self) -> None:
        values = {**self._follower.progress.values(), **collect(self._version, self._run / "result")}
        with transaction.atomic():
            self._watch.end(VersionState.READY, error="", **values)
            forget_strangers(self._version.pk)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _may_go_on(self, child: Child) -> bool:
        """Whether it ended for no fault of its own: somebody told it to, or pictures were deleted under it."""
        was_told = self._follower.progress.outcome == "stopped" or child.status in (LOCKED, *TOLD_TO_END)
        return was_told or self._images_removed != self._removed_before

    def _reason(self, child: Child) -> str:
        if message := self._follower.progress.message:
            return message
        words = last_words(self._folder / "errors.txt") if child.status not in (None, -9, 137) else ""
        return f"The training ended early. {words}" if words else KILLED

    # Reporting

    def _report(self, *, at_once: bool = False, **values: Any) -> None:
        """Report now and then. Raises _Stop and Lost; a database that is away is waited for."""
        if not at_once and time.monotonic() < self._reported_at + REPORT_SECONDS:
            return
        self._reported_at = time.monotonic()
        try:
            wishes = self._wishes(**self._follower.progress.values(), **values)
        except DatabaseError:
            logger.exception("cannot write down how far %s is; trying again", self._version)
            close_old_connections()
            return
        if wishes.stop_requested or told_to_end.is_set():
            raise _Stop

    def _wishes(self, **values: Any) -> Wishes:
        wishes = self._watch.report(**values)
        if wishes.images_removed != self._images_removed:
            self._images_removed = wishes.images_removed
            prune(self._version.dataset, self._data)
        return wishes
