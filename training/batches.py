"""The batches of a training in their order: a function of (seed, step), so that it goes on anywhere without replay."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from recognition.detectors.onnx import Preprocessing
from training.augmenting import MARGIN, Bytes, Example, augmented, dice_for
from training.config import Augment
from training.data import DataError, PictureGone, Sample, read_picture
from training.distributed import World

# Bytes of pictures that are kept in memory; the others are read again each time.
_MOST_KEPT: Final = 2_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """uint8 RGB pictures, n x height x width x 3, and for each its `class_labels` and `boxes` (center, width, height
    as fractions), as the transformers library wants them."""

    pixels: torch.Tensor
    targets: list[dict[str, torch.Tensor]]

    def to(self, device: torch.device) -> Batch:
        targets = [{key: value.to(device, non_blocking=True) for key, value in each.items()} for each in self.targets]
        return Batch(self.pixels.to(device, non_blocking=True), targets)


class Batches:
    """Endless. Each epoch has an order of its own, a batch may reach into the next; no picture is left out.

    Of the `batch` pictures of a step, each process takes its part. `size` is the network's (width, height).
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        size: tuple[int, int],
        batch: int,
        augment: Augment,
        seed: int,
        world: World,
    ) -> None:
        self._samples = samples
        self._size = size
        self._batch = batch
        self._augment = augment
        self._seed = seed
        self._world = world
        self._kept: dict[int, Bytes] = {}
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def keep_pictures(self, report: Callable[[], None] = lambda: None) -> None:
        """Read all pictures once, as far as memory goes; `report` hears of each. Raises DataError."""
        left = _MOST_KEPT
        for number in range(len(self._samples)):
            report()
            try:
                pixels = self._read(number)
            except PictureGone:
                continue
            if left >= pixels.nbytes:
                self._kept[number] = pixels
                left -= pixels.nbytes

    def from_step(self, step: int, readers: int = 1) -> Generator[Batch]:
        """The batches from this step on (the first is 0), made ahead by so many threads. Close it when done."""
        ahead: list[Future[Batch]] = []
        with ThreadPoolExecutor(readers, "batches") as pool:
            try:
                for number in count(step):
                    while len(ahead) <= readers:
                        ahead.append(pool.submit(self.at, number + len(ahead)))
                    yield ahead.pop(0).result()
            finally:
                pool.shutdown(cancel_futures=True)

    def at(self, step: int) -> Batch:
        part = self._batch // self._world.size
        first = step * self._batch + self._world.rank * part
        examples = [self._example(*divmod(place, len(self._samples))) for place in range(first, first + part)]
        pixels = torch.from_numpy(np.stack([example.pixels for example in examples]))
        return Batch(pixels, [_target(example) for example in examples])

    def _example(self, epoch: int, place: int) -> Example:
        number, pixels = self._nearest(int(self._order(epoch)[place]))
        sample = self._samples[number]
        dice = dice_for(self._seed, epoch, number)
        return augmented(Example(pixels, sample.labels, sample.boxes), self._size, self._augment, dice)

    def _nearest(self, number: int) -> tuple[int, Bytes]:
        """This picture, or the next one that is still there."""
        for other in (*range(number, len(self._samples)), *range(number)):
            try:
                return other, self._kept[other] if other in self._kept else self._read(other)
            except PictureGone:
                continue
        raise DataError("All pictures to learn from were removed.")

    def _shuffled(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng((self._seed, epoch)).permutation(len(self._samples))

    def _read(self, number: int) -> Bytes:
        picture = read_picture(self._samples[number])
        width, height = (min(int(MARGIN * side), own) for side, own in zip(self._size, picture.size, strict=True))
        return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))


def _target(example: Example) -> dict[str, torch.Tensor]:
    centers = example.boxes[:, :2] + example.boxes[:, 2:] / 2
    boxes = np.concatenate([centers, example.boxes[:, 2:]], axis=1, dtype=np.float32)
    return {"class_labels": torch.from_numpy(example.labels), "boxes": torch.from_numpy(boxes)}


def to_input(pixels: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """As `Preprocessing` makes one picture of the right size the network's input, but many and on their device."""
    mean, deviation = (
        pixels.new_tensor(each, dtype=torch.float32) for each in (preprocessing.mean, preprocessing.deviation)
    )
    return ((pixels.float() * preprocessing.scale - mean) / deviation).permute(0, 3, 1, 2)
