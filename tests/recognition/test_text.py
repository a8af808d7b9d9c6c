import socket
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from recognition.detectors.text import TextDetector
from recognition.result import TextKind
from tests.recognition.pictures import photo, prepared

PAGE_LINES = [
    "Region-based segmentation",
    "Let us first determine markers of the coins and the",
    "background. These markers are pixels that we can label",
    "unambiguously as either object or background. Here,",
    "the markers are found at the two extreme parts of the",
    "histogram of grey values:",
]


def drawn(text, size, at, font_size):
    picture = Image.new("RGB", size, "white")
    ImageDraw.Draw(picture).text(at, text, fill="black", font=ImageFont.load_default(font_size), anchor="mm")
    return np.asarray(picture)


def test_a_page_is_read_line_by_line_from_top_to_bottom():
    lines = TextDetector().detect(prepared(photo("page.png"))).text
    assert [line.text for line in lines[:6]] == PAGE_LINES
    assert all(line.kind is TextKind.LINE and line.detector == "text" for line in lines)
    assert all(line.confidence > 90 for line in lines)
    tops = [line.box.top for line in lines]
    assert tops == sorted(tops)


def test_a_sign_in_a_large_photo_is_read_where_it_stands():
    (line,) = TextDetector().detect(prepared(drawn("STOP", (2048, 1536), (1024, 512), 300))).text
    assert line.text == "STOP"
    assert line.box.left + line.box.width / 2 == pytest.approx(0.5, abs=0.02)
    assert line.box.top + line.box.height / 2 == pytest.approx(1 / 3, abs=0.03)
    assert 0.1 < line.box.height < 0.25


def test_small_print_in_a_large_photo_is_read():
    (line,) = TextDetector().detect(prepared(drawn("a small caption line", (2048, 1536), (300, 1450), 32))).text
    assert line.text == "a small caption line"


def test_a_single_clear_letter_is_text():
    (line,) = TextDetector().detect(prepared(drawn("P", (600, 400), (300, 200), 120))).text
    assert line.text == "P"


@pytest.mark.parametrize(
    "file_name",
    ["china.jpg", "flower.jpg", "coffee.png", "grass.png", "brick.png", "gravel.png", "retina.jpg", "chelsea.png"],
)
def test_no_text_is_read_where_there_is_none(file_name):
    assert TextDetector().detect(prepared(photo(file_name))).text == ()


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (2048, 6)])
def test_a_picture_too_small_for_text_has_none(shape):
    assert TextDetector().detect(prepared(np.full((*shape, 3), 128, np.uint8))).text == ()


def test_nothing_is_downloaded(monkeypatch):
    def refuse(*_):
        raise AssertionError("the text detector reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("recognition.detectors.text._engines", {})
    assert TextDetector().detect(prepared(photo("page.png"))).text


def test_reading_prints_nothing():
    program = (
        "from tests.recognition.pictures import photo, prepared\n"
        "from recognition.detectors.text import TextDetector\n"
        "TextDetector().detect(prepared(photo('page.png')))\n"
        "TextDetector().detect(prepared(photo('grass.png')))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
