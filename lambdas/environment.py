"""Frozen dataclasses read from environment variables: each field is the variable of its name in capitals."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, field, fields
from typing import Any, Self


class ConfigurationError(Exception):
    """A variable that is missing or wrong; the message begins with its name."""


def variable(parse: Callable[[str], Any], *, default: Any = MISSING) -> Any:
    """A field read by `parse`, whose ValueError says what was expected. Without a default it must be set.

    A variable that is set to nothing counts as not set.
    """
    return field(metadata={"parse": parse}, **({} if default is MISSING else {"default": default}))


class FromEnvironment:
    """Gives a frozen dataclass of `variable` fields its reader, and says which variables that reads."""

    __slots__ = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Raises ConfigurationError, naming the first variable that is missing or wrong."""
        read = {entry.name: _read(entry, environment) for entry in _fields(cls)}
        return cls(**{name: value for name, value in read.items() if value is not MISSING})

    @classmethod
    def required(cls) -> frozenset[str]:
        """The variables that must be set."""
        return frozenset(_name(entry) for entry in _fields(cls) if entry.default is MISSING)

    @classmethod
    def accepted(cls) -> frozenset[str]:
        """All variables that are read, required or not."""
        return frozenset(_name(entry) for entry in _fields(cls))


def _fields(cls: Any) -> tuple[Field[Any], ...]:
    return fields(cls)


def _name(entry: Field[Any]) -> str:
    return entry.name.upper()


def _read(entry: Field[Any], environment: Mapping[str, str]) -> Any:
    name = _name(entry)
    written = environment.get(name, "").strip()
    if not written:
        if entry.default is MISSING:
            raise ConfigurationError(f"{name} is not set.")
        return MISSING
    try:
        return entry.metadata["parse"](written)
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from error
