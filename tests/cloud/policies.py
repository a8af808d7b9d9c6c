"""Decides what IAM policy documents allow: actions, resources and conditions, as AWS evaluates them.

Moto's own evaluation knows the resources of S3 and SQS only and no conditions, so that it refuses every policy that
names a table or a log group. An operator that is not known here raises: nothing passes because it was not understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

Context = Mapping[str, str]
"""Condition keys in lower case and their values."""


def allows(
    documents: Iterable[Mapping[str, Any]], action: str, resource: str, context: Context, principal: str | None = None
) -> bool:
    """True when some statement allows and none denies. With a principal, only statements that name it count."""
    allowed = False
    for statement in _statements(documents):
        if _concerns(statement, action, resource, context, principal):
            if statement["Effect"] == "Deny":
                return False
            allowed = True
    return allowed


def denies(
    documents: Iterable[Mapping[str, Any]], action: str, resource: str, context: Context, principal: str
) -> bool:
    """True when some statement denies it expressly, which no other policy can undo."""
    return any(
        statement["Effect"] == "Deny" and _concerns(statement, action, resource, context, principal)
        for statement in _statements(documents)
    )


def _statements(documents: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    for document in documents:
        statements = document["Statement"]
        yield from statements if isinstance(statements, list) else [statements]


def _concerns(
    statement: Mapping[str, Any], action: str, resource: str, context: Context, principal: str | None
) -> bool:
    if principal is not None and not _names(statement["Principal"], principal):
        return False
    return (
        _matches(statement, "Action", action.lower(), lower=True)
        and _matches(statement, "Resource", resource)
        and all(_holds(operator, keys, context) for operator, keys in statement.get("Condition", {}).items())
    )


def _names(principals: str | Mapping[str, Any], principal: str) -> bool:
    if principals == "*":
        return True
    assert isinstance(principals, Mapping), principals
    named = [name for names in principals.values() for name in _listed(names)]
    return principal in named or "*" in named


def _matches(statement: Mapping[str, Any], element: str, value: str, *, lower: bool = False) -> bool:
    negated = f"Not{element}" in statement
    # A role's trust policy has no resource: it is the role.
    patterns = _listed(statement.get(f"Not{element}" if negated else element, "*"))
    found = any(like(pattern.lower() if lower else pattern, value) for pattern in patterns)
    return found is not negated


def like(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringLike": like,
    "ArnEquals": like,
    "ArnLike": like,
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
    "NumericLessThan": lambda wanted, found: float(found) < float(wanted),
}
_NEGATED = {"StringNotEquals": "StringEquals", "StringNotLike": "StringLike", "ArnNotLike": "ArnLike"}


def _holds(operator: str, keys: Mapping[str, Any], context: Context) -> bool:
    name = operator.removeprefix("ForAnyValue:").removesuffix("IfExists")
    negated = name in _NEGATED
    test = _TESTS[_NEGATED.get(name, name)]
    for key, wanted in keys.items():
        found = context.get(key.lower())
        if found is None:
            # Only a negated or an "if exists" operator is content with a key that the request does not have.
            if negated or operator.endswith("IfExists"):
                continue
            return False
        if any(test(str(value), found) for value in _listed(wanted)) is negated:
            return False
    return True
