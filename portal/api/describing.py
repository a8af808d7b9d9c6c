"""What a route says of itself, put aside until somebody asks for the OpenAPI document.

drf-spectacular's own decorator would load all that makes it, in every process that answers anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.urls import URLPattern

METHODS = ("get", "post", "put", "patch", "delete")
_T = TypeVar("_T", bound=Callable[..., Any])


def described(**options: Any) -> Callable[[_T], _T]:
    """For a method of a view: takes what drf-spectacular's `extend_schema` does."""

    def describe(method: _T) -> _T:
        method.described = options  # type: ignore[attr-defined]
        return method

    return describe


def described_methods(patterns: Iterable[URLPattern]) -> list[tuple[Callable[..., Any], dict[str, Any]]]:
    """The methods of the views behind `patterns` with what was said of them."""
    views = [getattr(pattern.callback, "cls", None) for pattern in patterns]
    methods = [getattr(view, name) for view in views for name in METHODS if hasattr(view, name)]
    return [(method, method.described) for method in methods if hasattr(method, "described")]
