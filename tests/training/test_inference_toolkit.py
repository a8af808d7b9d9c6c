"""The packed model under AWS's own serving toolkit, with nothing but what is in the archive."""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recognition.detectors.onnx import OnnxDetector
from recognition.detectors.sagemaker import _findings
from tests.requirements import required
from tests.training.finished import finish
from tests.training.taught import drawn
from training.shapes import draw

pytestmark = pytest.mark.torch

if importlib.util.find_spec("sagemaker_inference") is None:
    required("sagemaker", "SageMaker's serving toolkit is not installed (make sagemaker)")

SERVER = Path(__file__).with_name("toolkit_server.py")
PICTURE = draw(2_000_001)[0]


@pytest.fixture(scope="module")
def opt_ml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A container's /opt/ml with the archive unpacked in `model`, as SageMaker does before it starts the server."""
    out, base = tmp_path_factory.mktemp("out"), tmp_path_factory.mktemp("opt-ml")
    finish(drawn(tmp_path_factory.mktemp("drawn"), validation=4, test=4), out)
    with tarfile.open(out / "model.tar.gz") as tar:
        tar.extractall(base / "model", filter="data")
    return base


def serve(opt_ml: Path, *requests: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each request's answer, then where the code came from."""
    given = [{"content_type": "image/jpeg", "accept": "application/json", **request} for request in requests]
    lines = [json.dumps({**each, "body": base64.b64encode(each["body"]).decode()}) for each in given]
    # The toolkit's own start-up puts the code's folder on the path, and nothing else.
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(opt_ml / "model" / "code"),
        "SAGEMAKER_BASE_DIR": str(opt_ml),
    }
    done = subprocess.run(
        [sys.executable, "-P", SERVER, opt_ml / "model"],
        input="\n".join(lines),
        cwd=opt_ml,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    PICTURE.save(file, kind)
    return file.getvalue()


def test_a_jpeg_is_answered_by_what_is_in_the_archive_alone(opt_ml: Path) -> None:
    answer, about = serve(opt_ml, {"body": encoded("JPEG")})
    assert (answer["status"], answer["content_type"]) == (200, "application/json")
    findings = _findings(answer["body"].encode(), "a request")
    assert str(findings.version).startswith("shapes-v2-")
    assert {label.name for label in findings.labels} == {"Square", "Triangle"}
    assert about["code"] == str(opt_ml / "model" / "code" / "recognition" / "__init__.py")
    assert not {"torch", "transformers", "django", "portal", "training"} & set(about["modules"])


def test_it_answers_what_the_portal_itself_would_find(opt_ml: Path) -> None:
    answer, _ = serve(opt_ml, {"body": encoded("PNG"), "content_type": "image/png"})
    served = _findings(answer["body"].encode(), None).labels
    here = OnnxDetector(opt_ml / "model", threads=1).find(np.asarray(PICTURE)).labels
    assert [label.name for label in served] == [label.name for label in here]
    for one, other in zip(served, here, strict=True):
        assert one.confidence == pytest.approx(other.confidence, abs=0.01)


def test_one_process_answers_picture_after_picture_whatever_comes_between(opt_ml: Path) -> None:
    """A batch transform job: each file of a folder is a request, and a bad one spoils no other."""
    good, bad = {"body": encoded("JPEG")}, {"body": b"hello"}
    answers = serve(opt_ml, good, bad, {**good, "content_type": "image/gif"}, {**good, "accept": "text/csv"}, good)[:-1]
    assert [each["status"] for each in answers] == [200, 422, 415, 406, 200]
    assert answers[0]["body"] == answers[4]["body"]
    assert all("Traceback" not in each["body"] for each in answers)


def test_a_model_that_fails_is_a_server_error(opt_ml: Path, tmp_path: Path) -> None:
    """Found in the container's log, not in the answer."""
    for path in (opt_ml / "model").rglob("*"):
        if path.is_file():
            target = tmp_path / path.relative_to(opt_ml)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    onnx = tmp_path / "model" / "code" / "recognition" / "detectors" / "onnx.py"
    looked = "        logits, boxes = self._run(self._preprocessing(pixels))\n"
    fails = "        if pixels.shape != (64, 64, 3):\n            raise RuntimeError('secret path')\n"
    onnx.write_text(onnx.read_text().replace(looked, fails + looked))
    answer, _ = serve(tmp_path, {"body": encoded("JPEG")})
    assert answer["status"] == 500
    assert "secret" not in answer["body"]
