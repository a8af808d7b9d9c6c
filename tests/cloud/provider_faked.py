"""What moto cannot make: recorded in the stack's state with the outputs that AWS would give, each with its reason."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Mapping
from typing import Any

Made = tuple[str, dict[str, Any]]


def _random_password(account: Any, name: str, inputs: dict[str, Any], before: Any) -> Made:
    """Made on the machine of whoever deploys, and kept in the state."""
    alphabet = string.ascii_letters + string.digits
    return "none", {"result": "".join(secrets.choice(alphabet) for _ in range(int(inputs["length"])))}


def _recorded(account: Any, name: str, inputs: dict[str, Any], before: Any) -> Made:
    return name, {}


FAKED: Mapping[str, Callable[..., Made]] = {
    "random:index/randomPassword:RandomPassword": _random_password,
    # moto knows no detection of loops.
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": _recorded,
}
