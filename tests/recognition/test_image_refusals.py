"""What is refused, and in which words."""

from __future__ import annotations

import re
import warnings
import zlib
from pathlib import Path

import pytest

from recognition.errors import PermanentError
from recognition.image import DEFAULT_LIMITS, Limits, prepare
from tests.hostile import Hostile, encoded, hostile_files, picture, png


def refusal(source: bytes, limits: Limits = DEFAULT_LIMITS) -> PermanentError:
    with pytest.raises(PermanentError) as caught:
        prepare(source, limits)
    return caught.value


@pytest.mark.parametrize("hostile", hostile_files(), ids=lambda hostile: hostile.name)
def test_hostile_file_is_refused_with_its_own_code_and_without_a_warning(hostile: Hostile) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        error = refusal(hostile.content)

    assert error.code == hostile.expected_code
    assert error.message.endswith(".")
    assert not re.search(r"PIL|Error|decoder|libheif", error.message)


def test_each_code_has_a_sentence_of_its_own() -> None:
    errors = [refusal(hostile.content) for hostile in hostile_files()]
    errors.append(refusal(encoded(picture(), "PNG"), Limits(max_bytes=100)))
    opening = {error.code: error.message for error in errors}

    assert set(opening) == {
        "empty_file", "file_too_large", "too_many_pixels", "image_too_small", "truncated_image", "corrupt_image",
        "svg_not_supported", "html_not_supported", "zip_not_supported", "pdf_not_supported", "video_not_supported",
        "unsupported_format",
    }  # fmt: skip
    assert len(set(opening.values())) == len(opening)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF", "AVIF"])
@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.8])
def test_file_cut_off_anywhere_is_called_cut_off(kind: str, share: float) -> None:
    data = encoded(picture(), kind)

    assert refusal(data[: int(len(data) * share)]).code == "truncated_image"


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_compressed_tiff_cut_off_is_called_cut_off(compression: str) -> None:
    data = encoded(picture(), "TIFF", compression=compression)

    assert refusal(data[: len(data) // 2]).code == "truncated_image"


def test_whole_file_with_damage_inside_is_not_called_cut_off() -> None:
    data = encoded(picture(), "TIFF", compression="tiff_adobe_deflate")

    assert refusal(data.replace(b"\x78\x9c", b"\xff\xff", 1)).code == "corrupt_image"


def test_file_above_the_byte_limit_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(encoded(picture(), "PNG") + bytes(5000))
    with path.open("rb") as file, pytest.raises(PermanentError, match="file_too_large"):
        prepare(file, Limits(max_bytes=1000))

    assert "50 MB" in refusal(bytes(50_000_001)).message


def test_too_many_pixels_says_how_many_and_how_many_are_allowed() -> None:
    message = refusal(png(50_000, 40_000, zlib.compress(b"\0"))).message

    assert "50,000 × 40,000" in message
    assert "100 megapixels" in message


def test_formats_whose_decoders_need_more_memory_are_allowed_fewer_pixels() -> None:
    limits = Limits(max_decoder_bytes=16 * 96 * 64 - 1)

    assert prepare(encoded(picture(), "PNG"), limits).info.width == 96
    assert refusal(encoded(picture(), "WEBP"), limits).code == "too_many_pixels"
