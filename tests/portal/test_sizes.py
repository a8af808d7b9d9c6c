"""Sizes as people read them."""

import pytest

from portal.templatetags.sizes import size


@pytest.mark.parametrize(
    ("byte_count", "shown"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1 kB"),
        (50_000_000, "50 MB"),
        (47_683_716, "47.7 MB"),
        (999_990, "1 MB"),
        (20_000_000_000, "20 GB"),
        (3_000_000_000_000_000, "3,000 TB"),
    ],
)
def test_sizes_count_in_thousands(byte_count: int, shown: str) -> None:
    assert size(byte_count) == shown
