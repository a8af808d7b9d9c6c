"""Tests that need what is not on every machine: they skip, saying so, unless it is required to be there."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def required(name: str, reason: str) -> NoReturn:
    """Skip the test for want of `name`, or fail it where IMAGESIFT_TESTS_REQUIRE lists that name.

    At the top of a module all of its tests.
    """
    if name in os.environ.get("IMAGESIFT_TESTS_REQUIRE", "").split(","):
        pytest.fail(f"{reason}, and IMAGESIFT_TESTS_REQUIRE asks for it")
    pytest.skip(f"{reason}: not tested", allow_module_level=True)
