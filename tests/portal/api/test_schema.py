"""The OpenAPI document: valid, complete, and what is really answered."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, reverse
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from portal.accounts.models import User
from portal.api import urls
from portal.api.models import Scope
from portal.api.openapi import openapi_document
from portal.images.models import Status
from portal.images.recording import record_result
from recognition.result import Box, DominantColor, ModerationLabel, Properties, Text, TextKind
from tests.conftest import PIXEL, MakeImage, make_result
from tests.portal.api.conftest import ApiOf

FILE = {"filename": "cat.jpg", "content_type": "image/jpeg", "size": len(PIXEL)}


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(Client().get("/api/v1/schema").content)


def operations(document: Any) -> dict[str, Any]:
    methods = [each for item in document["paths"].values() for each in item.values()]
    return {operation["operationId"]: operation for operation in methods}


def check(document: Any, schema: Any, value: Any) -> None:
    """`value` keeps `schema`, formats and all, and has no field that is not described."""
    registry: Any = Registry().with_resource("doc:", Resource(document, DRAFT202012))
    resolved = json.loads(json.dumps(schema).replace('"#/', '"doc:#/'))
    Draft202012Validator(resolved, registry=registry, format_checker=FormatChecker()).validate(value)


def test_the_document_is_valid_and_public(document: Any) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")
    answer = Client().get("/api/v1/schema")
    assert answer["Content-Type"] == "application/json"


def test_every_route_is_described(document: Any) -> None:
    views = {str(pattern.name) for pattern in urls.urlpatterns if isinstance(pattern, URLPattern)}
    pages = {"schema", "docs", "problems"}
    image_id = "0b6f2f9e-5d0c-4c1b-9a51-3d5f3c1f7a10"
    described = {path.replace("{image_id}", image_id) for path in document["paths"]}
    for pattern in urls.urlpatterns:
        if pattern.name in views - pages and hasattr(pattern.callback, "cls"):
            arguments = [image_id] if "image_id" in str(pattern.pattern) else []
            assert reverse(f"api:{pattern.name}", args=arguments) in described


def test_every_operation_says_what_it_does_needs_and_may_answer(document: Any) -> None:
    assert {"images_list", "images_create", "images_get", "images_delete", "images_batch"} <= set(operations(document))
    for name, operation in operations(document).items():
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["security"], name
        assert operation["tags"][0] in {tag["name"] for tag in document["tags"]}
        assert {"401", "403", "429", "503"} <= set(operation["responses"]), name
        for status, answer in operation["responses"].items():
            assert answer["description"], (name, status)
            assert {"RateLimit", "RateLimit-Policy"} <= set(answer["headers"]), (name, status)
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (name, status)


def test_every_route_names_its_scope(document: Any) -> None:
    scopes = {name: operation["security"][0]["token"] for name, operation in operations(document).items()}
    assert scopes["images_list"] == ["images:read"]
    assert scopes["images_create"] == ["images:write"]
    assert scopes["stack"] == ["admin"]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_examples_keep_their_schemas(document: Any) -> None:
    seen = 0
    for operation in operations(document).values():
        for answer in operation["responses"].values():
            for media in answer.get("content", {}).values():
                if "example" in media:
                    check(document, media["schema"], media["example"])
                    seen += 1
    assert seen >= 12


def test_requests_of_examples_keep_their_schemas(document: Any) -> None:
    bodies = [
        operation["requestBody"]["content"]["application/json"]
        for operation in operations(document).values()
        if "requestBody" in operation
    ]
    examples = [(body["schema"], each["value"]) for body in bodies for each in body.get("examples", {}).values()]
    assert len(examples) >= 4
    for schema, value in examples:
        check(document, schema, value)


@pytest.mark.parametrize(
    "said",
    [
        {"label": "Dog", "kind": "right", "instead": "Wolf"},
        {"label": "Dog", "kind": "instead"},
        {"label": "Dog", "kind": "maybe"},
        {"label": "Dog", "kind": "wrong", "why": "because"},
    ],
)
def test_a_suggestion_is_one_of_two_shapes(document: Any, said: Any) -> None:
    schema = operations(document)["images_suggest"]["requestBody"]["content"]["application/json"]["schema"]
    check(document, schema, {"label": "Dog", "kind": "wrong"})
    with pytest.raises(ValidationError):
        check(document, schema, said)


def test_the_document_tells_what_this_portal_takes(settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 1234
    openapi_document.cache_clear()
    try:
        announced = openapi_document()["components"]["schemas"]["Announcement"]["properties"]
    finally:
        openapi_document.cache_clear()
    assert announced["size"]["maximum"] == 1234


def test_what_is_sent_has_no_other_fields(document: Any) -> None:
    shapes = document["components"]["schemas"]
    assert shapes["Announcement"]["additionalProperties"] is False
    assert shapes["BatchRequest"]["additionalProperties"] is False
    assert "additionalProperties" not in shapes["Image"]


def test_a_started_image_leads_to_its_other_routes(document: Any) -> None:
    links = operations(document)["images_create"]["responses"]["201"]["links"]
    assert links["images_get"] == {"operationId": "images_get", "parameters": {"image_id": "$response.body#/id"}}
    assert "images_delete" in links


def answered(document: Any, name: str, answer: Any) -> Any:
    """The JSON of an answer that is as its operation has it."""
    described = operations(document)[name]["responses"][str(answer.status_code)]
    schema = described["content"][answer["Content-Type"]]["schema"]
    check(document, schema, answer.json())
    return answer.json()


def test_answers_are_as_described(
    document: Any, api_of: ApiOf, owner: User, stored_image: MakeImage, recognized_image: MakeImage
) -> None:
    owner.is_staff = True
    owner.save()
    api = api_of(owner, *Scope)
    image = stored_image(owner)
    text = Text("STOP", TextKind.LINE, 99.0, Box(0.1, 0.1, 0.2, 0.2), "text")
    properties = Properties(1, 2, 3, (DominantColor("#aabbcc", "grey", 31),))
    flag = ModerationLabel("Violence", "", 88.0, 1, "rekognition")
    record_result(make_result(image, text=(text,), properties=properties, moderation_labels=(flag,)))
    path = f"/api/v1/images/{image.pk}"
    answered(document, "images_get", api.get(path))
    answered(document, "images_result", api.get(f"{path}/result"))
    answered(document, "images_list", api.get("/api/v1/images?limit=1"))
    said = {"label": "Dog", "kind": "instead", "instead": "Wolf"}
    answered(document, "images_suggest", api.put(f"{path}/suggestions", said, "application/json"))
    answered(document, "images_suggestions", api.get(f"{path}/suggestions"))
    answered(document, "images_recognize", api.generic("POST", f"{path}/recognize"))
    known = {**FILE, "sha256": image.sha256}
    assert answered(document, "images_create", api.post("/api/v1/images", known, "application/json"))["duplicate"]
    started = answered(document, "images_create", api.post("/api/v1/images", FILE, "application/json"))
    answered(document, "images_get", api.get(f"/api/v1/images/{started['id']}"))
    answered(document, "images_upload_form", api.generic("POST", f"/api/v1/images/{started['id']}/upload-form"))
    batch = {"images": [FILE, known, {}]}
    answered(document, "images_batch", api.post("/api/v1/images/batch", batch, "application/json"))
    for name in ("me", "usage", "labels", "stack"):
        answered(document, name, api.get(f"/api/v1/{name}"))


def test_problems_are_as_described(document: Any, api: Client, owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner, status=Status.AWAITING_UPLOAD)
    path = f"/api/v1/images/{image.pk}"
    answered(document, "images_list", api.get("/api/v1/images?limit=0"))
    answered(document, "images_list", Client().get("/api/v1/images"))
    answered(document, "images_recognize", api.generic("POST", f"{path}/recognize"))
    answered(document, "images_result", api.get(f"{path}/result"))
    answered(document, "images_preview", api.get(f"{path}/preview"))
    answered(document, "images_unsuggest", api.delete(f"{path}/suggestions?label=Dog"))
    answered(document, "images_create", api.post("/api/v1/images", {**FILE, "size": 10**9}, "application/json"))
    answered(document, "images_create", api.post("/api/v1/images", FILE))


def test_the_files_come_as_one_of_the_described_types(
    document: Any, api: Client, owner: User, recognized_image: MakeImage
) -> None:
    path = f"/api/v1/images/{recognized_image(owner).pk}"
    for name in ("original", "preview", "thumbnail"):
        described = operations(document)[f"images_{name}"]["responses"]["200"]["content"]
        assert api.get(f"{path}/{name}")["Content-Type"] in described


def test_requests_do_without_what_makes_the_document() -> None:
    code = "import django, sys; django.setup(); import portal.api.urls; sys.exit('drf_spectacular' in sys.modules)"
    environment = {"DJANGO_SETTINGS_MODULE": "portal.settings", "IMAGESIFT_DATA": str(settings.DATA_DIR)}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, cwd=settings.BASE_DIR, check=False).returncode
        == 0
    )
