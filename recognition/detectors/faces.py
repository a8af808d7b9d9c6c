"""Faces, frontal and in profile, by OpenCV's Haar cascades, tuned to be right rather than to find every face."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from recognition.detectors import Findings
from recognition.image import PreparedImage
from recognition.result import Box, Instance, Label

if TYPE_CHECKING:
    import cv2

_LONGEST_SIDE = 960
_MAX_ENLARGEMENT = 4.0
_MIN_SIDE_PX = 24
_MIN_FACE = 0.035
_MIN_PROFILE = 0.10
_SAME_FACE_IOU = 0.4
_OVERLAPPING_IOU = 0.2

_FRONTAL_WEIGHTS = (54.0, 57.5)
_CONFIRMING_WEIGHTS = (-1.0, 10.0)
_PROFILE_WEIGHTS = (1.5, 4.5)
# Over 18 re-encodings, sizes and brightnesses each, petals and cloth reach 0.4 and clear faces do not fall below 3.5.
_LEAST_CONFIRMING_WEIGHT = 1.5


@dataclass(frozen=True, slots=True)
class _Face:
    """A square in pixels of the searched image, and a confidence in percent."""

    left: int
    top: int
    side: int
    confidence: float

    def iou(self, other: _Face) -> float:
        width = min(self.left + self.side, other.left + other.side) - max(self.left, other.left)
        height = min(self.top + self.side, other.top + other.side) - max(self.top, other.top)
        shared = max(width, 0) * max(height, 0)
        return shared / (self.side**2 + other.side**2 - shared)


@dataclass(frozen=True, slots=True)
class _Cascades:
    frontal: cv2.CascadeClassifier
    confirming: cv2.CascadeClassifier
    profile: cv2.CascadeClassifier


class FaceDetector:
    """One "Face" label with a box for each face; no label where no face is surely seen.

    A frontal face counts when two cascades trained apart (`frontalface_alt2`, then `frontalface_default` around what
    the first proposed) agree on it. A profile needs many overlapping hits and a strong weight, its image also mirrored
    because the cascade knows one side only. What overlaps a surer face is dropped.

    Confidence comes from the weight of a cascade's last stage, scaled from where textures without faces still
    reach (0) to where the clearest twentieth of the faces in scikit-image's LFW subset lie (1). Frontal: 60 + 39 times
    the mean of both cascades' weights; profile: 50 + 30 times its weight, as one cascade is worth less than two.
    """

    name: Final = "faces"
    paid: Final = False
    settings: Final[Mapping[str, object]] = {"longest_side": _LONGEST_SIDE, "min_face": _MIN_FACE, "tuning": 2}

    def __init__(self) -> None:
        self._idle: list[_Cascades] = []

    @property
    def version(self) -> str:
        return f"opencv-{importlib.metadata.version('opencv-python-headless')}"

    def detect(self, image: PreparedImage) -> Findings:
        grey = _grey(image.pixels)
        faces = _surest(self._search(grey))
        height, width = grey.shape
        instances = []
        for face in faces:
            box = Box.clipped(
                face.left / width,
                face.top / height,
                (face.left + face.side) / width,
                (face.top + face.side) / height,
            )
            if box is not None:
                instances.append(Instance(face.confidence, box))
        return Findings(labels=_labels(tuple(instances)))

    def _search(self, grey: NDArray[np.uint8]) -> list[_Face]:
        mirrored = np.ascontiguousarray(grey[:, ::-1])
        width = grey.shape[1]
        with self._cascades() as cascades:
            left_profiles = _profiles(cascades, grey)
            right_profiles = [
                _Face(width - face.left - face.side, face.top, face.side, face.confidence)
                for face in _profiles(cascades, mirrored)
            ]
            return [*_frontals(cascades, grey), *left_profiles, *right_profiles]

    @contextmanager
    def _cascades(self) -> Iterator[_Cascades]:
        """Cascades for one search at a time: OpenCV's hold the image that they are searching."""
        try:
            cascades = self._idle.pop()
        except IndexError:
            cascades = _Cascades(_load("frontalface_alt2"), _load("frontalface_default"), _load("profileface"))
        try:
            yield cascades
        finally:
            self._idle.append(cascades)


