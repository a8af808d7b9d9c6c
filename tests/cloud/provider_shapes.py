"""From a resource's properties to the input of the AWS operation that makes it, driven by botocore's own shapes.

`cidrBlock` finds the member `CidrBlock`, whatever its capitals. A property that finds none fails the test: either the
program sets something that AWS does not know, or the table of operations must say where it goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape


class UnknownProperty(Exception):
    """A property that the AWS operation has no member for."""


def parameters(shape: StructureShape, properties: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """`names` maps properties to members, the dots of which lead into structures and maps: `Attributes.Policy`."""
    placed: dict[str, Any] = {}
    for name, value in properties.items():
        *outer, last = names.get(name, name).split(".")
        target = placed
        for step in outer:
            target = target.setdefault(step, {})
        target[last] = value
    filled: dict[str, Any] = _converted(shape, placed, shape.name)
    return filled


def _converted(shape: Shape, value: Any, path: str) -> Any:
    if isinstance(shape, StructureShape):
        return _structure(shape, value, path)
    if isinstance(shape, ListShape):
        return _list(shape, value, path)
    if isinstance(shape, MapShape):
        return {key: _converted(shape.value, entry, f"{path}.{key}") for key, entry in value.items()}
    if shape.type_name == "string":
        return str(value).lower() if isinstance(value, bool) else _text(value)
    if shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name in ("double", "float"):
        return float(value)
    return value


def _structure(shape: StructureShape, value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, list):
        (value,) = value
    members = {name.lower(): name for name in shape.members}
    filled = {}
    for name, entry in value.items():
        member = members.get(name.lower())
        if member is None:
            raise UnknownProperty(f"{path} has no member for {name!r}; it has {', '.join(shape.members)}")
        if entry is not None:
            filled[member] = _converted(shape.members[member], entry, f"{path}.{member}")
    return filled


def _list(shape: ListShape, value: Any, path: str) -> list[Any]:
    entry_shape = shape.member
    if isinstance(value, dict) and isinstance(entry_shape, StructureShape):
        members = {name.lower(): name for name in entry_shape.members}
        if len(members) == 2 and "value" in members:
            (key_member,) = set(members.values()) - {members["value"]}
            return [{key_member: key, members["value"]: entry} for key, entry in value.items()]
    entries = value if isinstance(value, list) else [value]
    return [_converted(entry_shape, entry, f"{path}[{index}]") for index, entry in enumerate(entries)]


def _text(value: Any) -> str:
    # Pulumi's numbers are all floats.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
