"""The OpenAPI document: what the routes say of themselves, and what all of them have in common.

Imported by portal.api.openapi alone, and only where its library is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema

from portal.api import operations, operations_account, operations_labels, urls
from portal.api.describing import METHODS, SCHEME, described_methods
from portal.api.examples import example

_TAGS, _OTHERS = ("images", "files"), "account"
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
# What works on an image from its beginning, and once its file has come.
_OPENED_AT_ONCE = ("images_get", "images_delete", "images_upload_form", "images_suggestions")
_OPENED_LATER = ("images_recognize", "images_result", "images_original", "images_preview", "images_thumbnail")


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How portal.api.authentication is named to clients."""

    target_class = "portal.api.authentication.TokenAuthentication"
    name = SCHEME

    def get_security_definition(self, _auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token that you made on the page of your tokens. Each route names the scope it needs.",
        }

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[str]]:
        scopes = [getattr(permission, "required_scope", None) for permission in auto_schema.view.get_permissions()]
        return {SCHEME: [scope.value for scope in scopes if scope is not None]}


def make_document() -> dict[str, Any]:
    """The document as plain values."""
    said = (*operations.OPERATIONS, *operations_labels.OPERATIONS, *operations_account.OPERATIONS)
    operations_by_id = {each["operation_id"]: each for each in said}
    for method, operation_id in described_methods(urls.urlpatterns):
        extend_schema(**operations_by_id[operation_id])(method)
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    return cast("dict[str, Any]", generator.get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's last hook: problems, limits and links, which no route repeats."""
    result["components"]["headers"] = _headers()
    requests = set()
    for path, operation in _operations(result):
        if operation["tags"][0] not in _TAGS:
            operation["tags"] = [_OTHERS]
        _add_problems(path, operation)
        for answer in operation["responses"].values():
            answer["description"] = answer["description"] or "The answer."
            _add_headers(answer)
            _add_example(answer, result["components"]["schemas"])
        requests |= set(_json_requests(operation))
    for reference in _with_nested(result, requests):
        # What is sent has these fields alone; answers may come to have more.
        if "properties" in (shape := result["components"]["schemas"][reference]):
            shape["additionalProperties"] = False
    _add_links(result)
    return result


def _operations(result: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in result["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, item[method]


def _add_problems(path: str, operation: dict[str, Any]) -> None:
    """Whatever can go wrong on a route of its kind, unless the route itself says more of it."""
    answers = operation["responses"]
    parameters = operation.get("parameters", [])
    common = {"429": "`rate_limited`, or an allowance is used up.", "503": "`waking_up` or `unavailable`: try again."}
    if operation.get("security"):
        common["401"] = "There is no token, or it is of no use: `code` says why."
        common["403"] = "`insufficient_scope`"
    if "{" in path:
        common["404"] = "`not_found`: there is no such image, or it is not yours."
    if "requestBody" in operation or any(each["in"] in ("query", "header") for each in parameters):
        common["400"] = "`errors` names what is wrong with the request."
    for status, description in common.items():
        answers.setdefault(status, {"description": description})
    for status, answer in answers.items():
        if int(status) >= 400:
            answer["content"] = _PROBLEM
    operation["responses"] = dict(sorted(answers.items()))


def _add_headers(answer: dict[str, Any]) -> None:
    named = ("RateLimit", "RateLimit-Policy")
    answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in named}


def _add_example(holder: dict[str, Any], shapes: dict[str, Any]) -> None:
    for media_type, media in holder.get("content", {}).items():
        if media_type == "application/json":
            media["example"] = example(media["schema"], shapes)


def _headers() -> dict[str, Any]:
    return {
        "RateLimit": {
            "description": "How many requests the token has left (`r`), and in how many seconds (`t`) it has them all.",
            "schema": {"type": "string", "examples": ['"default";r=599;t=42']},
        },
        "RateLimit-Policy": {
            "description": "How many requests a token has (`q`) in so many seconds (`w`).",
            "schema": {"type": "string", "examples": ['"default";q=600;w=60']},
        },
    }


def _json_requests(operation: dict[str, Any]) -> Iterator[str]:
    for media in operation.get("requestBody", {}).get("content", {}).values():
        yield from _references(media["schema"])


def _with_nested(result: dict[str, Any], names: set[str]) -> set[str]:
    schemas = result["components"]["schemas"]
    found: set[str] = set()
    while left := names - found:
        found |= left
        names = {inner for name in left for inner in _references(schemas[name])} | found
    return found


def _references(schema: Any) -> Iterator[str]:
    """The names of the components that a schema refers to."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        schema = list(schema.values())
    if isinstance(schema, list):
        for inner in schema:
            yield from _references(inner)


def _add_links(result: dict[str, Any]) -> None:
    """From the answers that name an image to the routes that go by its id."""
    operations = {operation["operationId"]: operation["responses"] for _, operation in _operations(result)}
    for status in ("200", "201"):
        operations["images_create"][status]["links"] = _links(_OPENED_AT_ONCE, "id")
    operations["images_list"]["200"]["links"] = _links(_OPENED_AT_ONCE + _OPENED_LATER, "results/0/id")


def _links(names: tuple[str, ...], place: str) -> dict[str, Any]:
    parameters = {"image_id": f"$response.body#/{place}"}
    return {name: {"operationId": name, "parameters": parameters} for name in names}
