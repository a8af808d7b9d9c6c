import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from recognition.result import (
    Box,
    ContractError,
    DetectorRun,
    DominantColor,
    Failure,
    ImageInfo,
    Instance,
    Label,
    ModerationLabel,
    Properties,
    Result,
    Source,
    Status,
    Text,
    TextKind,
)

EXAMPLES = sorted((Path(__file__).parent / "examples" / "v1").glob("*.json"))
RECOGNIZED = next(path for path in EXAMPLES if path.stem == "recognized")
BOX = Box(0.25, 0.25, 0.5, 0.5)


@pytest.fixture
def document():
    return json.loads(RECOGNIZED.read_text(encoding="utf-8"))


def test_there_is_an_example_of_every_kind_of_result():
    assert {path.stem for path in EXAMPLES} >= {"recognized", "nothing_found", "failed", "partial", "rekognition"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_read_and_written_back_byte_for_byte(path):
    written = path.read_text(encoding="utf-8").removesuffix("\n")
    assert Result.from_json(written).to_json() == written


def test_what_an_example_says_is_what_is_read():
    result = Result.from_json(RECOGNIZED.read_bytes())
    assert result.image_id == UUID("6b8f1e7c-3c1e-4c0e-9a55-0d1f3b7a2c10")
    assert (result.status, result.failure) == (Status.RECOGNIZED, None)
    assert result.recognized_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert (result.image.width, result.image.height, result.image.bytes) == (4032, 3024, 2811904)
    face = result.labels[1]
    assert (face.name, face.detector, face.parents) == ("Face", "faces", ("Head", "Person"))
    assert face.instances == (Instance(83.73, Box(0.345, 0.13, 0.186, 0.186)),)
    assert (result.text[0].text, result.text[0].kind) == ("STOP", TextKind.LINE)
    assert result.properties.dominant_colors[0] == DominantColor("#c6bcb7", "light grey", 34.9)
    assert [run.name for run in result.detectors] == ["onnx", "faces", "text", "properties"]
    assert result.configuration == "fedcba9876543210"


def test_one_failed_detector_is_read_beside_the_labels_that_stand():
    result = Result.from_json(RECOGNIZED.with_name("partial.json").read_bytes())
    assert len(result.labels) == 2
    failures = {run.name: run.failure.code for run in result.detectors if run.failure}
    assert failures == {"text": "detector_timeout"}


def test_what_each_detector_was_billed_is_read_and_added_up():
    result = Result.from_json(RECOGNIZED.with_name("billed.json").read_bytes())
    assert [run.cost_micro_usd for run in result.detectors] == [1750, 0, 1000]
    assert result.cost_micro_usd == 2750


def test_documents_from_before_costs_were_written_cost_nothing(document):
    assert all("cost_micro_usd" not in run for run in document["detectors"])
    assert Result.from_dict(document).cost_micro_usd == 0


def test_a_perceptual_hash_is_written_only_when_it_is_known(document):
    assert "perceptual_hash" not in document["image"]
    document["image"]["perceptual_hash"] = "0f" * 32
    result = Result.from_dict(document)
    assert result.image.perceptual_hash == "0f" * 32
    assert result.to_dict()["image"]["perceptual_hash"] == "0f" * 32


def test_a_perceptual_hash_is_of_hex_digits(document):
    document["image"]["perceptual_hash"] = "x"
    with pytest.raises(ContractError):
        Result.from_dict(document)


def objects(value):
    """Every JSON object in a document, itself included."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_added_fields_anywhere_are_ignored(path):
    document = json.loads(path.read_text(encoding="utf-8"))
    for value in list(objects(document)):
        value["added_later"] = {"by": "version 1.1"}
    assert Result.from_dict(document).to_json() == path.read_text(encoding="utf-8").removesuffix("\n")


@pytest.mark.parametrize("schema", ["imagesift.recognition/2", "imagesift.recognition", "", None, 1])
def test_an_unknown_version_is_refused_by_name(document, schema):
    document["schema"] = schema
    with pytest.raises(ContractError, match=r"unknown schema.*imagesift\.recognition/1"):
        Result.from_dict(document)


@pytest.mark.parametrize(
    "field", ["image_id", "source", "status", "labels", "moderation_labels", "text", "detectors", "recognized_at"]
)
def test_a_missing_field_names_itself(document, field):
    del document[field]
    with pytest.raises(ContractError, match=field):
        Result.from_dict(document)


@pytest.mark.parametrize(
    ("holder", "field"),
    [
        (lambda document: document["labels"][0], "confidence"),
        (lambda document: document["labels"][0], "detector"),
        (lambda document: document["labels"][0]["instances"][0], "box"),
        (lambda document: document["labels"][0]["instances"][0]["box"], "width"),
        (lambda document: document["text"][0], "kind"),
        (lambda document: document["image"], "sha256"),
        (lambda document: document["source"], "key"),
        (lambda document: document["detectors"][0], "version"),
        (lambda document: document["properties"]["dominant_colors"][0], "hex"),
    ],
)
def test_a_missing_inner_field_names_itself(document, holder, field):
    del holder(document)[field]
    with pytest.raises(ContractError, match=field):
        Result.from_dict(document)


@pytest.mark.parametrize("written", ["", "{", "[]", "null", '"text"', "3"])
def test_what_is_no_json_object_is_refused(written):
    with pytest.raises(ContractError):
        Result.from_json(written)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "pending"),
        ("image_id", "not-a-uuid"),
        ("image_id", 7),
        ("recognized_at", "2026-01-01T00:00:00"),
        ("recognized_at", "yesterday"),
        ("labels", 3),
        ("labels", [3]),
        ("failure", {"code": "x", "message": "y", "permanent": True}),
        ("image", None),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(document, field, value):
    document[field] = value
    with pytest.raises(ContractError):
        Result.from_dict(document)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Label("x" * 201, 50, "onnx"),
        lambda: Label("a\0b", 50, "onnx"),
        lambda: Text("half \ud83d", TextKind.LINE, 50, Box(0, 0, 1, 1)),
        lambda: Box(-0.1, 0, 0.5, 0.5),
        lambda: Box(0.6, 0, 0.5, 0.5),
        lambda: Box(0, 0.6, 0.5, 0.5),
        lambda: Box(0, 0, 0, 0.5),
        lambda: Box(0, 0, 0.5, float("nan")),
        lambda: Instance(100.1, BOX),
        lambda: Label("", 50, "faces"),
        lambda: Label("Face", 50, ""),
        lambda: Label("Face", -1, "faces"),
        lambda: Label("Face", float("nan"), "faces"),
        lambda: ModerationLabel("", "", 50, 1),
        lambda: ModerationLabel("Violence", "", 101, 1),
        lambda: Text("", TextKind.LINE, 50, BOX),
        lambda: Text("STOP", TextKind.LINE, 101, BOX),
        lambda: DominantColor("#AABBCC", "grey", 50),
        lambda: DominantColor("#aabbcc", "grey", 101),
        lambda: Properties(101, 50, 50),
        lambda: Properties(50, -1, 50),
        lambda: Properties(50, 50, 101),
        lambda: Failure("", "A sentence.", permanent=True),
        lambda: Failure("code", "", permanent=True),
        lambda: DetectorRun("", "1", 1),
        lambda: DetectorRun("faces", "1", -1),
        lambda: DetectorRun("faces", "1", 1, cost_micro_usd=-1),
        lambda: ImageInfo("PNG", 0, 1, 1, "0" * 64),
        lambda: ImageInfo("PNG", 1, 1, 1, "0" * 63),
    ],
)
def test_a_producer_cannot_make_what_breaks_the_contract(make):
    with pytest.raises(ContractError):
        make()


def test_a_time_without_its_zone_cannot_be_made():
    with pytest.raises(ContractError, match="time zone"):
        Result(
            UUID(int=1),
            Source("uploads", "key"),
            Status.FAILED,
            datetime.fromisoformat("2026-01-01T00:00:00"),
            failure=Failure("code", "A sentence.", permanent=True),
        )


@pytest.mark.parametrize(
    ("corners", "clipped"),
    [
        ((0.25, 0.25, 0.75, 0.75), BOX),
        ((-0.5, -0.5, 0.5, 0.5), Box(0, 0, 0.5, 0.5)),
        ((0.5, 0.5, 1.5, 1.5), Box(0.5, 0.5, 0.5, 0.5)),
        ((1.1, 0, 1.5, 1), None),
        ((0.5, 0.5, 0.5, 0.9), None),
    ],
)
def test_a_box_is_clipped_to_what_is_inside_the_image(corners, clipped):
    assert Box.clipped(*corners) == clipped
