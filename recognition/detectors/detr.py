"""What the two outputs of a detector of the DETR family mean, for one picture: whoever ran the network."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

# These spend their last class on "nothing here" and share certainty out among classes; the others judge each class
# by itself.
WITH_NO_OBJECT: Final = frozenset({"detr", "table-transformer", "yolos"})

Floats = NDArray[np.float32]


class Surest(NamedTuple):
    """n detections, surest first where the family judges each class by itself: classes (n,), scores from 0 to 1 (n,)
    and corners left, top, right, bottom as fractions of the picture (n, 4), which may reach beyond it."""

    labels: NDArray[np.int64]
    scores: Floats
    corners: Floats


def outputs_wanted(model_type: str, classes: int) -> int:
    """How many numbers the network gives for each query when it knows so many classes."""
    return classes + (model_type in WITH_NO_OBJECT)


def shares(model_type: str, logits: Floats) -> Floats:
    """Scores from 0 to 1 of each query for each class (queries x classes), without the one for "nothing here"."""
    if model_type not in WITH_NO_OBJECT:
        return (1 / (1 + np.exp(-logits))).astype(np.float32)
    powers: Floats = np.exp(logits - logits.max(-1, keepdims=True))
    each: Floats = (powers / powers.sum(-1, keepdims=True))[:, :-1]
    return each


def corners(boxes: Floats) -> Floats:
    """Left, top, right, bottom from center, width and height."""
    centers, sizes = boxes[:, :2], boxes[:, 2:]
    return np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=1)


def surest(model_type: str, logits: Floats, boxes: Floats) -> Surest:
    """As many detections as there are queries, as the transformers library has it.

    Queries x classes logits, queries x 4 boxes (center, width, height as fractions).
    """
    each = shares(model_type, logits)
    if model_type in WITH_NO_OBJECT:
        queries = np.arange(len(each))
        labels = each.argmax(-1)
    else:
        places = np.argsort(-each.ravel(), kind="stable")[: len(logits)]
        queries, labels = places // logits.shape[1], places % logits.shape[1]
    return Surest(labels, each[queries, labels], corners(boxes[queries]))
