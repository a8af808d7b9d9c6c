import numpy as np
import pytest

from recognition.detectors import fingerprint
from recognition.detectors.rekognition import (
    Api,
    RekognitionDetector,
    RekognitionSettings,
    rekognition_detectors,
)
from recognition.errors import DetectorThrottled, DetectorUnavailable, PermanentError
from recognition.result import Box, DominantColor, Instance, Label, ModerationLabel, Text, TextKind
from tests.recognition.fake_rekognition import serve
from tests.recognition.pictures import prepared

PICTURE = prepared(np.full((120, 200, 3), 90, np.uint8))


@pytest.fixture
def credentials(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def rekognition(credentials):
    with serve() as fake:
        yield fake


def asking(rekognition, api=Api.LABELS, **settings):
    return RekognitionDetector(RekognitionSettings(region="eu-west-1", endpoint_url=rekognition.url, **settings), api)


def test_labels_keep_everything_the_answer_holds(rekognition):
    findings = asking(rekognition).detect(PICTURE)
    dog, outdoors = findings.labels
    assert dog == Label(
        name="Dog",
        confidence=98.1,
        detector="rekognition",
        parents=("Pet", "Animal"),
        aliases=("Canine",),
        categories=("Animals and Pets",),
        instances=dog.instances,
    )
    assert dog.instances[0] == Instance(97.4, Box(0.125, 0.25, 0.375, 0.5))
    assert (outdoors.name, outdoors.confidence) == ("Outdoors", 100)
    assert (findings.version, findings.request_id) == ("3.0", "request-1")


def test_a_box_that_reaches_out_of_the_image_is_clipped(rekognition):
    box = asking(rekognition).detect(PICTURE).labels[0].instances[1].box
    assert (box.left, box.top, box.width, box.height) == pytest.approx((0.9, 0, 0.1, 0.5))


def test_properties_come_with_the_labels_and_the_largest_colour_first(rekognition):
    properties = asking(rekognition).detect(PICTURE).properties
    assert (properties.brightness, properties.sharpness, properties.contrast) == (57.1, 91.2, 80.3)
    assert properties.dominant_colors == (
        DominantColor("#a9a9a9", "grey", 61.5),
        DominantColor("#2f4f4f", "green", 12.5),
    )


def test_content_flags_keep_their_place_in_the_taxonomy(rekognition):
    findings = asking(rekognition, Api.MODERATION).detect(PICTURE)
    assert findings.moderation_labels == (
        ModerationLabel("Weapons", "Violence", 88.0, 2, "rekognition-moderation"),
        ModerationLabel("Violence", "", 88.0, 1, "rekognition-moderation"),
    )
    assert findings.version == "7.0"


def test_text_comes_as_lines_and_words(rekognition):
    findings = asking(rekognition, Api.TEXT).detect(PICTURE)
    assert findings.text == (
        Text("STOP HERE", TextKind.LINE, 99.2, Box(0.25, 0.5, 0.5, 0.125), "rekognition-text"),
        Text("STOP", TextKind.WORD, 99.1, Box(0.25, 0.5, 0.25, 0.125), "rekognition-text"),
    )
    assert findings.version == "3.1"


@pytest.mark.parametrize(
    ("switches", "apis"),
    [
        ({}, (Api.LABELS, Api.MODERATION, Api.TEXT)),
        ({"moderation": False, "text": False}, (Api.LABELS,)),
        ({"labels": False, "moderation": False}, (Api.LABELS, Api.TEXT)),
        ({"labels": False, "properties": False}, (Api.MODERATION, Api.TEXT)),
    ],
)
def test_only_what_is_switched_on_is_asked(rekognition, switches, apis):
    settings = RekognitionSettings(region="eu-west-1", endpoint_url=rekognition.url, **switches)
    for detector in rekognition_detectors(settings):
        detector.detect(PICTURE)
    assert rekognition.calls == [api.value for api in apis]


@pytest.mark.parametrize(
    ("switches", "features"),
    [
        ({}, ["GENERAL_LABELS", "IMAGE_PROPERTIES"]),
        ({"properties": False}, ["GENERAL_LABELS"]),
        ({"labels": False}, ["IMAGE_PROPERTIES"]),
    ],
)
def test_only_the_features_switched_on_are_paid(rekognition, switches, features):
    asking(rekognition, **switches).detect(PICTURE)
    assert rekognition.requests[0]["Features"] == features


def test_thresholds_are_sent_as_set(rekognition):
    for api in Api:
        asking(rekognition, api, min_confidence=12, max_labels=7).detect(PICTURE)
    labels, moderation, text = rekognition.requests
    assert (labels["MinConfidence"], labels["MaxLabels"]) == (12, 7)
    assert moderation["MinConfidence"] == 12
    assert text["Filters"] == {"WordFilter": {"MinConfidence": 12}}


def test_the_detection_jpeg_is_what_is_sent(rekognition):
    asking(rekognition).detect(PICTURE)
    assert rekognition.size_sent() == (200, 120)


def test_an_image_smaller_than_rekognition_takes_is_enlarged_in_its_shape(rekognition):
    asking(rekognition).detect(prepared(np.zeros((20, 50, 3), np.uint8)))
    assert rekognition.size_sent() == (200, 80)


def test_an_image_too_narrow_to_enlarge_is_refused_unpaid(rekognition):
    with pytest.raises(PermanentError, match="too narrow") as refusal:
        asking(rekognition).detect(prepared(np.zeros((8, 2048, 3), np.uint8)))
    assert refusal.value.code == "rekognition_image_too_narrow"
    assert rekognition.calls == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("InternalServerError", 500),
    ],
)
def test_what_may_pass_is_tried_again(rekognition, code, status):
    rekognition.fail(code, status=status, times=2)
    assert asking(rekognition).detect(PICTURE).labels
    assert len(rekognition.calls) == 3


