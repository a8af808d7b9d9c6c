"""Augmentation moves boxes with what is in them, and is the same for the same dice."""

from __future__ import annotations

import numpy as np
import pytest

from training.augmenting import Example, augmented, dice_for
from training.config import Augment

SIZE = (160, 160)
NOTHING = Augment(flip=False, crop=False, scale=False, colour=False)
KINDS = {
    "flip": Augment(flip=True, crop=False, scale=False, colour=False),
    "crop": Augment(flip=False, crop=True, scale=False, colour=False),
    "scale": Augment(flip=False, crop=False, scale=True, colour=False),
    "transpose": Augment(flip=False, crop=False, scale=False, colour=False, transpose=True),
    "all at once": Augment(colour=False, transpose=True),
}


def example() -> Example:
    """Two plain boxes on black: 1 is red, 2 is green, neither is a square and neither in the middle."""
    pixels = np.zeros((200, 200, 3), np.uint8)
    pixels[20:60, 30:90, 0] = 255
    pixels[100:190, 110:150, 1] = 255
    boxes = np.array([[0.15, 0.1, 0.3, 0.2], [0.55, 0.5, 0.2, 0.45]], np.float32)
    return Example(pixels, np.array([1, 2]), boxes)


def of_color(pixels: np.ndarray, channel: int) -> list[float]:
    """The box around the pixels of one colour, as fractions: left, top, width, height."""
    down, across = np.nonzero(pixels[..., channel] > 127)
    height, width = pixels.shape[:2]
    left, top = across.min() / width, down.min() / height
    return [left, top, (across.max() + 1) / width - left, (down.max() + 1) / height - top]


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_stay_around_what_they_are_of(kind: str) -> None:
    forms = set()
    for number in range(60):
        changed = augmented(example(), SIZE, KINDS[kind], dice_for(0, 0, number))
        assert changed.pixels.shape == (160, 160, 3)
        assert len(changed.boxes) == len(changed.labels) >= 1
        for label, box in zip(changed.labels, changed.boxes, strict=True):
            # Two pixels of 160: what resampling smears over an edge.
            assert np.allclose(of_color(changed.pixels, label - 1), box, atol=2 / 160), (number, label)
        forms.add(changed.pixels.tobytes())
    assert len(forms) > 1


@pytest.mark.parametrize(("kind", "forms"), [("flip", 2), ("transpose", 4)])
def test_every_turn_comes_up(kind: str, forms: int) -> None:
    seen = {
        augmented(example(), SIZE, KINDS[kind], dice_for(0, 0, number)).boxes.round(3).tobytes() for number in range(60)
    }
    assert len(seen) == forms


def test_without_changes_a_picture_only_comes_to_size() -> None:
    same = augmented(example(), SIZE, NOTHING, dice_for(0, 0, 0))
    assert np.allclose(same.boxes, example().boxes)
    assert same.labels.tolist() == [1, 2]


def test_the_same_dice_make_the_same_picture_and_others_another() -> None:
    every = Augment(transpose=True)
    first, again, other = (augmented(example(), SIZE, every, dice_for(5, epoch, 3)) for epoch in (1, 1, 2))
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.boxes, again.boxes)
    assert not np.array_equal(first.pixels, other.pixels)


def test_colours_change_and_boxes_do_not() -> None:
    grey = Example(np.full((200, 200, 3), 100, np.uint8), np.array([1]), np.array([[0.1, 0.1, 0.5, 0.5]], np.float32))
    colour = Augment(flip=False, crop=False, scale=False, colour=True)
    changed = [augmented(grey, SIZE, colour, dice_for(0, 0, number)) for number in range(20)]
    assert len({tuple(each.pixels[0, 0]) for each in changed}) > 15
    assert all(np.array_equal(each.boxes, grey.boxes) for each in changed)


def test_a_box_of_which_little_is_left_is_dropped_and_never_all_of_them() -> None:
    counts = [len(augmented(example(), SIZE, KINDS["crop"], dice_for(1, 0, number)).boxes) for number in range(200)]
    assert set(counts) == {1, 2}


def test_a_picture_without_boxes_is_changed_too() -> None:
    none = Example(example().pixels, np.array([], np.int64), np.zeros((0, 4), np.float32))
    for number in range(20):
        changed = augmented(none, SIZE, Augment(transpose=True), dice_for(0, 0, number))
        assert changed.boxes.shape == (0, 4)
        assert changed.pixels.shape == (160, 160, 3)
