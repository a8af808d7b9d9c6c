"""Policy documents as they stand in resources' properties."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PROPERTIES = ("policy", "assumeRolePolicy")


def statements(props: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every statement of every policy document among a resource's properties."""
    for name in _PROPERTIES:
        document = props.get(name)
        if document:
            found = json.loads(document)["Statement"]
            yield from found if isinstance(found, list) else [found]


def allowed(props: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The statements that allow something."""
    return (each for each in statements(props) if each["Effect"] == "Allow")


def listed(value: str | Sequence[str] | None) -> list[str]:
    """IAM writes a list of one as it writes the one."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def refuses_without_tls(props: Mapping[str, Any]) -> bool:
    """Whether everybody is denied everything, or all that the resource can do, without TLS."""
    return any(
        each["Effect"] == "Deny"
        and each.get("Principal") == "*"
        and each.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") == "false"
        for each in statements(props)
    )


def is_open_to_all(statement: Mapping[str, Any]) -> bool:
    """Whether anybody at all is meant."""
    principal = statement.get("Principal")
    return principal == "*" or (isinstance(principal, Mapping) and "*" in listed(principal.get("AWS")))
