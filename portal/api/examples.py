"""Examples of what schemas of the OpenAPI document describe, so that people see what they will get."""

from __future__ import annotations

from typing import Any

_ID = "0b6f2f9e-5d0c-4c1b-9a51-3d5f3c1f7a10"
_HOST = "https://imagesift.example"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

# By the names of properties, which mean the same wherever they are.
_BY_NAME: dict[str, Any] = {
    "id": _ID,
    "image_id": _ID,
    "filename": "cat.jpg",
    "status": "recognized",
    "failure": None,
    "width": 4032,
    "height": 3024,
    "name": "Dog",
    "confidence": 97.1,
    "detector": "onnx",
    "parents": ["Pet", "Animal"],
    "aliases": [],
    "categories": ["Animals and Pets"],
    "code": "invalid_request",
    "percent": 31.0,
    "duplicate": False,
    "next": "1767225600000000-0b6f2f9e-5d0c-4c1b-9a51-3d5f3c1f7a10",
    "original": f"{_HOST}/api/v1/images/{_ID}/original",
    "preview": f"{_HOST}/api/v1/images/{_ID}/preview",
    "thumbnail": f"{_HOST}/api/v1/images/{_ID}/thumbnail",
    "url": f"{_HOST}/uploads/receive/",
    "file_field": "file",
    "fields": {"key": f"uploads/7/{_ID}", "policy": "WyI…"},
    "sha256": _SHA256,
    "size": 2811904,
    "bytes": 2811904,
    "version": "rtdetr-v2-r18",
    "duration_ms": 412,
    "reused": False,
    "storage": "uploads",
    "key": f"uploads/7/{_ID}",
    "format": "JPEG",
    "configuration": "3f1c",
    "username": "anna",
    "predicted": None,
    "label": "Dog",
    "instead": "Wolf",
    "settled_at": None,
}
# Where a name means something else in one shape.
_BY_SHAPE: dict[str, dict[str, Any]] = {
    "Box": {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4},
    "Text": {"text": "STOP", "kind": "line", "confidence": 99.2, "detector": "text"},
    "ModerationLabel": {"name": "Weapons", "parent": "Violence", "confidence": 88.0, "taxonomy_level": 2},
    "DominantColor": {"hex": "#aabbcc", "name": "grey"},
    "Properties": {"sharpness": 71.0, "brightness": 64.5, "contrast": 48.2, "detector": "properties"},
    "DetectorRun": {"name": "onnx"},
    "ResultDetector": {"name": "onnx", "fingerprint": "f3a9", "cost_micro_usd": 1000},
    "StartedUpload": {"status": "awaiting_upload"},
    "BatchStarted": {"status": "awaiting_upload"},
    "BatchDuplicate": {"duplicate": True},
    "ImageState": {"status": "queued"},
    "Token": {"name": "my script", "scopes": ["images:read", "images:write"]},
    "Suggestion": {"kind": "instead"},
    "Usage": {"statuses": {"recognized": 1204, "failed": 3}},
    "Stack": {"statuses": {"recognized": 1204, "failed": 3}},
}
_BY_FORMAT = {
    "uuid": _ID,
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "uri": _HOST,
    "email": "anna@example.com",
}
_BY_TYPE = {"integer": 1, "number": 1.0, "boolean": True, "string": "…", "null": None}


def example(schema: dict[str, Any], shapes: dict[str, Any]) -> Any:
    """A value that `schema` allows; `shapes` are the document's components."""
    known: dict[str, Any] = {}
    if name := shape_name(schema):
        schema, known = shapes[name], _BY_SHAPE.get(name, {})
    for choice in ("oneOf", "anyOf", "allOf"):
        if choice in schema:
            return example(schema[choice][0], shapes)
    if "properties" not in schema:
        return _value(schema, shapes)
    properties = schema["properties"].items()
    return {each: known[each] if each in known else _property(each, inner, shapes) for each, inner in properties}


def shape_name(schema: dict[str, Any]) -> str:
    """The component that a schema refers to; "" when it refers to none."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _property(name: str, schema: dict[str, Any], shapes: dict[str, Any]) -> Any:
    is_shape = "$ref" in schema.get("items", schema)
    return _BY_NAME[name] if name in _BY_NAME and not is_shape else example(schema, shapes)


def _value(schema: dict[str, Any], shapes: dict[str, Any]) -> Any:
    if "const" in schema:
        return schema["const"]
    for name in ("enum", "examples"):
        if name in schema:
            return schema[name][0]
    kind = schema.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        return [example(schema["items"], shapes)]
    if kind == "object":
        return {}
    value = _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE[kind])
    return max(value, schema.get("minimum", 0)) if kind in ("integer", "number") else value
