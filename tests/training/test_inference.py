"""SageMaker's four functions: pictures in, the agreed answer out, and whose fault it is when there is none."""

from __future__ import annotations

import io
import json
import shutil
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import training
from recognition.detectors.onnx import ModelFolderError, OnnxDetector
from recognition.detectors.sagemaker import _findings
from training.inference import Refusal, _threads, input_fn, model_fn, output_fn, predict_fn
from training.shapes import draw

FOLDER = Path(training.__file__).parent / "starts" / "tiny-shapes"
PICTURE = draw(2_000_001)[0]


class Context:
    """What the toolkits hand over: an answer is 200 unless it is told otherwise."""

    status = 200

    def set_response_status(self, code: int, phrase: str) -> None:
        assert HTTPStatus(code).phrase == phrase
        self.status = code


@pytest.fixture(scope="module")
def model() -> OnnxDetector:
    return model_fn(str(FOLDER))


def encoded(kind: str = "JPEG", picture: Image.Image = PICTURE, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def answer(model: OnnxDetector, body: bytes, kind: str | None = "image/jpeg", accept: str = "*/*") -> tuple[int, Any]:
    context = Context()
    text = output_fn(predict_fn(input_fn(body, kind), model), accept, context)
    return context.status, json.loads(text)


@pytest.mark.parametrize(
    ("encoding", "kind"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("JPEG", "IMAGE/JPEG; q=1"), ("JPEG", "application/x-image")],
)
def test_a_picture_is_answered_as_the_portal_reads_it(model: OnnxDetector, encoding: str, kind: str) -> None:
    status, document = answer(model, encoded(encoding), kind)
    assert status == 200
    assert document["version"] == model.version
    findings = _findings(json.dumps(document).encode(), None)
    expected = model.find(np.asarray(PICTURE)).labels
    assert {label.name for label in findings.labels} == {label.name for label in expected}
    assert all(instance.box.width > 0 for label in findings.labels for instance in label.instances)
    if encoding == "PNG":
        assert [label.instances for label in findings.labels] == [label.instances for label in expected]


def test_a_picture_that_lies_on_its_side_is_turned_upright(model: OnnxDetector) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = encoded("PNG", PICTURE.transpose(Image.Transpose.ROTATE_90), exif=exif)
    assert answer(model, lying, "image/png") == answer(model, encoded("PNG"), "image/png")


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (encoded(), "application/json", 415, "not “application/json”"),
        (encoded(), None, 415, "image/jpeg"),
        (encoded("GIF"), "image/jpeg", 415, "not a GIF"),
        (encoded()[:2000], "image/jpeg", 422, "cut off"),
        (b"hello", "image/jpeg", 422, "not a picture"),
        (b"", "image/jpeg", 422, "empty"),
        (encoded("PNG", Image.new("RGB", (8, 8))), "image/png", 422, "too small"),
        (encoded("PNG", Image.new("1", (12_000, 12_000))), "image/png", 413, "too large"),
    ],
)
def test_what_cannot_be_looked_at_is_the_callers_fault(
    model: OnnxDetector, body: bytes, kind: str | None, status: int, words: str
) -> None:
    found, document = answer(model, body, kind)
    assert found == status
    assert words in document["error"]


def test_an_answer_that_is_not_json_cannot_be_had(model: OnnxDetector) -> None:
    assert answer(model, encoded(), accept="text/csv")[0] == 406
    assert answer(model, encoded(), accept="text/csv, application/json;q=0.5")[0] == 200


def test_whatever_fails_in_the_model_is_our_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "damaged")
    (folder / "model.onnx").write_bytes(b"not a model")
    status, document = answer(OnnxDetector(folder), encoded())
    assert status == 500
    assert document == {"error": "The model failed; its log says why."}
    assert "cannot be loaded" in caplog.text


def test_a_model_that_cannot_be_served_stops_the_server_before_the_first_picture(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "damaged")
    (folder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelFolderError):
        model_fn(str(folder))


def test_a_refusal_passes_through_the_model(model: OnnxDetector) -> None:
    refusal = Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "No.")
    assert predict_fn(refusal, model) is refusal


def test_processes_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert [_threads({}), _threads({"SAGEMAKER_MODEL_SERVER_WORKERS": "1"})] == [1, 8]
    assert _threads({"SAGEMAKER_MODEL_SERVER_WORKERS": "3"}) == 2
    assert _threads({"SAGEMAKER_MODEL_SERVER_WORKERS": "16"}) == 1
