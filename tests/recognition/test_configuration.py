import subprocess
import sys

import pytest

from recognition.configuration import DetectorSettings, build_detectors, missing_detectors
from recognition.detectors.rekognition import RekognitionSettings
from recognition.detectors.sagemaker import SageMakerSettings


def names(settings):
    return [detector.name for detector in build_detectors(settings)]


def test_detectors_come_in_the_order_named():
    settings = DetectorSettings(names=("properties", "text", "faces"))
    assert names(settings) == ["properties", "text", "faces"]


def test_the_same_settings_give_the_same_detectors():
    one, two = (build_detectors(DetectorSettings(names=("faces", "text"))) for _ in range(2))
    assert [a is b for a, b in zip(one, two, strict=True)] == [True, True]


def test_an_unknown_detector_is_named_with_those_that_are_known():
    with pytest.raises(ValueError, match=r"“cats”.*onnx, faces, text, properties, rekognition, sagemaker"):
        DetectorSettings(names=("faces", "cats"))


def test_each_rekognition_api_switched_on_is_a_detector():
    settings = DetectorSettings(names=("rekognition",), rekognition=RekognitionSettings(text=False))
    assert names(settings) == ["rekognition", "rekognition-moderation"]


@pytest.mark.parametrize("folder", [None, "absent"])
def test_without_a_model_the_onnx_detector_is_left_out_and_said_to_be_missing(folder, tmp_path):
    settings = DetectorSettings(model_folder=folder and tmp_path / folder)
    assert names(settings) == ["faces", "text", "properties"]
    assert missing_detectors(settings) == ("onnx",)


def test_a_model_folder_that_appears_is_picked_up_by_the_next_call(tmp_path):
    folder = tmp_path / "model"
    settings = DetectorSettings(model_folder=folder)
    before = build_detectors(settings)
    folder.mkdir()
    for file in ("model.onnx", "config.json", "preprocessor_config.json"):
        assert missing_detectors(settings) == ("onnx",)
        (folder / file).write_text("{}")
    after = build_detectors(settings)
    assert missing_detectors(settings) == ()
    assert after[0].name == "onnx"
    assert after[1:] == before


def test_nothing_is_missing_where_no_model_is_asked_for():
    assert missing_detectors(DetectorSettings(names=("faces",))) == ()


def test_building_detectors_imports_no_heavy_library():
    program = (
        "import sys\n"
        "import recognition.recognizer\n"
        "from recognition.configuration import DetectorSettings, build_detectors\n"
        "build_detectors(DetectorSettings(names=('faces', 'text', 'properties', 'rekognition')))\n"
        "print(*{'cv2', 'onnxruntime', 'rapidocr', 'boto3', 'botocore', 'django'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_the_sagemaker_detector_needs_an_endpoint_only_once_it_is_made():
    named = DetectorSettings(names=("sagemaker",), sagemaker=SageMakerSettings("birds"))
    unnamed = DetectorSettings(names=("sagemaker",))
    assert names(named) == ["sagemaker"]
    assert missing_detectors(unnamed) == ()
    with pytest.raises(ValueError, match="name of an endpoint"):
        build_detectors(unnamed)
