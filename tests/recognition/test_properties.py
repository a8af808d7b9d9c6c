import time

import numpy as np
import pytest
from PIL import Image, ImageFilter

from recognition.detectors.properties import PropertiesDetector
from tests.recognition.pictures import photo, prepared


def measured(pixels):
    return PropertiesDetector().detect(prepared(pixels)).properties


def plain(*rgb):
    return np.full((64, 64, 3), rgb, np.uint8)


@pytest.mark.parametrize(("level", "brightness"), [(0, 0), (128, 50.2), (255, 100)])
def test_brightness_is_the_mean_luma_in_percent(level, brightness):
    assert measured(plain(level, level, level)).brightness == pytest.approx(brightness, abs=0.01)


def test_contrast_is_highest_for_half_black_half_white_and_nothing_for_plain():
    halves = plain(0, 0, 0)
    halves[:32] = 255
    assert measured(halves).contrast == pytest.approx(100, abs=0.01)
    assert measured(plain(90, 90, 90)).contrast == 0


def test_the_more_a_photo_is_blurred_the_less_sharp_it_is():
    photo_of_cat = Image.fromarray(photo("chelsea.png"))
    sharpness = [
        measured(np.asarray(photo_of_cat.filter(ImageFilter.GaussianBlur(radius)))).sharpness for radius in (0, 1, 2, 4)
    ]
    assert sharpness == sorted(sharpness, reverse=True)
    assert len(set(sharpness)) == 4


def test_a_plain_picture_is_not_sharp_and_a_chessboard_of_pixels_is():
    chessboard = np.indices((64, 64)).sum(axis=0) % 2 * 255
    assert measured(plain(10, 200, 30)).sharpness == 0
    assert measured(np.stack([chessboard] * 3, axis=-1)).sharpness == 100


def test_the_dominant_colours_are_those_painted_largest_first():
    picture = plain(255, 0, 0)
    picture[:32] = (0, 0, 255)
    picture[:8] = (255, 255, 255)
    colors = [(color.hex, color.name, color.percent) for color in measured(picture).dominant_colors]
    assert colors == [("#ff0000", "red", 50.0), ("#0000ff", "blue", 37.5), ("#ffffff", "white", 12.5)]


def test_shades_of_one_colour_are_one_colour():
    gradient = np.repeat(np.linspace(90, 110, 64, dtype=np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    (grey,) = measured(gradient).dominant_colors
    assert (grey.name, grey.percent) == ("grey", 100.0)


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [("flower.jpg", {"dark teal", "orange"}), ("astronaut.png", {"orange"}), ("coffee.png", {"brown"})],
)
def test_the_colours_of_a_photo_are_those_a_person_would_name(file_name, expected):
    assert expected <= {color.name for color in measured(photo(file_name)).dominant_colors}


def test_colours_are_few_and_never_more_than_the_whole():
    colors = measured(photo("astronaut.png")).dominant_colors
    assert len(colors) <= 6
    assert sum(color.percent for color in colors) <= 100.01
    assert [color.percent for color in colors] == sorted((color.percent for color in colors), reverse=True)


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (1, 2048)])
def test_the_tiniest_picture_has_properties(shape):
    assert measured(np.full((*shape, 3), 255, np.uint8)).dominant_colors[0].name == "white"


def test_the_detector_says_who_measured():
    assert measured(plain(1, 2, 3)).detector == "properties"


def test_a_large_picture_takes_no_noticeable_time():
    image = prepared(np.random.default_rng(0).integers(0, 256, (1536, 2048, 3), dtype=np.uint8))
    started = time.perf_counter()
    PropertiesDetector().detect(image)
    assert time.perf_counter() - started < 0.5
