import io
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest
from PIL import Image

from recognition.detectors import Findings, fingerprint
from recognition.errors import DetectorThrottled, DetectorUnavailable, PermanentError
from recognition.image import Limits
from recognition.prices import PriceTable
from recognition.recognizer import RecognitionUnavailable, configuration_fingerprint, recognize, unanswered
from recognition.result import (
    Box,
    Label,
    ModerationLabel,
    Properties,
    Result,
    Source,
    Status,
    Text,
    TextKind,
)

IMAGE_ID = UUID("8c1f2c9e-5b0a-4a57-9d5e-0d6a5f6f2b11")
STORED_AS = Source("uploads", "uploads/8c1f", "etag", None)
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def png(level=90):
    content = io.BytesIO()
    Image.fromarray(np.full((60, 90, 3), level, np.uint8)).save(content, "PNG")
    return content.getvalue()


class StubDetector:
    """Says what it is told to, after what it is told to wait for, and counts how often it was asked."""

    version = "1"

    def __init__(self, name, findings=None, *, raises=None, waits_for=None, paid=False, settings=None):
        self.name = name
        self.paid = paid
        self.settings = settings or {}
        self.calls = 0
        self._findings = findings or Findings(labels=(Label(f"Seen by {name}", 90.0, name),))
        self._raises = raises
        self._waits_for = waits_for

    def detect(self, image):
        self.calls += 1
        assert image.pixels.shape == (60, 90, 3)
        if self._waits_for is not None:
            self._waits_for()
        if self._raises is not None:
            raise self._raises
        return self._findings


def recognized(detectors, source=None, **options):
    options = {"image_id": IMAGE_ID, "stored_as": STORED_AS, "limits": Limits(), "now": lambda: MOMENT} | options
    return recognize(source or png(), detectors=detectors, **options)


def names(result):
    return [label.name for label in result.labels]


def test_every_detectors_findings_end_in_one_result():
    text = Text("STOP", TextKind.LINE, 99.0, Box(0.25, 0.25, 0.5, 0.5), "text")
    flag = ModerationLabel("Violence", "", 88.0, 1, "flags")
    properties = Properties(1.0, 2.0, 3.0, (), "properties")
    detectors = [
        StubDetector("objects"),
        StubDetector("text", Findings(text=(text,))),
        StubDetector("flags", Findings(moderation_labels=(flag,), request_id="r-1", version="7.0")),
        StubDetector("properties", Findings(properties=properties)),
    ]
    recognition = recognized(detectors)
    result = recognition.result
    assert (result.image_id, result.source, result.status) == (IMAGE_ID, STORED_AS, Status.RECOGNIZED)
    assert (result.image.width, result.image.height, result.recognized_at) == (90, 60, MOMENT)
    assert names(result) == ["Seen by objects"]
    assert (result.text, result.moderation_labels, result.properties) == ((text,), (flag,), properties)
    assert [run.name for run in result.detectors] == ["objects", "text", "flags", "properties"]
    assert (result.detectors[2].request_id, result.detectors[2].version) == ("r-1", "7.0")
    assert [run.fingerprint for run in result.detectors] == [fingerprint(detector) for detector in detectors]
    assert recognition.prepared.info == result.image
    assert Result.from_json(result.to_json()) == result


def test_labels_come_surest_first_then_by_name_and_two_detectors_keep_their_own():
    one = Findings(labels=(Label("Cat", 70.0, "one"), Label("Dog", 90.0, "one")))
    two = Findings(labels=(Label("Dog", 95.0, "two"), Label("Ape", 70.0, "two")))
    result = recognized([StubDetector("one", one), StubDetector("two", two)]).result
    assert [(label.name, label.detector) for label in result.labels] == [
        ("Dog", "two"),
        ("Dog", "one"),
        ("Ape", "two"),
        ("Cat", "one"),
    ]


def test_detectors_run_at_the_same_time_and_keep_their_order():
    together = threading.Barrier(3, timeout=10)
    detectors = [StubDetector(name, waits_for=together.wait) for name in ("c", "a", "b")]
    assert [run.name for run in recognized(detectors).result.detectors] == ["c", "a", "b"]


def test_an_unreadable_image_is_a_failed_result_and_no_detector_is_asked():
    detector = StubDetector("objects")
    recognition = recognized([detector], b"not an image at all")
    result = recognition.result
    assert (result.status, result.image, recognition.prepared, detector.calls) == (Status.FAILED, None, None, 0)
    assert result.failure.permanent
    assert result.failure.message.endswith(".")
    assert result.failure.code not in {"", "unfinished"}
    assert result.configuration == configuration_fingerprint([detector])


