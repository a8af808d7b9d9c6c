"""Where only paid services are asked, the large libraries are not installed."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.hostile import encoded, picture
from tests.recognition.fake_rekognition import FakeRekognition, serve

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
"""

RECOGNIZE = """
import json
from pathlib import Path
from uuid import UUID
import recognition.configuration
import recognition.image
from recognition.detectors.rekognition import RekognitionSettings, rekognition_detectors
from recognition.limits import Limits
from recognition.recognizer import recognize
from recognition.result import Source

detectors = rekognition_detectors(RekognitionSettings(region="eu-west-1", endpoint_url=sys.argv[1]))
for path in sys.argv[2:]:
    done = recognize(
        Path(path),
        image_id=UUID(int=1),
        stored_as=Source("files", path),
        detectors=detectors,
        limits=Limits(),
    )
    print(json.dumps([Path(path).stem, done.result.status.value, [label.name for label in done.result.labels]]))
assert not {"numpy", "cv2", "onnxruntime"} & set(sys.modules)
"""

LIGHT = """
import recognition.result, recognition.errors, recognition.configuration, recognition.prices, recognition.limits
import recognition.detectors.rekognition, recognition.detectors.sagemaker

recognition.configuration.DetectorSettings(names=("rekognition", "sagemaker"))
assert recognition.limits.Limits().max_pixels == 100_000_000
assert recognition.errors.RecognitionUnavailable("away").throttled is False
"""


def twelve_bit_tiff() -> bytes:
    entries = [(256, 3, 1, 96), (257, 3, 1, 96), (258, 3, 1, 12), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 200), (277, 3, 1, 1), (278, 3, 1, 96), (279, 4, 1, 96 * 144)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return (b"II*\0" + struct.pack("<I", 8) + directory).ljust(200, b"\0") + b"\x80\x08\x00" * (48 * 96)


def numbers(kind: type[np.generic]) -> Image.Image:
    return Image.fromarray(np.linspace(0, 60_000, 96 * 96).reshape(96, 96).astype(kind))


FILES = {
    "jpeg": encoded(picture(), "JPEG"),
    "png": encoded(picture(), "PNG"),
    "webp": encoded(picture(), "WEBP"),
    "heic": encoded(picture(), "HEIF"),
    "small": encoded(picture(40, 30), "JPEG"),
    "png-16": encoded(numbers(np.uint16), "PNG"),
    "tiff-float": encoded(numbers(np.float32), "TIFF"),
    "tiff-int": encoded(numbers(np.int32), "TIFF"),
    "tiff-12": twelve_bit_tiff(),
}


@pytest.fixture
def rekognition() -> Iterator[FakeRekognition]:
    with serve() as fake:
        yield fake


def run(program: str, *arguments: str, without: set[str]) -> str:
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    command = [sys.executable, "-c", BLOCKED.format(names=without) + program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_rekognition_is_asked_about_pictures_of_every_kind_without_numpy(
    rekognition: FakeRekognition, tmp_path: Path
) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)

    paths = [str(tmp_path / name) for name in FILES]
    printed = run(RECOGNIZE, rekognition.url, *paths, without={"numpy", "cv2", "onnxruntime"})

    assert [json.loads(line) for line in printed.splitlines()] == [
        [name, "recognized", ["Outdoors", "Dog"]] for name in FILES
    ]
    assert rekognition.answered["DetectLabels"] == len(FILES)


def test_results_settings_prices_and_limits_need_no_imaging_library_at_all() -> None:
    run(LIGHT, without={"numpy", "cv2", "onnxruntime", "PIL", "pillow_heif"})
