"""The OpenAPI document in pieces that a page can show: sections of routes, and shapes of what is sent and answered."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal.api.describing import METHODS, SCHEME
from portal.api.examples import example, shape_name
from portal.api.openapi import openapi_document

_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}
_FORMATS = {"uuid": "UUID", "date-time": "date and time", "date": "date", "uri": "address", "email": "mail address"}


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter or a property; `place` says where a parameter stands."""

    name: str
    kind: SafeString
    required: bool
    description: SafeString
    place: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    phrase: str
    description: SafeString
    kind: SafeString
    example: str

    @property
    def is_problem(self) -> bool:
        return int(self.status) >= 400


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address; `options` are curl's, and `sample_path` is what it is asked for."""

    name: str
    method: str
    path: str
    summary: str
    description: SafeString
    scopes: list[str]
    parameters: list[Field]
    body: SafeString
    body_example: str
    answers: list[Answer]
    options: list[str]
    sample_path: str


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    description: str
    routes: list[Route]


@dataclass(frozen=True, slots=True)
class Shape:
    name: str
    description: SafeString
    kind: SafeString
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Reference:
    title: str
    sections: list[Section]
    shapes: list[Shape]


@cache
def reference() -> Reference:
    document = openapi_document()
    shapes = document["components"]["schemas"]
    routes = [
        (operation["tags"][0], _route(path, method, operation, shapes))
        for path, method, operation in _operations(document)
    ]
    sections = [
        Section(tag["name"], tag["description"], [route for name, route in routes if name == tag["name"]])
        for tag in document["tags"]
    ]
    return Reference(document["info"]["title"], sections, [_shape(*each) for each in sorted(shapes.items())])


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _route(path: str, method: str, operation: dict[str, Any], shapes: dict[str, Any]) -> Route:
    description = operation.get("description", "")
    body = _json_schema(operation.get("requestBody", {}))
    sent = json.dumps(example(body, shapes), ensure_ascii=False) if body else ""
    return Route(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary") or description.partition(".")[0],
        description=_marked(description),
        scopes=[scope for needed in operation.get("security", []) for scope in needed.get(SCHEME, [])],
        parameters=[_parameter(each) for each in operation.get("parameters", [])],
        body=_kind(body) if body else SafeString(),
        body_example=_pretty(example(body, shapes)) if body else "",
        answers=[_answer(status, answer, shapes) for status, answer in operation["responses"].items()],
        options=list(_curl_options(method, sent)),
        sample_path=path.replace("{image_id}", example({"type": "string", "format": "uuid"}, shapes)),
    )


def _curl_options(method: str, sent: str) -> Iterator[str]:
    if method != "get" and not (method == "post" and sent):
        yield f"-X {method.upper()}"
    yield '-H "Authorization: Bearer $TOKEN"'
    if sent:
        yield '-H "Content-Type: application/json"'
        yield f"-d {shlex.quote(sent)}"


def _parameter(parameter: dict[str, Any]) -> Field:
    return Field(
        parameter["name"],
        _kind(parameter["schema"]),
        parameter.get("required", False),
        _marked(parameter.get("description", "")),
        parameter["in"],
    )


def _answer(status: str, answer: dict[str, Any], shapes: dict[str, Any]) -> Answer:
    schema = _json_schema(answer)
    is_problem = int(status) >= 400
    return Answer(
        status,
        HTTPStatus(int(status)).phrase,
        _marked(answer["description"]),
        _kind(schema) if schema else SafeString(),
        "" if is_problem or not schema else _pretty(example(schema, shapes)),
    )


def _json_schema(holder: dict[str, Any]) -> dict[str, Any]:
    for media_type, media in holder.get("content", {}).items():
        if media_type.endswith("json"):
            return dict(media["schema"])
    return {}


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _shape(name: str, schema: dict[str, Any]) -> Shape:
    required = schema.get("required", [])
    fields = [
        Field(each, _kind(inner), each in required, _marked(inner.get("description", "")))
        for each, inner in schema.get("properties", {}).items()
    ]
    kind = SafeString() if fields else _kind(schema)
    return Shape(name, _marked(schema.get("description", "")), kind, fields)


def _kind(schema: dict[str, Any]) -> SafeString:
    """What a value must be, in words, with links to shapes."""
    if name := shape_name(schema):
        return format_html('<a href="#shape-{0}">{0}</a>', name)
    if "const" in schema:
        return format_html("<code>{}</code>", json.dumps(schema["const"]))
    for choice in ("oneOf", "anyOf", "allOf"):
        if choice in schema:
            return format_html_join(" or ", "{}", ((_kind(each),) for each in schema[choice]))
    if "enum" in schema:
        return format_html_join(", ", "<code>{}</code>", ((value,) for value in schema["enum"]))
    kinds = schema.get("type", "object")
    return format_html_join(
        " or ", "{}", ((_plain(kind, schema),) for kind in ([kinds] if isinstance(kinds, str) else kinds))
    )


def _plain(kind: str, schema: dict[str, Any]) -> SafeString:
    if kind == "array":
        return format_html("list of {}", _kind(schema["items"]))
    if kind == "object":
        values = schema.get("additionalProperties")
        return format_html("object of {}", _kind(values)) if isinstance(values, dict) else SafeString("object")
    words = _FORMATS.get(schema.get("format", ""), _WORDS[kind]) if kind == "string" else _WORDS[kind]
    return format_html("{}{}", words, _bounds(schema) if kind != "null" else "")


def _bounds(schema: dict[str, Any]) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']:,} to {schema['maximum']:,}"
    if "maxLength" in schema:
        return f", at most {schema['maxLength']:,} characters"
    return f", at least {schema['minimum']:,}" if "minimum" in schema else ""


def _marked(text: str) -> SafeString:
    """`Code` between backticks, everything else as it is."""
    parts = text.split("`")
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if n % 2 else part,) for n, part in enumerate(parts))
    )
