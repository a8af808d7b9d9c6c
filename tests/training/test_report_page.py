"""The report as documents and as a page that needs nothing else."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.training.finished import finish
from tests.training.taught import drawn
from training.report_page import page
from training.report_plots import confusion_table, curves

pytestmark = pytest.mark.torch

NASTY = "<script>alert('x')</script>&\""


class Read(HTMLParser):
    """Tags, what they refer to, and the text between them; checks that every tag is closed in its turn."""

    EMPTY = frozenset({"meta", "img"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in self.EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    finish(drawn(tmp_path_factory.mktemp("drawn")), out)
    return out


@pytest.fixture
def report(out: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((out / "report.json").read_text())
    return document


@pytest.fixture
def verdict(out: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((out / "verdict.json").read_text())
    return document


def test_the_report_has_what_others_read_in_it(report: dict[str, Any]) -> None:
    assert report["schema"] == "imagesift.report/1"
    assert report["model"] == {"name": "shapes", "version": 2}
    assert report["dataset"]["name"] == "Drawn shapes, version 1"
    assert report["dataset"]["images"] == {"train": 1, "validation": 12, "test": 16}
    assert report["dataset"]["boxes"]["test"] == sum(one["boxes"] for one in report["candidate"]["classes"].values())
    assert report["running"] is None
    assert report["others"] == []
    assert set(report["thresholds"]) == set(report["classes"])
    assert report["training"] == {"start": "tiny-shapes", "steps": 2400}


def test_the_page_needs_nothing_but_itself(out: Path, report: dict[str, Any]) -> None:
    read = Read((out / "report" / "index.html").read_text())
    assert read.tags.count("img") == len(report["worst"]) > 0
    assert all(reference.startswith("data:image/jpeg;base64,") for reference in read.references)
    assert not {"script", "link", "iframe"} & set(read.tags)


def test_the_page_says_what_the_report_does(out: Path, report: dict[str, Any], verdict: dict[str, Any]) -> None:
    text = Read((out / "report" / "index.html").read_text()).text
    assert "shapes v2" in text
    assert ("The gate lets it pass." if verdict["verdict"] == "passed" else "The gate refuses it.") in text
    for words in (*verdict["reasons"], *(one["words"] for one in report["worst"]), *report["classes"]):
        assert words in text
    value, low, high = report["candidate"]["map50"]
    assert f"{value:.2f} ({low:.2f}–{high:.2f})" in text


def test_nothing_in_the_page_is_taken_for_markup(out: Path, report: dict[str, Any], verdict: dict[str, Any]) -> None:
    evil = json.loads(json.dumps(report).replace("circle", json.dumps(NASTY)[1:-1]))
    evil["model"]["name"] = evil["dataset"]["name"] = evil["candidate"]["name"] = NASTY
    evil["training"] = {NASTY: {NASTY: NASTY}}
    evil["others"] = [{**evil["candidate"], "candidate_map50": None}]
    evil["worst"][0]["words"] = NASTY
    html = page(evil, {**verdict, "reasons": [NASTY], "against": NASTY}, out)
    read = Read(html)
    assert "script" not in read.tags
    assert read.text.count(NASTY) >= 10


def test_a_report_without_boxes_mistakes_or_margin_is_shown_all_the_same(
    out: Path, report: dict[str, Any], verdict: dict[str, Any]
) -> None:
    for one in report["candidate"]["classes"].values():
        one.update(ap=None, ap50=None, precision=None, recall=None, f1=None, curve=[])
    text = Read(page({**report, "worst": []}, {**verdict, "margin": None}, out)).text
    assert "There are none on the test images." in text


def test_a_curve_runs_from_left_to_right_and_its_threshold_is_a_dot() -> None:
    one = {"curve": [[0, 1], [0.5, 1], [1, 0.5]], "recall": 0.5, "precision": 1.0}
    svg = curves({"cross": one, "arrow": {**one, "curve": [], "recall": None}})
    assert svg.count("<polyline") == svg.count("<circle") == 1
    points = svg.split('points="')[1].split('"')[0].split()
    across, down = zip(*(tuple(map(float, point.split(","))) for point in points), strict=True)
    assert list(across) == sorted(across)
    assert down[0] == down[1] < down[2]


def test_the_confusion_is_a_table_with_heads() -> None:
    html = confusion_table({"labels": ["cross", "nothing"], "counts": [[3, 1], [2, 0]]})
    read = Read(html)
    assert read.tags.count("th") == 4
    assert html.count('class="right"') == 2
    assert "--share:0.75" in html
