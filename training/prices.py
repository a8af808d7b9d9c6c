"""What a training job costs, as far as list prices say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SOURCE: Final = "https://aws.amazon.com/sagemaker/ai/pricing/"
PRICES_OF: Final = "us-east-1, 2025"
# US dollars an hour of training on demand. Other regions cost more, some by a half.
HOURLY: Final[Mapping[str, float]] = {
    "ml.g4dn.xlarge": 0.736,
    "ml.g4dn.2xlarge": 0.94,
    "ml.g4dn.12xlarge": 4.89,
    "ml.g5.xlarge": 1.408,
    "ml.g5.2xlarge": 1.515,
    "ml.g5.4xlarge": 2.03,
    "ml.g5.12xlarge": 7.09,
    "ml.g6.xlarge": 1.1267,
    "ml.g6.2xlarge": 1.222,
    "ml.g6.12xlarge": 5.752,
}
# AWS: spot training costs up to 90 % less. It may also cost as much: the price follows demand.
_LARGEST_DISCOUNT: Final = 0.9


@dataclass(frozen=True, slots=True)
class Cost:
    """Of so many hours: US dollars on demand, and the least that it may be on spot."""

    on_demand: float
    least: float


def cost(instance: str, hours: float, *, spot: bool, hourly: float | None = None) -> Cost | None:
    """At `hourly` US dollars, or the list price. None for an instance type whose price is not known here."""
    hourly = HOURLY.get(instance) if hourly is None else hourly
    if hourly is None:
        return None
    return Cost(hourly * hours, hourly * hours * (1 - _LARGEST_DISCOUNT if spot else 1))


def dollars(amount: float) -> str:
    return f"${amount:,.2f}"
