import io

import numpy as np
import pytest
from PIL import Image

from recognition.detectors import aws, fingerprint
from recognition.detectors.sagemaker import SageMakerDetector, SageMakerSettings
from recognition.errors import DetectorThrottled, DetectorUnavailable, PermanentError
from recognition.image import prepare
from recognition.result import Box, Instance, Label
from tests.hostile import encoded
from tests.recognition.fake_sagemaker import ANSWER, serve
from tests.recognition.pictures import prepared

PICTURE = prepared(np.full((120, 200, 3), 90, np.uint8))


@pytest.fixture
def endpoint(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setattr(aws, "ATTEMPTS", 1)
    with serve() as fake:
        yield fake


def asking(endpoint, name="birds"):
    return SageMakerDetector(SageMakerSettings(name, region="eu-west-1", endpoint_url=endpoint.url))


def test_labels_come_with_their_boxes_and_the_models_version(endpoint):
    findings = asking(endpoint).detect(PICTURE)
    bird, dog = findings.labels
    assert bird == Label(
        "Blue Tit",
        91.5,
        "sagemaker",
        instances=(Instance(91.5, Box(0.25, 0.5, 0.25, 0.125)), Instance(40.0, Box(0.0, 0.0, 1.0, 1.0))),
    )
    assert (dog.name, "Animal" in dog.parents) == ("Dog", True)
    assert (findings.version, findings.request_id) == ("birds-7", "request-1")


def test_the_detection_jpeg_is_what_the_named_endpoint_is_sent(endpoint):
    asking(endpoint).detect(PICTURE)
    (request,) = endpoint.requests
    assert request == {
        "path": "/endpoints/birds/invocations",
        "body": PICTURE.detection_jpeg,
        "Content-Type": "image/jpeg",
        "Accept": "application/json",
    }


def test_no_more_than_four_megabytes_are_sent_of_the_whole_picture(endpoint):
    noise = np.random.default_rng(1).choice(np.array([0, 255], np.uint8), (2048, 2048, 3))
    picture = prepare(encoded(Image.fromarray(noise), "PNG", compress_level=1))
    assert len(picture.detection_jpeg) > 4_000_000
    asking(endpoint).detect(picture)
    (request,) = endpoint.requests
    assert len(request["body"]) <= 4_000_000
    with Image.open(io.BytesIO(request["body"])) as sent:
        assert (sent.format, sent.size) == ("JPEG", (2048, 2048))


@pytest.mark.parametrize(("status", "code"), [(429, "ThrottlingException"), (429, "ModelNotReadyException")])
def test_an_endpoint_that_is_busy_or_waking_up_only_needs_time(endpoint, status, code):
    endpoint.failure = (status, code, None)
    with pytest.raises(DetectorThrottled, match="busy or still waking up"):
        asking(endpoint).detect(PICTURE)


@pytest.mark.parametrize("model_status", [400, 413, 415, 422])
def test_a_picture_that_the_model_refuses_is_refused_for_good(endpoint, model_status):
    endpoint.failure = (424, "ModelError", model_status)
    with pytest.raises(PermanentError) as refusal:
        asking(endpoint).detect(PICTURE)
    assert refusal.value.code == "sagemaker_refused"


@pytest.mark.parametrize(
    ("status", "code", "model_status"),
    [(424, "ModelError", 500), (503, "ServiceUnavailable", None), (400, "ValidationError", None)],
)
def test_what_is_not_the_images_fault_may_be_tried_again(endpoint, status, code, model_status):
    endpoint.failure = (status, code, model_status)
    with pytest.raises(DetectorUnavailable, match=code) as reason:
        asking(endpoint).detect(PICTURE)
    assert not isinstance(reason.value, DetectorThrottled)


def test_a_lost_connection_may_be_tried_again_later(endpoint):
    with serve() as gone:
        pass
    with pytest.raises(DetectorUnavailable, match="could not be asked"):
        asking(gone).detect(PICTURE)


BOX = {"left": 0.1, "top": 0.1, "width": 0.1, "height": 0.1}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        {},
        {"version": "1"},
        {"labels": []},
        {"version": "1", "labels": [3]},
        {"version": "1", "labels": [{"name": "Dog"}]},
        {"version": "1", "labels": [{"name": "", "confidence": 50}]},
        {"version": "1", "labels": [{"name": "Dog", "confidence": 101}]},
        {"version": "1", "labels": [{"name": "Dog", "confidence": 50, "instances": [{"confidence": 50}]}]},
        {
            "version": "1",
            "labels": [
                {"name": "Dog", "confidence": 50, "instances": [{"confidence": 50, "box": BOX | {"width": 0.95}}]}
            ],
        },
    ],
)
def test_an_answer_that_breaks_the_contract_is_the_endpoints_fault(endpoint, answer):
    endpoint.answer = answer
    with pytest.raises(DetectorUnavailable, match="not in the agreed form"):
        asking(endpoint).detect(PICTURE)


def test_an_answer_without_labels_is_an_answer(endpoint):
    endpoint.answer = ANSWER | {"labels": []}
    assert asking(endpoint).detect(PICTURE).labels == ()


def test_another_endpoint_is_another_detector_and_its_answers_are_kept(endpoint):
    assert fingerprint(asking(endpoint)) == fingerprint(SageMakerDetector(SageMakerSettings("birds")))
    served = [
        fingerprint(SageMakerDetector(SageMakerSettings("birds", model))) for model in (None, "birds/1", "birds/2")
    ]
    assert len(set(served)) == 3
    assert fingerprint(asking(endpoint)) != fingerprint(asking(endpoint, "birds-2"))
    assert asking(endpoint).paid


@pytest.mark.parametrize("name", [None, ""])
def test_without_an_endpoint_there_is_no_detector(name):
    with pytest.raises(ValueError, match="name of an endpoint"):
        SageMakerDetector(SageMakerSettings(name))
