"""Training pictures in ever new forms: each a function of (seed, epoch, number), so that any can be made again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.config import Augment

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

MARGIN = 1.25
"""How much larger than the network's input a picture is kept, so that a part of it is not enlarged by much."""

_SMALLEST_PART = 0.6
_SMALLEST_PICTURE = 0.6
_LARGEST_STRETCH = 1.15
_LEAST_SEEN = 0.4
_TRIES = 10
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """uint8 RGB, height x width x 3, and its boxes as fractions: left, top, width, height."""

    pixels: Bytes
    labels: NDArray[np.int64]
    boxes: Floats


def augmented(example: Example, size: tuple[int, int], augment: Augment, dice: np.random.Generator) -> Example:
    """The example at `size` (width, height in pixels), changed as these dice fall; its boxes follow."""
    example = _reframed(example, size, augment, dice)
    if augment.flip and dice.random() < 0.5:
        example = _mirrored(example)
    if augment.transpose:
        example = _turned(example, dice)
    if augment.colour:
        example = Example(_recoloured(example.pixels, dice), example.labels, example.boxes)
    return example


def dice_for(seed: int, epoch: int, number: int) -> np.random.Generator:
    return np.random.default_rng((seed, epoch, number))


def _reframed(example: Example, size: tuple[int, int], augment: Augment, dice: np.random.Generator) -> Example:
    """A part of the picture, or all of it smaller on a plain ground, or just all of it."""
    choice = dice.random()
    if augment.crop and choice < 0.5:
        for _ in range(_TRIES):
            window = _window(dice)
            labels, boxes = _seen(example.labels, example.boxes, window)
            if len(boxes) or not len(example.boxes):
                return Example(_cut_out(example.pixels, window, size), labels, boxes)
    if augment.scale and choice >= 0.7:
        return _shrunk(example, size, dice)
    return Example(_cut_out(example.pixels, (0.0, 0.0, 1.0, 1.0), size), example.labels, example.boxes)


Window = tuple[float, float, float, float]


def _window(dice: np.random.Generator) -> Window:
    """Left, top, width and height as fractions."""
    part, stretch = dice.uniform(_SMALLEST_PART, 1.0), _stretch(dice)
    width, height = min(1.0, part * stretch), min(1.0, part / stretch)
    return dice.uniform(0, 1 - width), dice.uniform(0, 1 - height), width, height


def _stretch(dice: np.random.Generator) -> float:
    return float(np.exp(dice.uniform(-1, 1) * np.log(_LARGEST_STRETCH)))


def _seen(labels: NDArray[np.int64], boxes: Floats, window: Window) -> tuple[NDArray[np.int64], Floats]:
    """What is left of the boxes in a window, without those of which too little is left to tell what they are."""
    left, top, width, height = window
    low, far = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    cut_low = low.clip((left, top), (left + width, top + height))
    cut_far = far.clip((left, top), (left + width, top + height))
    sizes = cut_far - cut_low
    kept = sizes.prod(axis=1) >= _LEAST_SEEN * boxes[:, 2:].prod(axis=1)
    moved = np.concatenate([cut_low - (left, top), sizes], axis=1) / (width, height, width, height)
    return labels[kept], moved[kept].astype(np.float32)


def _cut_out(pixels: Bytes, window: Window, size: tuple[int, int]) -> Bytes:
    height, width = pixels.shape[:2]
    left, top, across, down = window
    part = (left * width, top * height, min(1.0, left + across) * width, min(1.0, top + down) * height)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR, box=part))


def _shrunk(example: Example, size: tuple[int, int], dice: np.random.Generator) -> Example:
    part, stretch = dice.uniform(_SMALLEST_PICTURE, 1.0), _stretch(dice)
    width, height = (
        max(1, round(full * min(1.0, each))) for full, each in zip(size, (part * stretch, part / stretch), strict=True)
    )
    left, top = int(dice.integers(0, size[0] - width + 1)), int(dice.integers(0, size[1] - height + 1))
    canvas = np.empty((size[1], size[0], 3), np.uint8)
    canvas[:] = example.pixels.mean(axis=(0, 1))
    canvas[top : top + height, left : left + width] = _cut_out(example.pixels, (0.0, 0.0, 1.0, 1.0), (width, height))
    scale = np.array([width / size[0], height / size[1]] * 2, np.float32)
    offset = np.array([left / size[0], top / size[1], 0, 0], np.float32)
    return Example(canvas, example.labels, example.boxes * scale + offset)


def _mirrored(example: Example) -> Example:
    boxes = example.boxes.copy()
    boxes[:, 0] = 1 - boxes[:, 0] - boxes[:, 2]
    return Example(example.pixels[:, ::-1], example.labels, boxes)


def _turned(example: Example, dice: np.random.Generator) -> Example:
    """Upside down or not, rows and columns swapped or not (where the picture is square)."""
    pixels, boxes = example.pixels, example.boxes.copy()
    if dice.random() < 0.5:
        pixels = pixels[::-1]
        boxes[:, 1] = 1 - boxes[:, 1] - boxes[:, 3]
    if dice.random() < 0.5 and pixels.shape[0] == pixels.shape[1]:
        pixels, boxes = pixels.transpose(1, 0, 2), boxes[:, [1, 0, 3, 2]]
    return Example(pixels, example.labels, boxes)


def _recoloured(pixels: Bytes, dice: np.random.Generator) -> Bytes:
    """Brightness, contrast, saturation and tint: one linear change of every pixel."""
    brightness, contrast, saturation = dice.uniform(0.7, 1.3), dice.uniform(0.7, 1.3), dice.uniform(0.4, 1.6)
    tint = dice.uniform(0.85, 1.15, 3).astype(np.float32)
    mixing = np.float32(saturation) * np.eye(3, dtype=np.float32) + np.float32(1 - saturation) * _GREY
    mixing *= (tint * np.float32(brightness * contrast))[:, None]
    ground = np.float32(brightness * (1 - contrast) * pixels.mean())
    values = pixels.reshape(-1, 3).astype(np.float32) @ mixing.T + ground
    return values.clip(0, 255).astype(np.uint8).reshape(pixels.shape)
