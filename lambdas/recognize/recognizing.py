"""One uploaded object: from its bytes to a result, in whatever order and however often it is told of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from lambdas.pointers import HeldImage, ResultPointer
from lambdas.recognize.ledger import Ledger, OverBudget
from recognition.errors import RecognitionUnavailable
from recognition.image import too_large
from recognition.recognizer import THROTTLED, Recognition, configuration_fingerprint, late, recognize, unanswered
from recognition.result import Failure, Result, Source, Status, failed

if TYPE_CHECKING:
    from lambdas.places import ImagePlace
    from lambdas.recognize.budgets import CurrentBudgets
    from lambdas.recognize.queues import Queues
    from lambdas.recognize.storing import Original, Store
    from recognition.detectors import Detector
    from recognition.limits import Limits
    from recognition.prices import PriceTable

_STORAGE: Final = "uploads"


class Outcome(StrEnum):
    DELETED = "deleted"
    KNOWN = "known"
    RECOGNIZED = "recognized"
    PARTIAL = "partial"
    FAILED = "failed"
    HELD = "held"
    POSTPONED = "postponed"


@dataclass(frozen=True, slots=True)
class Asking:
    """Which detectors to ask about what images, at what prices and with how many seconds for them all."""

    detectors: Sequence[Detector]
    limits: Limits
    prices: PriceTable
    timeout_s: float

    @property
    def configuration(self) -> str:
        return configuration_fingerprint(self.detectors)


@dataclass(frozen=True, slots=True)
class _Upload:
    """What is worked on: `content` is the bytes, `sha256` theirs, `configuration` that of the detectors asked."""

    place: ImagePlace
    source: Source
    content: bytes
    sha256: str
    configuration: str

    @property
    def final_key(self) -> str:
        return self.place.final_key(self.sha256, self.configuration)


class Recognizing:
    def __init__(self, asking: Asking, store: Store, ledger: Ledger, budgets: CurrentBudgets, queues: Queues) -> None:
        self._asking = asking
        self._store = store
        self._ledger = ledger
        self._budgets = budgets
        self._queues = queues

    def recognize(self, place: ImagePlace, key: str, timeout_s: Callable[[], float]) -> Outcome:
        """Recognise what lies at `key`, unless that is done already, and tell ingest of it.

        `timeout_s` says how many seconds the detectors may take from now on. POSTPONED leaves it to the caller to come
        back. Raises RecognitionUnavailable and whatever AWS's clients raise; trying again then may help.
        """
        original = self._store.original(key, self._asking.limits.max_bytes)
        if original is None:
            return Outcome.DELETED
        source = Source(_STORAGE, key, original.etag, original.version_id)
        if original.content is None:
            return self._refuse(place, source, original)
        sha256 = hashlib.sha256(original.content).hexdigest()
        upload = _Upload(place, source, original.content, sha256, self._asking.configuration)
        with self._ledger.claimed(place.owner_id, sha256, upload.configuration) as ours:
            return self._recognize_claimed(upload, timeout_s) if ours else Outcome.POSTPONED

    def _refuse(self, place: ImagePlace, source: Source, original: Original) -> Outcome:
        """Say that the object is too large, without having read it; what stands for its content is S3's hash."""
        reason = too_large(self._asking.limits.max_bytes)
        failure = Failure(reason.code, reason.message, permanent=True)
        result = replace(failed(place.image_id, source, failure), configuration=self._asking.configuration)
        content = hashlib.sha256(original.etag.encode()).hexdigest()
        key = place.final_key(content, result.configuration)
        self._store.keep_result(place, content, key, result)
        self._point(place, key)
        return Outcome.FAILED

    def _recognize_claimed(self, upload: _Upload, timeout_s: Callable[[], float]) -> Outcome:
        if self._store.has(upload.final_key):
            self._point(upload.place, upload.final_key)
            return Outcome.KNOWN
        unfinished = self._store.unfinished(upload.place, upload.sha256, upload.configuration)
        newest = self._store.newest_of_content(upload.place, upload.sha256, upload.configuration)
        try:
            recognition = self._ask(upload, self._better(upload, unfinished, newest), timeout_s)
        except OverBudget as refusal:
            held = HeldImage(upload.place.image_id, refusal.reason, refusal.month, datetime.now(UTC))
            self._queues.tell_ingest(held)
            return Outcome.HELD
        except RecognitionUnavailable as error:
            if error.throttled:
                return Outcome.POSTPONED
            raise
        result = with_unrecorded_costs(recognition.result, unfinished)
        return self._keep(upload, replace(recognition, result=result), unfinished)

    def _better(self, upload: _Upload, *earlier: Result | None) -> Result | None:
        """Of earlier results of this content, the one that leaves the fewest detectors to be asked."""
        return min(earlier, key=lambda result: len(unanswered(self._asking.detectors, upload.sha256, result)))

    def _ask(self, upload: _Upload, previous: Result | None, timeout_s: Callable[[], float]) -> Recognition:
        asking, place = self._asking, upload.place
        to_be_paid = unanswered(asking.detectors, upload.sha256, previous)
        cost = sum(asking.prices.cost_of(detector) for detector in to_be_paid)
        budgets = self._budgets()
        user_limit = budgets.of_user(place.owner_id)
        with self._ledger.reserved(
            place.owner_id, cost, user_limit=user_limit, stack_limit=budgets.stack
        ) as reservation:
            try:
                recognition = self._answered(upload, previous, timeout_s)
            except RecognitionUnavailable as error:
                # What was asked and not heard of in time may be billed: it stays counted.
                reservation.billed = self._price(error.late)
                raise
            result = recognition.result
            reservation.billed = result.cost_micro_usd + self._price(late(result.detectors))
        return recognition

    def _answered(self, upload: _Upload, previous: Result | None, timeout_s: Callable[[], float]) -> Recognition:
        asking = self._asking
        return recognize(
            upload.content,
            image_id=upload.place.image_id,
            stored_as=upload.source,
            detectors=asking.detectors,
            limits=asking.limits,
            timeout_s=min(asking.timeout_s, timeout_s()),
            previous=previous,
            prices=asking.prices,
        )

    def _price(self, names: frozenset[str]) -> int:
        """What one call of each of these detectors costs."""
        return sum(self._asking.prices.cost_of(each) for each in self._asking.detectors if each.name in names)

    def _keep(self, upload: _Upload, recognition: Recognition, unfinished: Result | None) -> Outcome:
        result, place = recognition.result, upload.place
        failures = [run.failure for run in result.detectors if run.failure is not None]
        if any(failure.code == THROTTLED for failure in failures):
            self._store.keep_unfinished(place, upload.sha256, result)
            return Outcome.POSTPONED
        partial = result.status is Status.RECOGNIZED and not all(failure.permanent for failure in failures)
        key = upload.final_key
        if partial:
            key = place.partial_key(upload.sha256, upload.configuration, result.recognized_at)
        self._write(upload, recognition, key)
        if partial and unfinished is not None:  # its costs are in a result now, and must not be counted again
            self._store.keep_unfinished(place, upload.sha256, without_costs(result))
        self._point(place, key)
        return Outcome.PARTIAL if partial else Outcome(result.status.value)

    def _write(self, upload: _Upload, recognition: Recognition, key: str) -> None:
        """The pictures, then the result that says they are there."""
        place, result = upload.place, recognition.result
        try:
            if recognition.prepared is not None:
                self._store.keep_pictures(place, recognition.prepared)
            self._store.keep_result(place, upload.sha256, key, result)
        except Exception:
            if result.cost_micro_usd:
                # The next attempt must not pay for these answers again.
                self._store.keep_unfinished(place, upload.sha256, result)
            raise

    def _point(self, place: ImagePlace, key: str) -> None:
        self._queues.tell_ingest(ResultPointer(place.image_id, key))


def with_unrecorded_costs(result: Result, unfinished: Result | None) -> Result:
    """The result with the runs that this image's unfinished attempts paid for, as they were: no other names them."""
    paid = {run.name: run for run in unfinished.detectors if run.cost_micro_usd} if unfinished else {}
    runs = tuple(paid.get(run.name, run) if run.reused else run for run in result.detectors)
    return replace(result, detectors=runs)


def without_costs(result: Result) -> Result:
    return replace(result, detectors=tuple(replace(run, cost_micro_usd=0) for run in result.detectors))
