"""Exports: complete, safe to open in a spreadsheet, and made without holding everything at once."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from portal.images.exporting import CSV_COLUMNS, csv_stream, json_stream
from portal.images.history import own_images
from portal.images.models import Image, Status
from portal.images.models import Label as VocabularyLabel
from portal.moderation.models import Annotation
from recognition.result import Box, Instance, Label, ModerationLabel, Result, Text, TextKind
from tests.conftest import MakeImage

WHOLE = Box(0, 0, 1, 1)


def table(stream: Iterable[str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(stream).removeprefix("\ufeff"), newline="")))


def test_a_table_has_a_line_for_each_label_of_enough_confidence(owner: User, recognized_image: MakeImage) -> None:
    dog = Label(
        "Dog",
        97.126,
        "onnx",
        parents=("Pet", "Animal"),
        categories=("Animals and Pets",),
        instances=(
            Instance(97, WHOLE),
            Instance(40, WHOLE),
        ),
    )
    image = recognized_image(owner, labels=(dog, Label("Face", 80, "faces"), Label("Cat", 40, "onnx")))

    first, second = table(csv_stream(own_images(owner), 50))
    assert (first["label"], second["label"]) == ("Dog", "Face")
    assert first["image_id"] == str(image.pk)
    assert first["filename"] == "photo.jpg"
    assert first["status"] == "recognized"
    assert (first["width"], first["height"]) == ("640", "480")
    assert first["confidence"] == "97.13"
    assert first["detector"] == "onnx"
    assert first["parents"] == "Pet; Animal"
    assert first["boxes"] == "1", "the box of 40 % is below what is shown"
    assert first["state"] == "predicted"


def test_an_image_without_labels_has_a_line_too(owner: User, recognized_image: MakeImage) -> None:
    recognized_image(owner, labels=())
    assert [row["label"] for row in table(csv_stream(own_images(owner), 50))] == [""]


def test_the_lines_of_text_are_in_the_table(owner: User, recognized_image: MakeImage) -> None:
    found = (("=1+1", TextKind.LINE, 99), ("STOP", TextKind.LINE, 90), ("word", TextKind.WORD, 90), ("dim", "line", 30))
    text = tuple(Text(words, TextKind(kind), confidence, WHOLE) for words, kind, confidence in found)
    recognized_image(owner, labels=(), text=text)
    assert [row["text"] for row in table(csv_stream(own_images(owner), 50))] == ["'=1+1 / STOP"]


def test_a_failed_image_says_why_in_both_exports(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner, status=Status.FAILED)
    Image.objects.filter(pk=image.pk).update(failure_code="truncated_image", failure_message="It is cut off.")

    assert table(csv_stream(own_images(owner), 50))[0]["failure"] == "It is cut off."
    (exported,) = json.loads("".join(json_stream(own_images(owner), 50)))
    assert exported["failure"] == {"code": "truncated_image", "message": "It is cut off."}
    assert exported["result"] is None


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_spreadsheets_find_no_formula_in_what_people_and_detectors_wrote(
    owner: User, recognized_image: MakeImage, start: str
) -> None:
    evil = f"{start}HYPERLINK(1)"
    recognized_image(owner, evil, labels=(Label(evil, 90, evil, parents=(evil,)),))
    (row,) = table(csv_stream(own_images(owner), 50))
    for column in ("filename", "label", "detector", "parents"):
        assert row[column] == f"'{evil}"


def test_a_table_begins_with_a_byte_order_mark_and_its_columns(owner: User) -> None:
    assert "".join(csv_stream(own_images(owner), 50)) == "\ufeff" + ",".join(CSV_COLUMNS) + "\r\n"


def test_json_holds_results_of_the_contract_less_what_is_below_the_confidence(
    owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(
        owner,
        "Überblick.jpg",
        labels=(
            Label("Dog", 90, "onnx", instances=(Instance(90, WHOLE), Instance(30, WHOLE))),
            Label("Cat", 30, "onnx"),
        ),
        text=(Text("sure", TextKind.LINE, 90, WHOLE), Text("unsure", TextKind.LINE, 20, WHOLE)),
        moderation_labels=(ModerationLabel("Flag", "", 20, 1),),
    )
    (exported,) = json.loads("".join(json_stream(own_images(owner), 50)))

    assert exported["image_id"] == str(image.pk)
    assert exported["filename"] == "Überblick.jpg"
    result = Result.from_dict(exported["result"])
    assert [label.name for label in result.labels] == ["Dog"]
    assert len(result.labels[0].instances) == 1
    assert [text.text for text in result.text] == ["sure"]
    assert result.moderation_labels == ()


def test_what_people_said_comes_first_in_both_exports_and_json_keeps_the_prediction(
    owner: User, recognized_image: MakeImage
) -> None:
    dog = Label("Dog", 90, "onnx", instances=(Instance(90, WHOLE),))
    image = recognized_image(owner, labels=(dog, Label("Cat", 80, "onnx"), Label("Cow", 70, "onnx")))
    known = {name: VocabularyLabel.objects.get_or_create(name=name)[0] for name in ("Dog", "Cat", "Bird")}
    for name, state in (("Dog", "approved"), ("Cat", "rejected"), ("Bird", "added")):
        Annotation.objects.create(image=image, label=known[name], state=state)

    rows = table(csv_stream(own_images(owner), 50))
    assert sorted((row["label"], row["state"], row["detector"], row["confidence"]) for row in rows) == [
        ("Bird", "added", "people", "100.00"),
        ("Cow", "predicted", "onnx", "70.00"),
        ("Dog", "approved", "onnx", "100.00"),
    ]
    (exported,) = json.loads("".join(json_stream(own_images(owner), 50)))
    assert {label["name"]: label["state"] for label in exported["labels"]} == {
        "Bird": "added",
        "Dog": "approved",
        "Cow": "predicted",
        "Cat": "rejected",
    }
    assert [label["name"] for label in exported["result"]["labels"]] == ["Dog", "Cat", "Cow"]
    shown = {label["name"]: label for label in exported["labels"]}
    assert shown["Cow"]["confidence"] == 70
    assert shown["Dog"]["instances"][0]["box"] == {"left": 0, "top": 0, "width": 1, "height": 1}


def test_json_of_nothing_is_an_empty_array(owner: User) -> None:
    assert json.loads("".join(json_stream(own_images(owner), 50))) == []


def test_images_are_read_a_few_at_a_time(
    owner: User, recognized_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.images.exporting._IMAGES_AT_ONCE", 2)
    for number in range(5):
        recognized_image(owner, f"{number}.jpg")

    with CaptureQueriesContext(connection) as queries:
        stream = json_stream(own_images(owner), 50)
        next(stream), next(stream)
        a_page = len(queries)
        assert a_page <= 5
        rest: list[Any] = list(stream)
    assert len(queries) == 3 * a_page
    assert sum("filename" in part for part in rest) == 4
