"""Stack configuration as frozen dataclasses: each field is the key of its name in camelCase.

Pulumi hands every value over as text: plain text for numbers, truths and words, JSON for lists and objects.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

import pulumi

T = TypeVar("T")


class ConfigError(pulumi.RunError):
    """A key that is unknown or wrong; the message begins with its name, and is all that Pulumi shows of it."""


@dataclass(frozen=True)
class Kind(Generic[T]):
    """What a value may be: in words for the documentation, and as a parser that raises ValueError with a sentence."""

    words: str
    parse: Callable[[str], T]


def setting(kind: Kind[Any], *, default: Any, effect: str, default_words: str | None = None) -> Any:
    """A field read from the key of its name; `effect` says in a sentence what it does."""
    words = written(default) if default_words is None else default_words
    return field(default=default, metadata={"kind": kind, "effect": effect, "default_words": words})


def written(value: object) -> str:
    """A default as the documentation shows it."""
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return json.dumps(list(value))
    if isinstance(value, bool):
        return json.dumps(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def key_of(name: str) -> str:
    """`monthly_budget_usd` → `monthlyBudgetUsd`."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


@dataclass(frozen=True)
class Documented:
    """One row of docs/stack-configuration.md."""

    key: str
    type: str
    default: str
    effect: str


def documented(kind: type) -> tuple[Documented, ...]:
    """Every key that a dataclass of settings reads, in its order."""
    return tuple(
        Documented(
            key_of(each.name), each.metadata["kind"].words, each.metadata["default_words"], each.metadata["effect"]
        )
        for each in fields(kind)
        if "kind" in each.metadata
    )


def read_settings(kind: type, values: Mapping[str, str], namespace: str) -> dict[str, Any]:
    """The fields of `kind` that `values` sets, parsed. Raises ConfigError for an unknown key or a wrong value."""
    known = {key_of(each.name): each for each in fields(kind) if "kind" in each.metadata}
    for key in values:
        if key not in known:
            raise ConfigError(
                f"{namespace}:{key} is no setting of this program; docs/stack-configuration.md lists them."
            )
    read: dict[str, Any] = {}
    for key, entry in known.items():
        if key not in values:
            continue
        try:
            read[entry.name] = entry.metadata["kind"].parse(values[key].strip())
        except ValueError as error:
            raise ConfigError(f"{namespace}:{key} {error}") from error
    return read


# Kinds of values ------------------------------------------------------------------------------------------------------


def whole(at_least: int, at_most: int | None = None) -> Kind[int]:
    """A whole number within bounds, both included."""
    words = (
        f"a whole number of {at_least} or more" if at_most is None else f"a whole number from {at_least} to {at_most}"
    )

    def parse(text: str) -> int:
        if not re.fullmatch(r"\d+", text) or int(text) < at_least or (at_most is not None and int(text) > at_most):
            raise ValueError(f"must be {words}, not “{text}”.")
        return int(text)

    return Kind(words, parse)


def number(at_least: float, at_most: float = math.inf, step: float | None = None) -> Kind[float]:
    """A number within bounds, both included, and in steps if `step` is given."""
    words = f"a number of {at_least:g} or more" if at_most == math.inf else f"a number from {at_least:g} to {at_most:g}"
    words += "" if step is None else f" in steps of {step:g}"

    def parse(text: str) -> float:
        value = float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else math.nan
        in_steps = step is None or (value / step).is_integer()
        if not (at_least <= value <= at_most and in_steps):
            raise ValueError(f"must be {words}, not “{text}”.")
        return value

    return Kind(words, parse)


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"must be true or false, not “{text}”.")
    return text == "true"


truth: Kind[bool] = Kind("true or false", _truth)


def pattern(words: str, expression: str) -> Kind[str]:
    """Text that matches the whole expression."""

    def parse(text: str) -> str:
        if not re.fullmatch(expression, text):
            raise ValueError(f"must be {words}, not “{text}”.")
        return text

    return Kind(words, parse)


def one_of(*choices: str) -> Kind[str]:
    """One of the choices."""
    return pattern(f"one of {', '.join(choices)}", "|".join(re.escape(choice) for choice in choices))


def whole_of(*choices: int) -> Kind[int]:
    """One of these whole numbers."""
    texts = one_of(*map(str, choices))
    return Kind(texts.words, lambda text: int(texts.parse(text)))


def some_of(*choices: str) -> Kind[tuple[str, ...]]:
    """A list of at least one of the choices, none of them twice; also as one text with commas."""
    words = f"a list of {', '.join(choices)}"

    def parse(text: str) -> tuple[str, ...]:
        names = _json(text, list, words) if text.startswith("[") else [name.strip() for name in text.split(",")]
        if not names or any(name not in choices for name in names) or len(set(names)) < len(names):
            raise ValueError(f"must be {words}, each at most once, not “{text}”.")
        return tuple(names)

    return Kind(words, parse)


def list_of(words: str, kind: Kind[T]) -> Kind[tuple[T, ...]]:
    """A list whose every member is of a kind, none of them twice; also as one text with commas."""

    def parse(text: str) -> tuple[T, ...]:
        written = _json(text, list, words) if text.startswith("[") else [part.strip() for part in text.split(",")]
        try:
            parsed = tuple(kind.parse(part) for part in written if isinstance(part, str))
        except ValueError:
            parsed = ()
        if len(set(parsed)) < len(written):
            raise ValueError(f"must be {words}, each at most once, not “{text}”.")
        return parsed

    return Kind(words, parse)


def mapping(words: str, fits: Callable[[str, object], bool]) -> Kind[dict[str, Any]]:
    """An object whose every entry fits."""

    def parse(text: str) -> dict[str, Any]:
        entries = _json(text, dict, words)
        wrong = next((key for key, value in entries.items() if not fits(key, value)), None)
        if wrong is not None:
            raise ValueError(f"must be {words}; “{wrong}” is not.")
        return entries

    return Kind(words, parse)


def _json(text: str, kind: type[T], words: str) -> T:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, kind):
        raise ValueError(f"must be {words}, not “{text}”.")
    return value
