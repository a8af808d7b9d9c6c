"""Pixels of every kind come out as the RGB that a person would see."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from recognition.image import prepare
from tests.hostile import encoded

RED = (220, 30, 30)


def assert_middle(data: bytes, color: tuple[int, int, int], tolerance: int = 3) -> None:
    pixels = prepare(data).pixels
    pixel = pixels[pixels.shape[0] // 2, pixels.shape[1] // 2]
    assert np.abs(pixel.astype(int) - color).max() <= tolerance, f"{pixel} is not {color}"


def grey(values: Any) -> NDArray[Any]:
    return np.broadcast_to(np.asarray(values), (32, 32)).copy()


def cmyk() -> Image.Image:
    return Image.new("CMYK", (32, 32), (0, 255, 255, 0))


def palette_with_transparency() -> Image.Image:
    image = Image.new("P", (32, 32), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.info["transparency"] = 1
    return image


RAMP = np.linspace(0, 65535, 32).astype(np.uint16)


@pytest.mark.parametrize(
    ("image", "kind", "color"),
    [
        pytest.param(Image.new("L", (32, 32), 90), "PNG", (90, 90, 90), id="grey"),
        pytest.param(Image.new("1", (32, 32), 1), "PNG", (255, 255, 255), id="one bit"),
        pytest.param(Image.new("1", (32, 32), 1), "TIFF", (255, 255, 255), id="one bit tiff"),
        pytest.param(Image.new("RGB", (32, 32), RED).quantize(4), "PNG", RED, id="palette"),
        pytest.param(Image.new("RGB", (32, 32), RED).quantize(4), "GIF", RED, id="gif"),
        pytest.param(Image.new("RGB", (32, 32), RED), "BMP", RED, id="bmp"),
        pytest.param(palette_with_transparency(), "PNG", (255, 255, 255), id="transparent palette"),
        pytest.param(Image.new("LA", (32, 32), (0, 128)), "PNG", (127, 127, 127), id="grey with alpha"),
        pytest.param(Image.new("RGBA", (32, 32), (0, 0, 0, 0)), "PNG", (255, 255, 255), id="alpha"),
        pytest.param(Image.new("RGBA", (32, 32), (0, 0, 0, 0)), "WEBP", (255, 255, 255), id="alpha webp"),
        pytest.param(Image.new("RGBA", (32, 32), (0, 0, 0, 0)), "HEIF", (255, 255, 255), id="alpha heic"),
        pytest.param(Image.new("RGBA", (32, 32), (255, 0, 0, 51)), "TIFF", (255, 204, 204), id="alpha tiff"),
        pytest.param(cmyk(), "JPEG", (255, 0, 0), id="cmyk jpeg"),
        pytest.param(cmyk(), "TIFF", (255, 0, 0), id="cmyk tiff"),
        pytest.param(Image.new("LAB", (32, 32), (255, 128, 128)), "TIFF", (255, 255, 255), id="lab"),
        pytest.param(Image.fromarray(grey(np.uint16(0x8000))), "PNG", (128, 128, 128), id="16-bit grey"),
        pytest.param(Image.fromarray(grey(np.uint16(0x8000))), "TIFF", (128, 128, 128), id="16-bit grey tiff"),
        pytest.param(Image.fromarray(grey(np.float32(0.5))), "TIFF", (128, 128, 128), id="float of 0 to 1"),
        pytest.param(Image.fromarray(grey(np.float32(200.0))), "TIFF", (200, 200, 200), id="float of 0 to 255"),
        pytest.param(Image.fromarray(grey(np.int32(77))), "TIFF", (77, 77, 77), id="32-bit integers"),
    ],
)
def test_every_pixel_mode_becomes_the_rgb_that_a_person_would_see(
    image: Image.Image, kind: str, color: tuple[int, int, int]
) -> None:
    assert_middle(encoded(image, kind), color)


def test_sixteen_bit_grey_keeps_its_whole_range() -> None:
    pixels = prepare(encoded(Image.fromarray(grey(RAMP)), "PNG")).pixels[0, :, 0]

    assert (pixels[0], pixels[-1]) == (0, 255)
    assert (np.diff(pixels.astype(int)) > 0).all()


def test_twelve_bit_tiff_is_not_shown_black() -> None:
    entries = [(256, 3, 1, 32), (257, 3, 1, 32), (258, 3, 1, 12), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 200), (277, 3, 1, 1), (278, 3, 1, 32), (279, 4, 1, 32 * 48)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    data = (b"II*\0" + struct.pack("<I", 8) + directory).ljust(200, b"\0") + b"\x80\x08\x00" * (32 * 16)

    assert_middle(data, (128, 128, 128), 1)


def test_float_tiff_outside_0_to_255_is_stretched_and_holes_are_black() -> None:
    values = grey(np.linspace(-1000, 3000, 32, dtype=np.float32))
    values[0, 0] = np.nan

    pixels = prepare(encoded(Image.fromarray(values), "TIFF")).pixels

    assert (pixels[1, 0, 0], pixels[1, -1, 0]) == (0, 255)
    assert pixels[0, 0, 0] == 0


def stretched(values: NDArray[Any], low: float, high: float) -> NDArray[np.int64]:
    """What the greys should be, worked out with numpy in double precision."""
    finite = np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low)
    return ((finite - low) * (255 / (high - low))).round().astype(np.int64)


def numbers(low: float, high: float, kind: Any, **holes: tuple[int, int]) -> NDArray[Any]:
    """Random numbers with the ends of their range among them, and `holes`: what is at row and column."""
    values = np.random.default_rng(0).uniform(low, high, (40, 50))
    values[20, 20], values[20, 21] = low, high
    for name, place in holes.items():
        values[place] = {"nan": np.nan, "infinite": np.inf, "negative": -np.inf}[name.rstrip("_")]
    return values.astype(kind)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        pytest.param(numbers(0, 1, np.float32), 0, 1, id="unit"),
        pytest.param(numbers(0.25, 200, np.float32), 0, 255, id="bytes"),
        pytest.param(numbers(-3e5, 7e5, np.float32), -3e5, 7e5, id="wide"),
        pytest.param(numbers(-3e5, 7e5, np.float32, nan=(0, 0), nan_=(9, 9)), -3e5, 7e5, id="first is no number"),
        pytest.param(numbers(-3e5, 7e5, np.float32, infinite=(0, 0), negative=(9, 9)), -3e5, 7e5, id="infinite"),
        pytest.param(numbers(0, 3.3e38, np.float32, infinite=(5, 5)), 0, 3.3e38, id="almost infinite"),
        pytest.param(numbers(-5, 70_000, np.int32), -5, 70_000, id="integers"),
        pytest.param(numbers(-(2**31), 2**31 - 1, np.int32), -(2**31), 2**31 - 1, id="all integers"),
    ],
)
def test_numbers_of_any_range_become_the_greys_that_numpy_would_make(
    values: NDArray[Any], low: float, high: float
) -> None:
    grey = prepare(encoded(Image.fromarray(values), "TIFF")).pixels[:, :, 0].astype(int)

    assert np.abs(grey - stretched(values, low, high)).max() <= 1


def test_a_picture_of_nothing_but_holes_is_black() -> None:
    assert prepare(encoded(Image.fromarray(grey(np.float32(np.nan))), "TIFF")).pixels.max() == 0


def test_transparency_is_flattened_before_shrinking_without_dark_edges() -> None:
    image = Image.new("RGBA", (6400, 64), (0, 0, 0, 0))
    image.paste((255, 255, 255, 255), (0, 0, 3200, 64))

    assert prepare(encoded(image, "PNG")).pixels.min() == 255


def test_bands_of_a_tall_transparent_picture_fit_together() -> None:
    slope = np.linspace(0, 255, 7000).astype(np.uint8)[:, None].repeat(700, 1)
    image = Image.fromarray(slope).convert("RGBA")

    column = prepare(encoded(image, "PNG", compress_level=1)).pixels[:, 50, 0].astype(int)

    assert len(column) == 2048
    assert set(np.diff(column)) <= {0, 1}


def test_colours_of_a_wide_gamut_profile_become_srgb() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = bytearray(srgb)
    red, green = swapped.index(b"rXYZ"), swapped.index(b"gXYZ")
    swapped[red : red + 4], swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    renamed = bytes(swapped).replace("sRGB".encode("utf-16-be"), "SwAP".encode("utf-16-be"))

    data = encoded(Image.new("RGB", (32, 32), (255, 0, 0)), "PNG", icc_profile=renamed)

    assert_middle(data, (0, 255, 0))


@pytest.mark.parametrize("profile", [b"not a profile", b"\0" * 200])
def test_broken_colour_profile_is_ignored(profile: bytes) -> None:
    data = encoded(Image.new("RGB", (32, 32), RED), "PNG", icc_profile=profile)

    assert_middle(data, RED, tolerance=0)


def test_profile_for_another_kind_of_picture_is_ignored() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    assert_middle(encoded(cmyk(), "TIFF", icc_profile=profile), (255, 0, 0))