def _load(name: str) -> cv2.CascadeClassifier:
    import cv2
    import cv2.data

    return cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / f"haarcascade_{name}.xml"))


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma, scaled so that its longest side is 960 px where at most fourfold enlargement gets it there."""
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    factor = min(_LONGEST_SIDE / max(grey.shape), _MAX_ENLARGEMENT)
    size = (max(round(grey.shape[1] * factor), 1), max(round(grey.shape[0] * factor), 1))
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size, interpolation=interpolation), dtype=np.uint8)


def _frontals(cascades: _Cascades, grey: NDArray[np.uint8]) -> list[_Face]:
    smallest = max(_MIN_SIDE_PX, round(_MIN_FACE * min(grey.shape)))
    found = []
    for proposal, weight in _hits(cascades.frontal, grey, min_side=smallest, neighbors=4):
        confirming = _confirming_weight(cascades.confirming, grey, proposal)
        if confirming is not None and confirming >= _LEAST_CONFIRMING_WEIGHT:
            certainty = (_scaled(weight, _FRONTAL_WEIGHTS) + _scaled(confirming, _CONFIRMING_WEIGHTS)) / 2
            found.append(_Face(proposal.left, proposal.top, proposal.side, round(60 + 39 * certainty, 2)))
    return found


def _confirming_weight(cascade: cv2.CascadeClassifier, grey: NDArray[np.uint8], proposal: _Face) -> float | None:
    """The weight that a second cascade gives the same face, looking only around it; None when it sees none."""
    margin = proposal.side // 2
    left, top = max(proposal.left - margin, 0), max(proposal.top - margin, 0)
    around = grey[top : proposal.top + proposal.side + margin, left : proposal.left + proposal.side + margin]
    sides = {"min_side": round(proposal.side * 0.7), "max_side": round(proposal.side * 1.5)}
    weights = [
        weight
        for hit, weight in _hits(cascade, np.ascontiguousarray(around), neighbors=4, **sides)
        if _Face(hit.left + left, hit.top + top, hit.side, 0).iou(proposal) >= _SAME_FACE_IOU
    ]
    return max(weights, default=None)


def _profiles(cascades: _Cascades, grey: NDArray[np.uint8]) -> list[_Face]:
    smallest = max(_MIN_SIDE_PX, round(_MIN_PROFILE * min(grey.shape)))
    hits = _hits(cascades.profile, grey, min_side=smallest, neighbors=6)
    return [
        _Face(hit.left, hit.top, hit.side, round(50 + 30 * _scaled(weight, _PROFILE_WEIGHTS), 2))
        for hit, weight in hits
        if weight >= _PROFILE_WEIGHTS[0]
    ]


def _hits(
    cascade: cv2.CascadeClassifier,
    grey: NDArray[np.uint8],
    *,
    min_side: int,
    neighbors: int,
    max_side: int = 0,
) -> list[tuple[_Face, float]]:
    """Where the cascade fires, with the weight of its last stage (higher is surer; the range is the cascade's own)."""
    squares: Any
    squares, _, weights = cascade.detectMultiScale3(
        grey,
        scaleFactor=1.1,
        minNeighbors=neighbors,
        minSize=(min_side, min_side),
        maxSize=(max_side, max_side),
        outputRejectLevels=True,
    )
    return [
        (_Face(int(left), int(top), int(side), 0), float(weight))
        for (left, top, side, _), weight in zip(squares, weights, strict=True)
    ]


def _scaled(weight: float, bounds: tuple[float, float]) -> float:
    low, high = bounds
    return min(max((weight - low) / (high - low), 0.0), 1.0)


def _surest(faces: list[_Face]) -> list[_Face]:
    """Non-maximum suppression over all cascades together."""
    kept: list[_Face] = []
    for face in sorted(faces, key=lambda face: (-face.confidence, face.left, face.top)):
        if all(face.iou(other) < _OVERLAPPING_IOU for other in kept):
            kept.append(face)
    return kept


def _labels(instances: tuple[Instance, ...]) -> tuple[Label, ...]:
    if not instances:
        return ()
    face = Label(
        name="Face",
        confidence=max(instance.confidence for instance in instances),
        detector=FaceDetector.name,
        parents=("Head", "Person"),
        categories=("Person Description",),
        instances=instances,
    )
    return (face,)
