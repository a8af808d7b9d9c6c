"""From a network's scores to percentages that mean the same for every class.

One class is best cut at a score of 0.3, another at 0.6; a page that shows everything from 50 % on should show what
both cuts would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Calibration:
    """By class number, the score (above 0, below 1) that becomes 50 %; 0 stays 0 and 1 becomes 100 %.

    Straight lines between, so that of two scores of a class the higher one always becomes the higher percentage. A
    class at 0.5, or one that is not named, keeps its scores. Raises ValueError for a threshold out of bounds.
    """

    thresholds: Mapping[int, float]

    def __post_init__(self) -> None:
        for threshold in self.thresholds.values():
            if not 0 < threshold < 1:
                raise ValueError(f"a threshold lies between 0 and 1, and {threshold} does not")

    def percent(self, labels: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """Of detections of these classes (n,) with these scores from 0 to 1 (n,): 0 to 100, (n,)."""
        exact = scores.astype(np.float64)
        cuts = np.array([self.thresholds.get(label, 0.5) for label in labels.tolist()], np.float64)
        stretched = np.where(exact < cuts, 50 * exact / cuts, 50 + 50 * (exact - cuts) / (1 - cuts))
        return np.minimum(100.0, np.where(cuts == 0.5, 100 * exact, stretched))