def test_a_detector_that_cannot_answer_this_image_does_not_lose_the_others():
    refusing = StubDetector("narrow", raises=PermanentError("too_narrow", "This image is too narrow."))
    result = recognized([refusing, StubDetector("objects")]).result
    assert (result.status, names(result)) == (Status.RECOGNIZED, ["Seen by objects"])
    failure = result.detectors[0].failure
    assert (failure.code, failure.message, failure.permanent) == ("too_narrow", "This image is too narrow.", True)
    assert result.detectors[1].failure is None


def test_a_service_that_gives_no_answer_says_why_in_its_own_sentence():
    away = StubDetector("cloud", raises=DetectorUnavailable("The cloud does not know these credentials."))
    failure = recognized([away, StubDetector("faces")]).result.detectors[0].failure
    assert (failure.code, failure.permanent) == ("detector_unavailable", False)
    assert failure.message == "The cloud does not know these credentials."


def test_a_crash_is_logged_whole_and_told_to_people_as_a_sentence(caplog):
    crashing = StubDetector("objects", raises=RuntimeError("secret path /srv/model"))
    result = recognized([crashing, StubDetector("faces")]).result
    failure = result.detectors[0].failure
    assert (failure.code, failure.permanent) == ("detector_error", False)
    assert "secret" not in result.to_json()
    assert "objects" in failure.message
    assert "secret path /srv/model" in caplog.text
    assert "Traceback" in caplog.text


def test_a_late_detector_does_not_lose_the_others_or_hold_up_the_result():
    release = threading.Event()
    started = time.monotonic()
    late = StubDetector("slow", waits_for=lambda: release.wait(30))
    result = recognized([late, StubDetector("faces")], timeout_s=0.3).result
    release.set()
    assert time.monotonic() - started < 5
    assert names(result) == ["Seen by faces"]
    failure = result.detectors[0].failure
    assert (failure.code, failure.permanent) == ("detector_timeout", False)
    assert "0.3 seconds" in failure.message


