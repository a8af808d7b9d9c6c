"""The worst mistakes on the test pictures, in words and as pictures: what to correct or to upload more of next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from recognition.detectors.calibration import Calibration
from training.confusion import pair
from training.data import Dataset, Sample, read_picture
from training.detecting import Detections
from training.matching import FOUND_FROM, overlaps

MOST: Final = 12
LONGEST_SIDE: Final = 480
FOLDER: Final = "report"
_QUALITY: Final = 85
_NEAR: Final = 0.1
"""A box that overlaps so much is meant for the same thing, though it does not count as found."""

_TRUTH, _SAID, _INK = (34, 160, 84), (217, 98, 20), (255, 255, 255)
_LINE: Final = 3
_TEXT_SIZE: Final = 14


class Kind(StrEnum):
    MISSED = "missed"
    INVENTED = "invented"
    CONFUSED = "confused"
    MISPLACED = "misplaced"


@dataclass(frozen=True, slots=True)
class Mistake:
    """In the test picture `sample`: `box` is of the truth, `detection` of what was said, as their numbers there."""

    sample: int
    kind: Kind
    words: str
    weight: float
    box: int | None = None
    detection: int | None = None


def draw_worst(
    dataset: Dataset, detections: Sequence[Detections], thresholds: Mapping[int, float], out: Path
) -> list[dict[str, Any]]:
    """Write `out`/report/worst-1.jpg and so on, and say what is on each: at most 12, each of another picture."""
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("worst-*.jpg"):
        stale.unlink()
    drawn = []
    for number, mistake in enumerate(worst(dataset, detections, thresholds), start=1):
        sample = dataset.test[mistake.sample]
        picture = _drawn(sample, detections[mistake.sample], mistake, dataset.classes)
        name = f"{FOLDER}/worst-{number}.jpg"
        picture.save(out / name, "JPEG", quality=_QUALITY)
        drawn.append(
            {"image": name, "file_name": sample.file_name, "kind": str(mistake.kind), "words": mistake.words},
        )
    return drawn


def worst(dataset: Dataset, detections: Sequence[Detections], thresholds: Mapping[int, float]) -> list[Mistake]:
    """The heaviest mistake of each picture, heaviest first: surest of what is wrong, largest of what was missed."""
    chosen = []
    for number, (sample, found) in enumerate(zip(dataset.test, detections, strict=True)):
        made = _Picture(number, sample, found, dataset.classes, thresholds).mistakes()
        if made:
            chosen.append(max(made, key=lambda mistake: mistake.weight))
    return sorted(chosen, key=lambda mistake: -mistake.weight)[:MOST]


class _Picture:
    """One test picture and what was found in it."""

    def __init__(
        self,
        number: int,
        sample: Sample,
        found: Detections,
        classes: Sequence[str],
        thresholds: Mapping[int, float],
    ) -> None:
        self._number, self._sample, self._found, self._classes = number, sample, found, classes
        self._percents = Calibration(thresholds).percent(found.labels, found.scores)
        self._pairing = pair(sample, found, thresholds)

    def mistakes(self) -> list[Mistake]:
        near = self._near_misses()
        confused = [
            self._said(Kind.CONFUSED, at, f"{self._the(box)} was taken for {self._a(at)}", box)
            for box, at in self._pairing.pairs
            if self._sample.labels[box] != self._found.labels[at]
        ]
        misplaced = [
            self._said(Kind.MISPLACED, at, f"{self._the(box)} was found, but its box is off", box)
            for box, at in near.items()
        ]
        invented = [self._invented(at) for at in self._pairing.invented if at not in near.values()]
        missed = [self._missed(box) for box in self._pairing.missed if box not in near]
        return [*confused, *misplaced, *invented, *missed]

    def _near_misses(self) -> dict[int, int]:
        """Boxes that were missed, with a detection of their class that lies half beside them."""
        near: dict[int, int] = {}
        for at in self._pairing.invented:
            rows = [box for box in self._pairing.missed if box not in near]
            same = [box for box in rows if self._sample.labels[box] == self._found.labels[at]]
            shared = overlaps(self._sample, self._found.boxes[[at]], self._sample.boxes[same])[0]
            if len(shared) and shared.max() >= _NEAR:
                near[same[int(shared.argmax())]] = at
        return near

    def _invented(self, at: int) -> Mistake:
        shared = overlaps(self._sample, self._found.boxes[[at]], self._sample.boxes)[0]
        twice = np.flatnonzero((shared >= FOUND_FROM) & (self._sample.labels == self._found.labels[at]))
        if len(twice):
            return self._said(Kind.INVENTED, at, f"{_capital(self._a(at))} was seen twice", int(twice[0]))
        return self._said(Kind.INVENTED, at, f"{_capital(self._a(at))} was seen where there is none")

    def _said(self, kind: Kind, at: int, words: str, box: int | None = None) -> Mistake:
        percent = float(self._percents[at])
        return Mistake(self._number, kind, f"{words} ({percent:.0f} %).", percent, box, at)

    def _missed(self, box: int) -> Mistake:
        # A large thing is missed as surely as a detection at 100 % is wrong, a tiny one at 50 %.
        weight = 50 + 50 * float(np.sqrt(self._sample.boxes[box, 2:].prod()))
        return Mistake(self._number, Kind.MISSED, f"{self._the(box)} was missed.", weight, box)

    def _the(self, box: int) -> str:
        return _capital(with_article(self._classes[int(self._sample.labels[box])]))

    def _a(self, at: int) -> str:
        return with_article(self._classes[int(self._found.labels[at])])


def with_article(name: str) -> str:
    """“an arrow”, “a Dog”."""
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _drawn(sample: Sample, found: Detections, mistake: Mistake, classes: Sequence[str]) -> Image.Image:
    """What is there in green, what was said in orange."""
    picture = read_picture(sample).copy()
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    pen = ImageDraw.Draw(picture)
    if mistake.box is not None:
        _outline(
            pen, picture.size, sample.boxes[mistake.box], classes[int(sample.labels[mistake.box])], _TRUTH, below=True
        )
    if mistake.detection is not None:
        at = mistake.detection
        _outline(pen, picture.size, found.boxes[at], classes[int(found.labels[at])], _SAID, below=False)
    return picture


def _outline(
    pen: ImageDraw.ImageDraw,
    size: tuple[int, int],
    box: NDArray[np.float32],
    name: str,
    colour: tuple[int, int, int],
    *,
    below: bool,
) -> None:
    """The name stands under the box or over it, so that two boxes at one place can both be read."""
    width, height = size
    left, top = float(box[0]) * width, float(box[1]) * height
    right, bottom = left + float(box[2]) * width, top + float(box[3]) * height
    pen.rectangle((left, top, right, bottom), outline=colour, width=_LINE)
    font = ImageFont.load_default(_TEXT_SIZE)
    across, down = pen.textbbox((0, 0), name, font=font)[2:]
    x = max(0.0, min(left, width - across - 6))
    y = max(0.0, min(bottom if below else top - down - 6, height - down - 6))
    pen.rectangle((x, y, x + across + 6, y + down + 6), fill=colour)
    pen.text((x + 3, y + 3), name, fill=_INK, font=font)
