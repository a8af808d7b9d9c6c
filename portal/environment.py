"""Reading settings from the environment: a wrong value stops the start with an error that names it."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from recognition.prices import DEFAULT_PRICES, PriceTable, PriceTableError

env = environ.Env()
# Where nothing but the storages can be reached: see portal.outbox.
env.EMAIL_SCHEMES["outbox"] = "portal.outbox.OutboxBackend"


def choice(name: str, options: tuple[str, ...], default: str) -> str:
    value: str = env.str(name, default=default)
    if value not in options:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(options)}, not {value!r}")
    return value


def number(name: str, default: int, *, at_least: int = 0) -> int:
    value = env.str(name, default=str(default))
    try:
        parsed = int(value.replace("_", ""))
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from None
    if parsed < at_least:
        raise ImproperlyConfigured(f"{name} must be at least {at_least}, not {parsed}")
    return parsed


def percent(name: str, default: float) -> float:
    value = env.str(name, default=str(default))
    try:
        parsed = float(value)
    except ValueError:
        parsed = -1
    if not 0 <= parsed <= 100:
        raise ImproperlyConfigured(f"{name} must be a percentage between 0 and 100, not {value!r}")
    return parsed


def rate(name: str, default: float) -> float:
    """So many a second: a number above 0."""
    value = env.str(name, default=str(default))
    try:
        parsed = float(value)
    except ValueError:
        parsed = 0
    if not 0 < parsed < float("inf"):
        raise ImproperlyConfigured(f"{name} must be a number above 0, not {value!r}")
    return parsed


def dollars(name: str) -> Decimal | None:
    """An amount of US dollars, 0 or more; None where it is not set or empty."""
    value = env.str(name, default="").strip()
    if not value:
        return None
    try:
        parsed = Decimal(value)
    except InvalidOperation:
        parsed = Decimal(-1)
    if not parsed.is_finite() or parsed < 0:
        raise ImproperlyConfigured(f"{name} must be an amount in US dollars, 0 or more, not {value!r}")
    return parsed


def price_table(name: str) -> PriceTable:
    """What paid detectors cost, as JSON; the prices that we know where it is not set or empty."""
    value = env.str(name, default="").strip()
    if not value:
        return DEFAULT_PRICES
    try:
        return PriceTable.from_json(value)
    except PriceTableError as error:
        raise ImproperlyConfigured(f"{name} cannot be used: {error}") from error


def secret(name: str) -> str:
    """A secret without a default: where it is not set, the start stops here."""
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} must be set in production")
    return value


def kept_secret(path: Path) -> str:
    """A secret made on the first call and kept in `path`, readable by its owner alone: the laptop's way."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written under another name first: a process that starts at the same moment must never read half a secret.
        descriptor, written = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
        with suppress(FileExistsError):
            os.link(written, path)
        Path(written).unlink()
    return path.read_text()
