"""How the API is set up, whatever the environment: what it speaks, and what its OpenAPI document says of itself."""

from __future__ import annotations

from typing import Any

CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = ["authorization", "content-type", "idempotency-key"]
CORS_EXPOSE_HEADERS = ["RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate"]

# Not among INSTALLED_APPS: that would add pages and static files, and the API has JSON only.
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["portal.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.parsing.BoundedJSONParser"],
    "DEFAULT_METADATA_CLASS": "portal.api.parsing.Methods",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.api.problems.handle",
    # Neither `?format=` nor a suffix: there is one format.
    "URL_FORMAT_OVERRIDE": None,
    "FORMAT_SUFFIX_KWARG": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "ImageSift",
    "DESCRIPTION": "Upload photos, and read what is in them. docs/api.md tells how to begin.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "ImageStatus": "portal.images.models.Status",
        "Scope": "portal.api.models.Scope",
        "LabelState": "portal.images.models.LabelState",
        "SuggestionKind": "portal.moderation.models.Suggestion.Kind",
        "ResultStatus": ["recognized", "failed"],
        "TextKind": ["line", "word"],
    },
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "portal.api.schema.complete"],
    "TAGS": [
        {"name": "images", "description": "Upload images, find them, and read what was recognised in them."},
        {"name": "files", "description": "The pictures themselves, and results as the detectors gave them."},
        {"name": "account", "description": "Whose token it is, and what has been used."},
    ],
}
