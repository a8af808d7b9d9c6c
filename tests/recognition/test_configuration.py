import gc
import subprocess
import sys
import weakref
from dataclasses import replace

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
    with pytest.raises(ValueError, match=r"“cats”.*onnx, custom, faces, text, properties, rekognition, sagemaker"):
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


@pytest.fixture
def model(tmp_path):
    """Makes model folders that are good enough as long as nothing is detected."""

    def make(name):
        folder = tmp_path / name
        folder.mkdir()
        for file in ("model.onnx", "config.json", "preprocessor_config.json"):
            (folder / file).write_text("{}")
        return folder

    return make


def test_without_a_model_of_one_s_own_that_detector_is_left_out_and_nothing_is_missing():
    settings = DetectorSettings(names=("custom", "faces"))
    assert names(settings) == ["faces"]
    assert missing_detectors(settings) == ()


def test_a_model_of_one_s_own_whose_files_are_gone_is_missing(tmp_path):
    settings = DetectorSettings(names=("custom", "faces"), custom_folder=tmp_path / "gone")
    assert names(settings) == ["faces"]
    assert missing_detectors(settings) == ("custom",)


def test_another_model_of_one_s_own_leaves_the_other_detectors_as_they_are(model):
    one, two = model("one"), model("two")
    settings = DetectorSettings(model_folder=model("general"), custom_folder=one)
    before = build_detectors(settings)
    assert [detector.name for detector in before] == ["onnx", "custom", "faces", "text", "properties"]
    after = build_detectors(replace(settings, custom_folder=two))
    assert [a is b for a, b in zip(before, after, strict=True)] == [True, False, True, True, True]


@pytest.mark.parametrize("folder", ["two", None])
def test_a_model_of_one_s_own_that_was_replaced_is_let_go_of(folder, model):
    settings = DetectorSettings(names=("custom",), custom_folder=model("one"))
    old = weakref.ref(build_detectors(settings)[0])
    assert old() is build_detectors(settings)[0]
    build_detectors(replace(settings, custom_folder=folder and model(folder)))
    gc.collect()
    assert old() is None


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
