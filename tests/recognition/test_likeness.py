"""What the perceptual hash catches and what it tells apart, measured on photos and on drawn shapes."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Iterator
from itertools import combinations

import pytest
from PIL import Image, ImageDraw, ImageEnhance

from portal.finetuning.near_duplicates import DISTANCE
from recognition.image import prepare
from recognition.likeness import DIGITS, perceptual_hash
from tests.recognition.pictures import photo
from training.shapes import draw

PHOTOS = (
    *("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "retina.jpg"),
    *("ihc.png", "hubble_deep_field.jpg", "china.jpg", "flower.jpg", "camera.png", "clock_motion.png"),
)


# Of a picture made of whole numbers.
PATTERN = "000000340218e10e4bf4cec334571ef2774e0c78a2b9f4a4a01bbbff393ecb10"


def photos() -> list[Image.Image]:
    found = []
    for name in PHOTOS:
        try:
            found.append(Image.fromarray(photo(name)))
        except StopIteration:  # this version of the library comes without it
            continue
    return found


def quarters(picture: Image.Image) -> list[Image.Image]:
    """Four pictures that show different things of one scene."""
    width, height = picture.size
    halves = [(left, top) for left in (0, width // 2) for top in (0, height // 2)]
    return [picture.crop((left, top, left + width // 2, top + height // 2)) for left, top in halves]


def plain_shapes(seed: int, background: str | None = None) -> Image.Image:
    """One to three shapes before a single colour."""
    dice = random.Random(seed)

    def color() -> tuple[int, int, int]:
        return dice.randrange(256), dice.randrange(256), dice.randrange(256)

    picture = Image.new("RGB", (640, 480), background or color())
    pen = ImageDraw.Draw(picture)
    for _ in range(dice.randint(1, 3)):
        radius = dice.uniform(30, 120)
        x, y = dice.uniform(radius, 640 - radius), dice.uniform(radius, 480 - radius)
        box = (x - radius, y - radius, x + radius, y + radius)
        kind = dice.choice(["ellipse", "rectangle", "polygon"])
        if kind == "polygon":
            pen.polygon([(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], fill=color())
        else:
            getattr(pen, kind)(box, fill=color())
    return picture


def sets() -> dict[str, list[Image.Image]]:
    found = photos()
    return {
        "photos": [*found, *(quarter for each in found for quarter in quarters(each))],
        "shapes": [draw(seed)[0] for seed in range(60)],
        "shapes on plain colours": [plain_shapes(seed) for seed in range(120)],
        "shapes on white": [plain_shapes(seed, "white") for seed in range(120)],
    }


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    stored = io.BytesIO()
    picture.save(stored, "JPEG", quality=quality)
    return Image.open(stored).convert("RGB")


def copies(picture: Image.Image) -> Iterator[Image.Image]:
    width, height = picture.size
    yield from (jpeg(picture, quality) for quality in (30, 50, 75, 95))
    for scale in (0.5, 0.7, 1.5, 2):
        yield picture.resize((int(width * scale), int(height * scale)), Image.Resampling.BICUBIC)
    for left, top, right, bottom in ((0.01,) * 4, (0.03, 0, 0, 0), (0, 0.02, 0, 0), (0, 0, 0.02, 0.03), (0.015,) * 4):
        edges = (
            round(width * left),
            round(height * top),
            width - round(width * right),
            height - round(height * bottom),
        )
        yield picture.crop(edges)
    for factor in (0.85, 1.15):
        yield jpeg(ImageEnhance.Brightness(picture).enhance(factor), 85)
        yield jpeg(ImageEnhance.Contrast(picture).enhance(factor), 85)


def differing(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def hashed(picture: Image.Image) -> str:
    """As recognition does it."""
    return prepare(encoded(picture)).info.perceptual_hash


def encoded(picture: Image.Image, **options: object) -> bytes:
    stored = io.BytesIO()
    picture.save(stored, "JPEG", quality=95, **options)
    return stored.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("kind", sets())
def test_copies_in_other_qualities_sizes_and_colours_are_near(kind: str) -> None:
    pictures = sets()[kind][:30]
    distances = [differing(hashed(copy), hashed(picture)) for picture in pictures for copy in copies(picture)]
    near = sum(distance <= DISTANCE for distance in distances)
    assert near >= 0.95 * len(distances), f"{near} of {len(distances)}"


@pytest.mark.parametrize("kind", sets())
def test_different_pictures_are_not_lumped_together(kind: str) -> None:
    hashes = [perceptual_hash(picture) for picture in sets()[kind]]
    pairs = list(combinations(hashes, 2))
    alike = sum(differing(*pair) <= DISTANCE for pair in pairs)
    assert len(pairs) >= 1_000
    assert alike < 0.002 * len(pairs), f"{alike} of {len(pairs)}"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_same_upright_picture_is_near_however_the_camera_was_held(orientation: int) -> None:
    turned_back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = Image.fromarray(photo("chelsea.png"))
    stored = upright.transpose(turned_back[orientation]) if orientation in turned_back else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    info = prepare(encoded(stored, exif=exif)).info
    assert (info.width, info.height) == upright.size
    assert differing(info.perceptual_hash, hashed(upright)) <= DISTANCE / 2


def test_a_picture_of_one_colour_has_nothing_to_tell() -> None:
    blank = [Image.new("RGB", (640, 480), color) for color in ("white", "black", "#123456")]
    assert {perceptual_hash(picture) for picture in blank} == {"0" * DIGITS}


def test_the_hash_is_the_same_on_every_machine() -> None:
    pixels = bytes((x * x * y + 5 * x + y * y) % 256 for y in range(32) for x in range(32))
    assert perceptual_hash(Image.frombytes("L", (32, 32), pixels).convert("RGB")) == PATTERN


def test_a_preview_is_hashed_within_five_milliseconds() -> None:
    preview = draw(1, 1600, 1200)[0]
    times = []
    for _ in range(5):
        started = time.process_time()
        perceptual_hash(preview)
        times.append(time.process_time() - started)
    # The aim is 5; a machine that is busy with other things may take longer.
    assert min(times) < 0.02