def test_throttling_without_end_is_no_fault_of_the_image(rekognition):
    rekognition.fail("ThrottlingException", times=50)
    with pytest.raises(DetectorThrottled, match="asked too often"):
        asking(rekognition).detect(PICTURE)
    assert len(rekognition.calls) == 4


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("InvalidImageFormatException", "rekognition_invalid_format"),
        ("ImageTooLargeException", "rekognition_image_too_large"),
        ("InvalidParameterException", "rekognition_refused"),
    ],
)
def test_what_rekognition_says_against_the_image_is_permanent_and_asked_once(rekognition, code, ours):
    rekognition.fail(code)
    with pytest.raises(PermanentError) as refusal:
        asking(rekognition).detect(PICTURE)
    assert refusal.value.code == ours
    assert "Amazon Rekognition" in refusal.value.message
    assert len(rekognition.calls) == 1


def test_missing_rights_are_not_the_images_fault_and_not_tried_again(rekognition):
    rekognition.fail("AccessDeniedException")
    with pytest.raises(DetectorUnavailable, match="does not allow these credentials") as refusal:
        asking(rekognition).detect(PICTURE)
    assert not isinstance(refusal.value, DetectorThrottled)
    assert len(rekognition.calls) == 1


def test_missing_credentials_are_said_clearly(rekognition, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(DetectorUnavailable, match="credentials"):
        asking(rekognition).detect(PICTURE)
    assert rekognition.calls == []


def test_a_lost_connection_may_be_tried_again_later(credentials):
    with serve() as gone:
        pass
    with pytest.raises(DetectorUnavailable, match="could not be asked"):
        asking(gone).detect(PICTURE)


def test_the_fingerprint_changes_with_what_is_asked_and_not_with_where(rekognition):
    here = asking(rekognition)
    elsewhere = RekognitionDetector(RekognitionSettings(region="us-east-1"))
    assert fingerprint(here) == fingerprint(elsewhere)
    assert fingerprint(here) != fingerprint(asking(rekognition, min_confidence=80))
    assert fingerprint(here) != fingerprint(asking(rekognition, Api.TEXT))
    assert here.paid
