"""From the bytes of one image to one result: prepare, ask every detector at once, put the answers together."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from recognition.detectors import Detector, Findings, fingerprint
from recognition.errors import DetectorThrottled, DetectorUnavailable, PermanentError, RecognitionUnavailable
from recognition.image import PreparedImage, prepare
from recognition.limits import Limits
from recognition.prices import DEFAULT_PRICES, PriceTable
from recognition.result import DetectorRun, Failure, ImageInfo, Properties, Result, Source, Status

__all__ = [
    "THROTTLED",
    "Recognition",
    "RecognitionUnavailable",
    "configuration_fingerprint",
    "late",
    "recognize",
    "unanswered",
]

logger = logging.getLogger(__name__)

THROTTLED = "detector_throttled"
LATE = "detector_timeout"
"""The failure code of a detector that was asked too often."""


@dataclass(frozen=True, slots=True, eq=False)
class Recognition:
    """The result, and the prepared image it is of (None when the image could not be prepared)."""

    result: Result
    prepared: PreparedImage | None


@dataclass(frozen=True, slots=True)
class _Answer:
    run: DetectorRun
    findings: Findings


def recognize(
    source: bytes | Path | BinaryIO,
    *,
    image_id: UUID,
    stored_as: Source,
    detectors: Sequence[Detector],
    limits: Limits,
    timeout_s: float = 60,
    previous: Result | None = None,
    prices: PriceTable = DEFAULT_PRICES,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Recognition:
    """Recognise one image; a failure that is the image's own is a result too.

    All detectors get `timeout_s` seconds together. One that fails or is late does not lose the others' findings: its
    run in the result says why. A paid detector that answered in `previous`, on the same content with the same settings,
    is not asked again; one that answers now is entered with its price in `prices`. Labels and content flags come surest
    first, the rest in the order of `detectors`; of several detectors' image properties the paid one's are kept, else
    the first.

    Raises RecognitionUnavailable when no detector answered and another try may help, ValueError without detectors, and
    whatever reading `source` raises.
    """
    if not detectors:
        raise ValueError("No detectors are configured, so nothing can be recognised.")
    blank = Result(
        image_id=image_id,
        source=stored_as,
        status=Status.FAILED,
        recognized_at=now(),
        failure=Failure("unfinished", "The recognition did not finish.", permanent=False),
        configuration=configuration_fingerprint(detectors),
    )
    try:
        prepared = prepare(source, limits)
    except PermanentError as error:
        return Recognition(replace(blank, failure=Failure(error.code, error.message, permanent=True)), None)
    answers = _answers(detectors, prepared, timeout_s, previous, prices)
    result = _combined(blank, prepared.info, detectors, answers)
    return Recognition(replace(result, recognized_at=now()), prepared)


def configuration_fingerprint(detectors: Sequence[Detector]) -> str:
    """16 hex digits over all detectors' own fingerprints, in whatever order they are given."""
    prints = sorted(fingerprint(detector) for detector in detectors)
    return hashlib.sha256(json.dumps(prints).encode()).hexdigest()[:16]


def unanswered(detectors: Sequence[Detector], sha256: str, previous: Result | None) -> tuple[Detector, ...]:
    """Those that `recognize` would ask about the content of this hash, there being `previous`."""
    return tuple(detector for detector in detectors if _earlier_answer(detector, sha256, previous) is None)


def _answers(
    detectors: Sequence[Detector],
    image: PreparedImage,
    timeout_s: float,
    previous: Result | None,
    prices: PriceTable,
) -> list[_Answer]:
    """One answer for each detector, in their order, within `timeout_s` seconds."""
    reused = [_earlier_answer(detector, image.info.sha256, previous) for detector in detectors]
    futures = [
        None if answer else _started(detector, image, prices.cost_of(detector))
        for detector, answer in zip(detectors, reused, strict=True)
    ]
    wait([future for future in futures if future is not None], timeout=timeout_s)
    answers = []
    for detector, answer, future in zip(detectors, reused, futures, strict=True):
        if answer is None and future is not None:
            answer = future.result() if future.done() else _late(detector, timeout_s)
        if answer is not None:
            answers.append(answer)
    return answers


def _started(detector: Detector, image: PreparedImage, cost_micro_usd: int) -> Future[_Answer]:
    """Ask the detector in a thread of its own.

    A daemon thread and no executor: Python waits at exit for an executor's threads, so that one hung detector would
    keep the process from ever ending. A thread that is late is left alone and ends with its detector's call.
    """
    future: Future[_Answer] = Future()

    def answer() -> None:
        future.set_result(_answer(detector, image, cost_micro_usd))

    threading.Thread(target=answer, name=f"detector-{detector.name}", daemon=True).start()
    return future


