"""What the client shows of images: as a table, as CSV, as JSON, one of them, and their files."""

from __future__ import annotations

import csv
import io
import json
import uuid
from pathlib import Path

import pytest

from imagesift.__main__ import main
from imagesift.commands.files import safe_name
from imagesift.errors import UsageError
from imagesift.filters import search_filters
from tests.client.fake_portal import FakePortal, Stored

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def images(portal: FakePortal) -> list[Stored]:
    """250 images: more than two pages."""
    labels = [
        {"name": "Dog", "confidence": 97.5, "detector": "onnx", "state": "predicted"},
        {"name": "=HYPERLINK(1)", "confidence": 51.0, "detector": "onnx", "state": "predicted"},
    ]
    made = [
        Stored(str(uuid.UUID(int=number)), {"filename": f"{number}.jpg", "sha256": str(number)}, b"bytes", "", labels)
        for number in range(250)
    ]
    portal.images.update({image.id: image for image in made})
    return made


def test_every_page_is_read_and_the_limit_kept(portal: FakePortal, images: list[Stored], capsys: Capture) -> None:
    assert main(["results", "--json"]) == 0
    assert [image["id"] for image in json.loads(capsys.readouterr().out)] == [image.id for image in images]
    assert main(["results", "--json", "--limit", "120"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 120
    assert [dict(query)["limit"] for query in portal.queries] == ["100", "100", "100", "100", "20"]


def test_no_image_is_an_empty_array(portal: FakePortal, capsys: Capture) -> None:
    assert main(["results", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["results"]) == 0
    assert capsys.readouterr().out == "Nothing matches.\n"


def test_csv_has_a_line_for_each_label_and_no_formula(images: list[Stored], tmp_path: Path) -> None:
    images[0].announced["filename"] = "+cmd.jpg"
    images[1].labels = []
    output = tmp_path / "results.csv"
    assert main(["results", "--csv", "--output", str(output)]) == 0
    text = output.read_text(encoding="utf-8-sig")
    assert output.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 2 * 249 + 1
    assert rows[0]["filename"] == "'+cmd.jpg"
    assert [row["label"] for row in rows[:3]] == ["Dog", "'=HYPERLINK(1)", ""]
    assert rows[0]["confidence"] == "97.5"


def test_states_are_shown_and_what_people_refused_only_with_all(
    portal: FakePortal, images: list[Stored], capsys: Capture
) -> None:
    cat = {"name": "Cat", "confidence": 100.0, "detector": "people", "state": "added"}
    refused = {"name": "Wolf", "confidence": 61.0, "detector": "onnx", "state": "rejected"}
    images[0].labels = [cat, {**refused, "instances": [], "predicted": None}]
    shown = {}
    for options in ((), ("--all",)):
        assert main(["results", "--csv", "--limit", "1", *options]) == 0
        rows = csv.DictReader(io.StringIO(capsys.readouterr().out))
        shown[options] = [(row["label"], row["state"]) for row in rows]
        assert main(["show", images[0].id, *options]) == 0
        assert ("61.0 %  Wolf  (onnx, rejected)" in capsys.readouterr().out) == bool(options)
    assert shown == {(): [("Cat", "added")], ("--all",): [("Cat", "added"), ("Wolf", "rejected")]}
    assert main(["results", "--json", "--limit", "1", "--all"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["labels"] == [cat, refused]
    assert main(["search", "wolf", "--limit", "1", "--all"]) == 0
    assert "Cat 100 %, Wolf (refused)" in capsys.readouterr().out


def test_a_table_shows_ids_labels_and_no_control_character(images: list[Stored], capsys: Capture) -> None:
    images[0].announced["filename"] = "evil\x1b[2J.jpg"
    images[1].failure = "This file is cut off half-way."
    assert main(["results", "--limit", "2"]) == 0
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(images[0].id)
    assert "Dog 98 %" in first
    assert "\x1b" not in first
    assert second.endswith("This file is cut off half-way.")


def test_options_and_searches_become_the_parameters_of_the_api(portal: FakePortal) -> None:
    arguments = ["--label", "Dog", "--label", "Cat", "--status", "failed", "--min-confidence", "80"]
    assert main(["results", *arguments, "--since", "2026-01-01", "--until", "2026-02-01T00:00:00Z"]) == 0
    assert main(["search", "label:Dining table", "detector:onnx", "confidence:80", "red", "10:30"]) == 0
    assert portal.queries == [
        [
            *(("label", "Dog"), ("label", "Cat"), ("status", "failed"), ("min_confidence", "80.0")),
            *(("since", "2026-01-01"), ("until", "2026-02-01T00:00:00Z"), ("limit", "100")),
        ],
        [
            *(("label", "Dining table"), ("detector", "onnx"), ("min_confidence", "80")),
            *(("q", "red 10:30"), ("limit", "100")),
        ],
    ]


@pytest.mark.parametrize("query", [["label:"], ["status:failed", "status:queued"]])
def test_a_search_that_makes_no_sense_is_refused(query: list[str]) -> None:
    with pytest.raises(UsageError):
        search_filters(query)


def test_one_image_is_shown_in_words_and_as_the_document(images: list[Stored], capsys: Capture) -> None:
    assert main(["show", images[3].id]) == 0
    shown = capsys.readouterr().out
    assert "97.5 %  Dog  (onnx)" in shown
    assert shown.count("“STOP”") == 1
    assert main(["show", images[3].id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["filename"] == "3.jpg"


def test_an_unknown_image_is_one_line_and_status_1(portal: FakePortal, capsys: Capture) -> None:
    assert main(["show", str(uuid.uuid4())]) == 1
    assert capsys.readouterr().err == "imagesift: There is nothing at this address, or it is not yours.\n"


def test_deleting_asks_first_and_names_what_was_not_there(
    portal: FakePortal, images: list[Stored], capsys: Capture
) -> None:
    assert main(["delete", images[0].id]) == 2
    assert images[0].id in portal.images
    assert main(["delete", images[0].id, str(uuid.UUID(int=9999)), "--yes"]) == 1
    assert images[0].id not in portal.images
    assert f"{uuid.UUID(int=9999)}: There is nothing" in capsys.readouterr().err


def test_a_download_does_not_replace_a_file_unasked(
    images: list[Stored], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["download", images[3].id]) == 0
    assert Path("3.jpg").read_bytes() == b"bytes"
    Path("3.jpg").write_bytes(b"mine")
    assert main(["download", images[3].id]) == 1
    assert Path("3.jpg").read_bytes() == b"mine"
    assert main(["download", images[3].id, "--force"]) == 0
    assert Path("3.jpg").read_bytes() == b"bytes"


def test_a_download_follows_to_another_server_without_the_token(
    portal: FakePortal, images: list[Stored], tmp_path: Path
) -> None:
    # The path below /files/ is answered there without a token, as S3 answers a signed address.
    portal.redirect_originals_to = f"{portal.url}/files/signed"
    output = tmp_path / "photo.jpg"
    assert main(["download", images[3].id, "--output", str(output)]) == 0
    assert output.read_bytes() == b"signed"
    assert portal.signed_authorization == [None]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("../../etc/passwd", "passwd"), ("a:b?.jpg", "a_b_.jpg"), ("C:\\dir\\x.jpg", "x.jpg"), ("..", "the-id")],
)
def test_a_name_of_the_portal_stays_in_this_folder(given: str, kept: str) -> None:
    assert safe_name(given, "the-id") == kept