def test_a_hung_detector_does_not_keep_the_process_from_ending():
    program = (
        "import threading\n"
        "from tests.recognition.test_recognizer import StubDetector, recognized\n"
        "hung = StubDetector('hung', waits_for=threading.Event().wait)\n"
        "print(len(recognized([hung, StubDetector('faces')], timeout_s=0.2).result.labels))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "1\n"


def test_normal_runs_leave_no_threads_behind():
    before = threading.active_count()
    for _ in range(5):
        recognized([StubDetector("a"), StubDetector("b")])
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_when_no_detector_answered_and_another_try_may_help_nothing_is_recorded():
    refusing = StubDetector("narrow", raises=PermanentError("too_narrow", "This image is too narrow."))
    with pytest.raises(RecognitionUnavailable, match="objects"):
        recognized([StubDetector("objects", raises=RuntimeError()), refusing])


def test_when_every_detector_refuses_the_image_for_good_the_result_is_a_failure():
    refusing = StubDetector("narrow", raises=PermanentError("too_narrow", "This image is too narrow."))
    recognition = recognized([refusing])
    result = recognition.result
    assert (result.status, result.failure.code, result.failure.permanent) == (Status.FAILED, "too_narrow", True)
    assert result.image is not None
    assert recognition.prepared is not None
    assert result.detectors[0].failure == result.failure


def test_without_detectors_nothing_is_recognised_in_silence():
    with pytest.raises(ValueError, match="No detectors"):
        recognized([])


PAID_FINDINGS = Findings(
    labels=(Label("Dog", 98.0, "paid"),),
    moderation_labels=(ModerationLabel("Violence", "", 88.0, 1, "paid"),),
    text=(Text("STOP", TextKind.LINE, 99.0, Box(0.25, 0.25, 0.5, 0.5), "paid"),),
    properties=Properties(1.0, 2.0, 3.0, (), "paid"),
    request_id="r-1",
    version="3.0",
)


def paid(**options):
    return StubDetector("paid", PAID_FINDINGS, paid=True, **options)


def test_what_was_paid_for_once_is_not_paid_for_again():
    free = StubDetector("free")
    first = recognized([paid(), free]).result
    again = paid()
    second = recognized([again, free], previous=first).result
    assert (again.calls, free.calls) == (0, 2)
    assert (second.labels, second.text) == (first.labels, first.text)
    assert (second.moderation_labels, second.properties) == (first.moderation_labels, first.properties)
    run = second.detectors[0]
    assert (run.reused, run.request_id, run.version, run.duration_ms) == (True, "r-1", "3.0", 0)
    assert not second.detectors[1].reused
    assert recognized([again], previous=second).result.detectors[0].reused


def test_other_content_is_paid_for():
    first = recognized([paid()]).result
    again = paid()
    assert not recognized([again], png(level=91), previous=first).result.detectors[0].reused
    assert again.calls == 1


def test_other_settings_are_paid_for():
    first = recognized([paid()]).result
    again = paid(settings={"min_confidence": 10})
    recognized([again], previous=first)
    assert again.calls == 1


def test_an_answer_that_failed_is_asked_for_again():
    first = recognized([paid(raises=RuntimeError()), StubDetector("free")]).result
    again = paid()
    assert "Dog" in names(recognized([again, StubDetector("free")], previous=first).result)
    assert again.calls == 1


def test_a_failed_earlier_result_without_an_image_is_no_help():
    first = recognized([paid()], b"not an image at all").result
    again = paid()
    recognized([again], previous=first)
    assert again.calls == 1


PRICES = PriceTable(micro_usd={"paid": 1200, "free": 7000})


def test_an_answer_of_a_paid_detector_is_entered_with_its_price():
    result = recognized([paid(), StubDetector("free")], prices=PRICES).result
    assert [run.cost_micro_usd for run in result.detectors] == [1200, 0]
    assert result.cost_micro_usd == 1200


@pytest.mark.parametrize(
    "reason", [DetectorThrottled("Busy."), DetectorUnavailable("Away."), PermanentError("no", "No."), RuntimeError()]
)
def test_what_was_not_answered_costs_nothing(reason):
    result = recognized([paid(raises=reason), StubDetector("free")], prices=PRICES).result
    assert result.cost_micro_usd == 0


def test_what_is_used_again_costs_nothing_again():
    first = recognized([paid()], prices=PRICES).result
    assert recognized([paid()], previous=first, prices=PRICES).result.cost_micro_usd == 0


def test_who_would_be_asked_is_known_before_asking():
    first = recognized([paid(), StubDetector("free")]).result
    asked = [paid(), StubDetector("free"), paid(settings={"other": 1})]
    assert unanswered(asked, first.image.sha256, first) == tuple(asked[1:])
    assert unanswered(asked, "0" * 64, first) == tuple(asked)
    assert unanswered(asked, first.image.sha256, None) == tuple(asked)


def test_a_detector_that_is_asked_too_often_says_so_by_its_code():
    busy = StubDetector("busy", raises=DetectorThrottled("It is asked too often."))
    failure = recognized([busy, StubDetector("free")]).result.detectors[0].failure
    assert (failure.code, failure.message, failure.permanent) == (
        "detector_throttled",
        "It is asked too often.",
        False,
    )


@pytest.mark.parametrize(
    ("reasons", "throttled"),
    [
        ((DetectorThrottled("Busy."),), True),
        ((DetectorThrottled("Busy."), DetectorUnavailable("Away.")), True),
        ((DetectorUnavailable("Away."), RuntimeError()), False),
    ],
)
def test_whether_waiting_is_all_that_is_needed_is_told_from_other_reasons(reasons, throttled):
    with pytest.raises(RecognitionUnavailable) as unavailable:
        recognized([StubDetector(str(number), raises=reason) for number, reason in enumerate(reasons)])
    assert unavailable.value.throttled is throttled


def test_the_paid_detectors_properties_are_preferred_and_else_the_first():
    one, two = (StubDetector(name, Findings(properties=Properties(1, 1, 1, (), name))) for name in ("one", "two"))
    assert recognized([one, two]).result.properties.detector == "one"
    assert recognized([one, two, paid()]).result.properties.detector == "paid"


def test_the_configuration_is_the_same_in_any_order_and_changes_with_any_setting():
    a, b = StubDetector("a"), StubDetector("b", settings={"threshold": 1})
    assert configuration_fingerprint([a, b]) == configuration_fingerprint([b, a])
    assert configuration_fingerprint([a, b]) != configuration_fingerprint([a])
    assert configuration_fingerprint([a, b]) != configuration_fingerprint([a, StubDetector("b")])