def _answer(detector: Detector, image: PreparedImage, cost_micro_usd: int) -> _Answer:
    started = time.monotonic()
    findings, failure = Findings(), None
    try:
        findings = detector.detect(image)
    except PermanentError as error:
        failure = Failure(error.code, error.message, permanent=True)
    except DetectorUnavailable as error:
        logger.warning("Detector %s is unavailable: %s", detector.name, error)
        code = THROTTLED if isinstance(error, DetectorThrottled) else "detector_unavailable"
        failure = Failure(code, str(error), permanent=False)
    except Exception:
        logger.exception("Detector %s failed on image content %s", detector.name, image.info.sha256)
        failure = Failure(
            "detector_error", f"The detector “{detector.name}” failed; trying again may help.", permanent=False
        )
    run = _run(detector, time.monotonic() - started, findings, failure)
    return _Answer(run if failure else replace(run, cost_micro_usd=cost_micro_usd), findings)


def _late(detector: Detector, timeout_s: float) -> _Answer:
    logger.error("Detector %s gave no answer within %g s", detector.name, timeout_s)
    message = f"The detector “{detector.name}” gave no answer within {timeout_s:g} seconds; trying again may help."
    failure = Failure(LATE, message, permanent=False)
    return _Answer(_run(detector, timeout_s, Findings(), failure), Findings())


def _run(detector: Detector, seconds: float, findings: Findings, failure: Failure | None) -> DetectorRun:
    return DetectorRun(
        name=detector.name,
        version=findings.version or detector.version,
        duration_ms=round(seconds * 1000),
        request_id=findings.request_id,
        fingerprint=fingerprint(detector),
        failure=failure,
    )


def late(runs: Sequence[DetectorRun]) -> frozenset[str]:
    """The detectors whose answer did not come in time, by name."""
    return frozenset(run.name for run in runs if run.failure is not None and run.failure.code == LATE)


def _earlier_answer(detector: Detector, sha256: str, previous: Result | None) -> _Answer | None:
    """What a paid detector said of the same content when asked the same; None when it must be asked."""
    if not detector.paid or previous is None or previous.image is None or previous.image.sha256 != sha256:
        return None
    name, asked = detector.name, fingerprint(detector)
    for run in previous.detectors:
        if (run.name, run.fingerprint, run.failure) == (name, asked, None):
            properties = previous.properties
            findings = Findings(
                labels=tuple(label for label in previous.labels if label.detector == name),
                moderation_labels=tuple(flag for flag in previous.moderation_labels if flag.detector == name),
                text=tuple(text for text in previous.text if text.detector == name),
                properties=properties if properties and properties.detector == name else None,
            )
            return _Answer(replace(run, duration_ms=0, reused=True, cost_micro_usd=0), findings)
    return None


def _combined(blank: Result, image: ImageInfo, detectors: Sequence[Detector], answers: Sequence[_Answer]) -> Result:
    runs = tuple(answer.run for answer in answers)
    failures = [run.failure for run in runs if run.failure is not None]
    if len(failures) == len(runs):
        if not all(failure.permanent for failure in failures):
            throttled = any(failure.code == THROTTLED for failure in failures)
            reasons = " ".join(failure.message for failure in failures)
            raise RecognitionUnavailable(reasons, throttled=throttled, late=late(runs))
        return replace(blank, image=image, failure=failures[0], detectors=runs)
    findings = [answer.findings for answer in answers]
    labels = [label for found in findings for label in found.labels]
    flags = [flag for found in findings for flag in found.moderation_labels]
    return replace(
        blank,
        status=Status.RECOGNIZED,
        failure=None,
        image=image,
        labels=tuple(sorted(labels, key=lambda label: (-label.confidence, label.name))),
        moderation_labels=tuple(sorted(flags, key=lambda flag: (-flag.confidence, flag.name))),
        text=tuple(text for found in findings for text in found.text),
        properties=_best_properties(detectors, findings),
        detectors=runs,
    )


def _best_properties(detectors: Sequence[Detector], findings: Sequence[Findings]) -> Properties | None:
    measured = [
        (not detector.paid, found.properties)
        for detector, found in zip(detectors, findings, strict=True)
        if found.properties is not None
    ]
    return min(measured, key=lambda entry: entry[0])[1] if measured else None
