"""What asking a paid detector costs, in micro-dollars (a millionth of a US dollar) for each call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from recognition.detectors import Detector

MICRO_USD: Final = 1_000_000
"""So many to a dollar."""

IMAGE_PROPERTIES: Final = "rekognition-properties"
"""Image properties come with the labels' call and are billed beside them."""

# https://aws.amazon.com/rekognition/pricing/, US East, up to a million images a month and API. A SageMaker endpoint is
# paid by its compute, not by the call.
_PRICES: Final[Mapping[str, int]] = {
    "rekognition": 1000,
    IMAGE_PROPERTIES: 750,
    "rekognition-moderation": 1000,
    "rekognition-text": 1000,
    "sagemaker": 0,
}


class PriceTableError(ValueError):
    """A price table that cannot be used; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Micro-dollars for each call by the detector's name, and the day on which they were looked up.

    A detector that is not listed costs nothing.
    """

    as_of: date = date(2026, 11, 22)
    micro_usd: Mapping[str, int] = field(default_factory=lambda: _PRICES)

    def __post_init__(self) -> None:
        for name, price in self.micro_usd.items():
            if not isinstance(price, int) or isinstance(price, bool) or price < 0:
                raise PriceTableError(f"the price of “{name}” must be whole micro-dollars of 0 or more, not {price!r}")

    @classmethod
    def from_json(cls, document: str) -> PriceTable:
        """Read `{"as_of": "2026-01-31", "micro_usd": {"rekognition": 1000}}`; prices not named stay as they are here.

        Raises PriceTableError.
        """
        try:
            values: Any = json.loads(document)
            as_of = date.fromisoformat(values["as_of"])
            changed = dict(values["micro_usd"])
        except (ValueError, KeyError, TypeError) as error:
            raise PriceTableError(f"not a price table: {error!r}") from error
        unknown = sorted(changed.keys() - _PRICES.keys())
        if unknown:
            raise PriceTableError(f"no price is asked for {unknown}; the names are {', '.join(_PRICES)}")
        return cls(as_of, {**_PRICES, **changed})

    def cost_of(self, detector: Detector) -> int:
        """What one answer of this detector, as it is set, is billed; 0 for one that is not paid."""
        if not detector.paid:
            return 0
        features = detector.settings.get("features")
        if not isinstance(features, list):
            return self.micro_usd.get(detector.name, 0)
        labels = self.micro_usd.get(detector.name, 0) if "GENERAL_LABELS" in features else 0
        return labels + (self.micro_usd.get(IMAGE_PROPERTIES, 0) if "IMAGE_PROPERTIES" in features else 0)


DEFAULT_PRICES: Final = PriceTable()
