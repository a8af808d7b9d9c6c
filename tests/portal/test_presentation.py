"""What the image page shows of a result."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from portal.images.label_rows import detector_title
from portal.images.presentation import PhotoView, display_size, photo_view
from recognition.result import (
    Box,
    DetectorRun,
    DominantColor,
    Failure,
    ImageInfo,
    Instance,
    Label,
    Properties,
    Result,
    Source,
    Status,
    Text,
    TextKind,
)

LEFT_HALF = Box(0.0, 0.2, 0.5, 0.5)
SMALL = Box(0.8, 0.5, 0.1, 0.1)


def view_of(*labels: Label, **parts: Any) -> PhotoView:
    result = Result(
        image_id=UUID(int=1),
        source=Source("uploads", "uploads/1/1"),
        status=Status.RECOGNIZED,
        recognized_at=datetime(2026, 1, 1, tzinfo=UTC),
        image=ImageInfo("JPEG", 640, 480, 1000, "0" * 64),
        labels=labels,
        **parts,
    )
    return photo_view(result, threshold=50)


def test_labels_come_surest_first_whatever_their_confidence() -> None:
    view = view_of(Label("Cat", 20, "onnx"), Label("Dog", 90, "onnx"))
    assert [row.name for row in view.labels] == ["Dog", "Cat"]
    assert view.hidden_labels == 1


def test_a_label_given_by_two_detectors_is_one_row_with_both_reasons() -> None:
    runs = (DetectorRun("rekognition", "3.0", 40, request_id="r-1"),)
    view = view_of(
        Label("Dog", 70, "onnx", parents=("Pet",), instances=(Instance(65, SMALL),)),
        Label("Dog", 90, "rekognition", parents=("Pet", "Animal"), instances=(Instance(95, LEFT_HALF),)),
        detectors=runs,
    )
    (row,) = view.labels
    assert row.confidence == 90
    assert row.parents == ("Pet", "Animal")
    assert [(reason.detector, reason.confidence, reason.places) for reason in row.evidence] == [
        ("rekognition", 90, 1),
        ("onnx", 70, 1),
    ]
    assert row.evidence[0].run == runs[0]
    assert row.evidence[1].run is None
    assert {box.key for box in row.boxes} == {row.key}


def test_a_box_is_no_surer_than_its_label() -> None:
    view = view_of(Label("Dog", 40, "onnx", instances=(Instance(95, LEFT_HALF), Instance(30, SMALL))))
    assert [box.confidence for box in view.labels[0].boxes] == [40, 30]


def test_small_boxes_are_drawn_over_large_ones() -> None:
    view = view_of(
        Label("Ball", 99, "onnx", instances=(Instance(99, SMALL),)),
        Label("Dog", 90, "onnx", instances=(Instance(90, LEFT_HALF),)),
    )
    assert [box.name for box in view.boxes] == ["Dog", "Ball"]


def test_the_less_sure_of_two_boxes_in_one_place_is_a_twin() -> None:
    nearly = Box(0.01, 0.2, 0.5, 0.5)
    view = view_of(
        Label("Dog", 80, "onnx", instances=(Instance(80, LEFT_HALF), Instance(70, SMALL))),
        Label("Dog", 90, "rekognition", instances=(Instance(90, nearly),)),
    )
    assert [(box.box, box.is_twin) for box in view.labels[0].boxes] == [
        (nearly, False),
        (LEFT_HALF, True),
        (SMALL, False),
    ]


def test_a_box_is_placed_in_percent_and_its_name_stays_inside_the_photo() -> None:
    at_the_edge = Box(0.75, 0.01, 0.25, 0.5)
    (box,) = view_of(Label("Dog", 90, "onnx", instances=(Instance(90, at_the_edge),))).boxes
    assert (box.left, box.top, box.width, box.height, box.right) == (
        "75.000%",
        "1.000%",
        "25.000%",
        "50.000%",
        "100.000%",
    )
    assert box.name_inside
    assert box.name_to_the_right


@pytest.mark.parametrize(("confidence", "crowded"), [(90, True), (40, False)])
def test_many_visible_boxes_are_a_crowd(confidence: float, crowded: bool) -> None:
    places = tuple(Instance(confidence, Box(i / 20, 0.5, 0.04, 0.1)) for i in range(13))
    assert view_of(Label("Coin", confidence, "onnx", instances=places)).is_crowded is crowded


def test_words_are_shown_only_where_there_are_no_lines() -> None:
    line = Text("ONE WAY", TextKind.LINE, 90, LEFT_HALF)
    word = Text("ONE", TextKind.WORD, 40, SMALL)
    assert [row.text for row in view_of(text=(word, line)).texts] == ["ONE WAY"]
    only_words = view_of(text=(word,))
    assert [row.text for row in only_words.texts] == ["ONE"]
    assert only_words.hidden_texts == 1
    assert [box.kind for box in only_words.boxes] == ["text"]


def test_colours_and_meters_come_from_the_properties() -> None:
    view = view_of(properties=Properties(10, 20, 30, (DominantColor("#aabbcc", "grey", 31),)))
    assert [(meter.name, meter.value) for meter in view.meters] == [
        ("Sharpness", 10),
        ("Brightness", 20),
        ("Contrast", 30),
    ]
    assert view.colors[0].hex == "#aabbcc"
    assert view_of().meters == ()


def test_a_detector_that_failed_is_named_in_words() -> None:
    failure = Failure("timeout", "It took too long.", permanent=False)
    view = view_of(detectors=(DetectorRun("text", "1", 60_000, failure=failure), DetectorRun("faces", "1", 5)))
    assert [(failed.title, failed.failure) for failed in view.failed_detectors] == [("The text detector", failure)]


def test_an_unknown_detector_is_called_by_its_name() -> None:
    assert detector_title("shapes-v2") == "The detector “shapes-v2”"


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((4000, 3000), (1600, 1200)),
        ((300, 400), (600, 800)),
        ((1000, 500), (1600, 800)),
        ((10_000, 2), (1600, 1)),
    ],
)
def test_large_images_are_shown_smaller_and_small_ones_at_most_twice_their_size(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    assert display_size(*size) == shown
