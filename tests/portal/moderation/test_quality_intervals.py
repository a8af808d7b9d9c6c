"""Intervals of a share: the numbers others publish, and that they hold the truth as often as they say."""

from __future__ import annotations

import random
from functools import cache
from math import comb
from time import perf_counter

import pytest

from portal.moderation.quality.intervals import LEVEL, Cluster, Interval, clopper_pearson, clustered, incomplete_beta

SHARES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
DRAWS = (5, 6, 8, 10, 15, 20, 30, 50, 80, 100, 150, 200)


@cache
def intervals(of: int) -> list[Interval]:
    return [clopper_pearson(right, of) for right in range(of + 1)]


def chance(right: int, of: int, share: float) -> float:
    """That exactly so many are right."""
    return float(comb(of, right) * share**right * (1 - share) ** (of - right))


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.30849710781876083),
        (10, 10, 0.6915028921812392, 1.0),
        (5, 10, 0.18708602844739863, 0.8129139715526013),
        (18, 20, 0.6830172859809178, 0.9876514728297052),
        (1, 200, 0.00012658102786702744, 0.02754189845720517),
    ],
)
def test_the_exact_interval_is_the_one_of_the_textbooks(right: int, of: int, low: float, high: float) -> None:
    interval = clopper_pearson(right, of)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize("of", DRAWS)
@pytest.mark.parametrize("share", SHARES)
def test_the_true_share_lies_within_in_at_least_95_of_100_samples_of_any_size(of: int, share: float) -> None:
    """Computed, not drawn: the chances of all samples whose interval holds the truth, summed up."""
    held = sum(chance(right, of, share) for right, interval in enumerate(intervals(of)) if interval.holds(share))
    assert held >= LEVEL


def test_ends_leave_half_of_the_rest_on_each_side() -> None:
    """What defines the exact interval: at either end the sample is just as unlikely as is allowed."""
    interval = clopper_pearson(7, 40)
    assert sum(chance(right, 40, interval.low) for right in range(7, 41)) == pytest.approx(0.025)
    assert sum(chance(right, 40, interval.high) for right in range(8)) == pytest.approx(0.025)


def test_a_higher_level_and_fewer_draws_make_it_wider() -> None:
    def width(interval: Interval) -> float:
        return interval.high - interval.low

    assert width(clopper_pearson(45, 50, 0.99)) > width(clopper_pearson(45, 50, 0.95)) > width(clopper_pearson(90, 100))


@pytest.mark.parametrize(("right", "of"), [(-1, 5), (6, 5), (0, 0)])
def test_what_is_no_share_is_refused(right: int, of: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        clopper_pearson(right, of)


@pytest.mark.parametrize("right", [0, 3, 50_000, 95_000, 100_000])
def test_a_hundred_thousand_draws_take_a_moment(right: int) -> None:
    started = perf_counter()
    interval = clopper_pearson(right, 100_000)
    assert perf_counter() - started < 0.5
    assert interval.holds(right / 100_000)
    assert interval.high - interval.low < 0.0063


@pytest.mark.parametrize(("x", "a", "b"), [(0.3, 2, 5), (0.9, 40, 3), (0.01, 1, 1), (0.5, 0.5, 0.5)])
def test_both_sides_of_the_incomplete_beta_function_make_a_whole(x: float, a: float, b: float) -> None:
    assert incomplete_beta(x, a, b) + incomplete_beta(1 - x, b, a) == pytest.approx(1)
    assert incomplete_beta(0, a, b) == 0
    assert incomplete_beta(1, a, b) == 1


def test_findings_of_one_image_each_are_draws_of_their_own() -> None:
    clusters = [Cluster(1, 1)] * 18 + [Cluster(0, 1)] * 2
    assert clustered(clusters) == clopper_pearson(18, 20)


def test_findings_of_few_images_tell_less_than_as_many_of_their_own() -> None:
    many = clustered([Cluster(9, 10), Cluster(8, 10)])
    assert many.low < clopper_pearson(17, 20).low
    assert many.high > clopper_pearson(17, 20).high


@pytest.mark.parametrize("images", [3, 10, 40])
@pytest.mark.parametrize("alike", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("share", [0.6, 0.9, 0.97])
def test_the_interval_of_all_labels_together_holds_the_truth_however_alike_an_images_findings_are(
    images: int, alike: float, share: float
) -> None:
    chooser = random.Random(f"{images} {alike} {share}")
    samples = 300
    held = sum(clustered([_image(chooser, share, alike) for _ in range(images)]).holds(share) for _ in range(samples))
    # Three standard errors of the simulation below what is promised.
    assert held / samples >= LEVEL - 3 * (LEVEL * (1 - LEVEL) / samples) ** 0.5


def _image(chooser: random.Random, share: float, alike: float) -> Cluster:
    """One to nine findings whose correlation within the image is `alike` (beta-binomial)."""
    of = chooser.randint(1, 9)
    if alike == 1:
        return Cluster(of if chooser.random() < share else 0, of)
    strength = (1 - alike) / alike if alike else None
    here = chooser.betavariate(share * strength, (1 - share) * strength) if strength else share
    return Cluster(sum(chooser.random() < here for _ in range(of)), of)
