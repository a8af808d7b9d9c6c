"""What comes out of `prepare`: upright, small, without metadata, in bounded memory."""

from __future__ import annotations

import hashlib
import re
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.ExifTags import IFD, Base

from recognition.image import PreparedImage, prepare
from tests.hostile import (
    encoded,
    flat_rgba_png,
    picture,
    png_chunk,
)
from tests.memory import peak_megabytes

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 160, 40), (30, 40, 210), (230, 220, 40)
LOSSY = 30  # how far a colour may be from what was drawn, after JPEG and chroma subsampling

# How the pixels lie in the file for each EXIF orientation, from where the standard puts row 0 and column 0.
STORED: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright),
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


def quadrants(width: int = 96, height: int = 64) -> NDArray[np.uint8]:
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2], image[: height // 2, width // 2 :] = RED, GREEN
    image[height // 2 :, : width // 2], image[height // 2 :, width // 2 :] = BLUE, YELLOW
    return image


def assert_upright(pixels: NDArray[np.uint8]) -> None:
    height, width = pixels.shape[:2]
    for (y, x), color in {(1, 1): RED, (1, 3): GREEN, (3, 1): BLUE, (3, 3): YELLOW}.items():
        assert_color(pixels[y * height // 4, x * width // 4], color)


def assert_color(pixel: NDArray[np.uint8], color: tuple[int, int, int], tolerance: int = LOSSY) -> None:
    assert np.abs(pixel.astype(int) - color).max() <= tolerance, f"{pixel} is not {color}"


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data), formats=["JPEG"])


def middle(prepared: PreparedImage) -> NDArray[np.uint8]:
    height, width = prepared.pixels.shape[:2]
    pixel: NDArray[np.uint8] = prepared.pixels[height // 2, width // 2]
    return pixel


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_every_exif_orientation_comes_out_upright_in_all_forms(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    if kind == "HEIF":  # the encoder writes the rotation that EXIF names into the container, as phones do
        data = encoded(
            Image.fromarray(np.ascontiguousarray(STORED[orientation](quadrants()))), kind, exif=exif.tobytes()
        )
    else:
        data = encoded(Image.fromarray(np.ascontiguousarray(STORED[orientation](quadrants()))), kind, exif=exif)

    prepared = prepare(data)

    assert (prepared.info.format, prepared.info.width, prepared.info.height) == (kind, 96, 64)
    assert prepared.pixels.shape == (64, 96, 3)
    assert_upright(prepared.pixels)
    for form in (prepared.detection_jpeg, prepared.preview, prepared.thumbnail):
        assert_upright(np.asarray(opened(form)))


def test_png_whose_exif_follows_the_pixels_comes_out_upright() -> None:
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    data = encoded(Image.fromarray(np.ascontiguousarray(STORED[6](quadrants()))), "PNG")
    end = data.index(b"IEND") - 4

    prepared = prepare(data[:end] + png_chunk(b"eXIf", exif.tobytes()[6:]) + data[end:])

    assert_upright(prepared.pixels)
    assert prepared.info.width == 96


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_exif_that_cannot_be_read_spoils_no_picture() -> None:
    prepared = prepare(encoded(Image.fromarray(quadrants()), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken"))

    assert_upright(prepared.pixels)


def test_sideways_jpeg_that_is_decoded_small_keeps_its_full_upright_size() -> None:
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    stored = np.ascontiguousarray(STORED[6](quadrants(3024, 4032)))

    prepared = prepare(encoded(Image.fromarray(stored), "JPEG", exif=exif))

    assert (prepared.info.width, prepared.info.height) == (3024, 4032)
    assert max(prepared.pixels.shape) <= 2048
    assert prepared.pixels.shape[0] / prepared.pixels.shape[1] == pytest.approx(4032 / 3024, rel=0.002)
    assert_upright(prepared.pixels)


def test_info_describes_the_original_bytes() -> None:
    data = encoded(picture(120, 80), "WEBP")

    info = prepare(data).info

    assert (info.format, info.width, info.height, info.bytes) == ("WEBP", 120, 80, len(data))
    assert info.sha256 == hashlib.sha256(data).hexdigest()


def test_bytes_path_and_open_file_give_the_same(tmp_path: Path) -> None:
    data = encoded(picture(), "PNG")
    path = tmp_path / "picture.png"
    path.write_bytes(data)

    from_bytes, from_path = prepare(data), prepare(path)
    with path.open("rb") as file:
        from_file = prepare(file)

    assert from_bytes.info == from_path.info == from_file.info
    assert from_bytes.preview == from_path.preview == from_file.preview


def test_stream_that_answers_in_small_pieces_is_read_whole() -> None:
    class Trickle(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(100, size) if size and size > 0 else 100)

    data = encoded(picture(), "PNG")

    assert prepare(Trickle(data)).info.bytes == len(data)


def test_large_picture_is_shrunk_to_each_forms_longest_side() -> None:
    prepared = prepare(encoded(picture(3000, 1500), "PNG"))

    assert prepared.pixels.shape == (1024, 2048, 3)
    assert prepared.pixels.dtype == np.uint8
    assert opened(prepared.detection_jpeg).size == (2048, 1024)
    assert opened(prepared.preview).size == (1600, 800)
    assert opened(prepared.thumbnail).size == (400, 200)


def test_small_picture_is_never_enlarged() -> None:
    prepared = prepare(encoded(picture(40, 30), "PNG"))

    assert prepared.pixels.shape == (30, 40, 3)
    assert [opened(f).size for f in (prepared.detection_jpeg, prepared.preview, prepared.thumbnail)] == [(40, 30)] * 3


def test_detection_jpeg_of_the_worst_noise_stays_under_five_megabytes() -> None:
    noise = np.random.default_rng(1).choice(np.array([0, 255], np.uint8), (2048, 2048, 3))
    data = encoded(Image.fromarray(noise), "PNG", compress_level=1)

    prepared = prepare(data)

    assert len(prepared.detection_jpeg) <= 5_000_000
    assert opened(prepared.detection_jpeg).size == (2048, 2048)


def with_metadata(kind: str) -> bytes:
    exif = Image.Exif()
    exif[Base.Orientation] = 1
    exif[Base.Make] = "SecretCamera"
    exif.get_ifd(IFD.GPSInfo)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, Any] = {"exif": exif.tobytes(), "icc_profile": profile}
    if kind == "JPEG":
        options |= {"comment": b"SecretComment", "xmp": b"<x:xmpmeta>SecretXmp</x:xmpmeta>"}
    return encoded(picture(), kind, **options)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_no_form_carries_metadata(kind: str) -> None:
    data = with_metadata(kind)
    assert b"SecretCamera" in data

    prepared = prepare(data)

    for form in (prepared.detection_jpeg, prepared.preview, prepared.thumbnail):
        image = opened(form)
        assert not image.getexif()
        assert not {"exif", "icc_profile", "xmp", "comment"} & image.info.keys()
        assert not re.search(rb"Exif|Secret|ICC_PROFILE|xmpmeta", form)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_only_the_first_frame_counts(kind: str) -> None:
    first, second = Image.new("RGB", (64, 64), RED), Image.new("RGB", (64, 64), BLUE)

    assert_color(middle(prepare(encoded(first, kind, save_all=True, append_images=[second]))), RED)


def test_multi_picture_jpeg_of_a_phone_is_its_first_picture() -> None:
    first, second = Image.new("RGB", (64, 64), RED), Image.new("RGB", (32, 32), BLUE)

    prepared = prepare(encoded(first, "MPO", save_all=True, append_images=[second]))

    assert prepared.info.format == "JPEG"
    assert_color(middle(prepared), RED)


def test_eighty_nine_to_a_hundred_megapixels_are_read_without_pillows_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        info = prepare(encoded(Image.new("L", (9900, 9900), 50), "JPEG")).info

    assert (info.width, info.height) == (9900, 9900)


def test_pictures_prepared_in_threads_do_not_mix() -> None:
    colors = [RED, GREEN, BLUE, YELLOW] * 4
    files = [encoded(Image.new("RGB", (300, 300), color), "PNG") for color in colors]
    with ThreadPoolExecutor(8) as pool:
        for prepared, color in zip(pool.map(prepare, files), colors, strict=True):
            assert_color(middle(prepared), color, tolerance=0)


PREPARE = """
import sys
from pathlib import Path
from recognition.image import prepare
for path in sys.argv[1:]:
    info = prepare(Path(path)).info
    print(info.width * info.height)
"""


def hundred_megapixels(kind: str) -> bytes:
    if kind == "PNG":
        return flat_rgba_png(10_000, 10_000)
    return encoded(Image.new("RGB", (10_000, 10_000), RED), "JPEG", progressive=kind == "progressive JPEG")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "progressive JPEG"])
def test_hundred_megapixels_add_less_than_600_megabytes(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "huge"
    path.write_bytes(hundred_megapixels(kind))

    without, _ = peak_megabytes([sys.executable, "-c", PREPARE], tmp_path / "peak")
    peak, pixels = peak_megabytes([sys.executable, "-c", PREPARE, path], tmp_path / "peak")

    assert int(pixels) == 100_000_000
    assert peak - without < 600
