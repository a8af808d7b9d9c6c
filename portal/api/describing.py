"""What a route is called in the OpenAPI document. What the document says of it is elsewhere (portal.api.operations…).

What makes the document is loaded by nothing that answers requests: it takes its time, and is not there on AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.urls import URLPattern

METHODS = ("get", "post", "put", "patch", "delete")
# How authentication by token is called in the document.
SCHEME = "token"
Operation = dict[str, Any]
_T = TypeVar("_T", bound=Callable[..., Any])


def described(operation_id: str) -> Callable[[_T], _T]:
    """For a method of a view: which operation of the document it is."""

    def describe(method: _T) -> _T:
        method.operation_id = operation_id  # type: ignore[attr-defined]
        return method

    return describe


def operation(**options: Any) -> Operation:
    """What is said of an operation: whatever drf-spectacular's `extend_schema` takes, with its `operation_id`."""
    return options


def described_methods(patterns: Iterable[URLPattern]) -> list[tuple[Callable[..., Any], str]]:
    """The methods of the views behind `patterns` with the operations that they are."""
    views = [getattr(pattern.callback, "cls", None) for pattern in patterns]
    methods = [getattr(view, name) for view in views for name in METHODS if hasattr(view, name)]
    return [(method, method.operation_id) for method in methods if hasattr(method, "operation_id")]
