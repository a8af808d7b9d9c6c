"""The shapes of what is sent and answered on the way to an upload, and of problems, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from portal.api.announcing import LONGEST_FILENAME, LONGEST_TYPE, MOST_FILES, SHA256
from portal.api.serializers import ImageState, ImageSummary


class FieldError(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="The field, parameter or header that is wrong.")
    message = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """Why there is no result, as RFC 9457 has it."""

    type = serializers.URLField(
        help_text="Leads to what is to be done about it; the same for every problem of a `code`."
    )
    title = serializers.CharField()
    status = serializers.IntegerField(min_value=400, max_value=599)
    detail = serializers.CharField(help_text="A sentence on this very case.")
    code = serializers.CharField(help_text="For programs; it never changes its meaning. /api/v1/problems lists all.")
    errors = FieldError(many=True)  # type: ignore[assignment]


@extend_schema_field(
    {
        "type": "string",
        "pattern": "^(image/|application/octet-stream)",
        "minLength": 1,
        "maxLength": LONGEST_TYPE,
        "description": "What kind of image it is, as you know it; the content decides.",
        "examples": ["image/jpeg"],
    }
)
class _ContentType(serializers.CharField):
    pass


@extend_schema_field(
    {
        "type": "string",
        "pattern": f"^{SHA256}$",
        "description": "Of the content, in hex. With it, what you have already is not sent again.",
        "examples": ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    }
)
class _Sha256(serializers.CharField):
    pass


class Announcement(serializers.Serializer[Any]):
    """A file that you want to upload."""

    filename = serializers.CharField(
        min_length=1, max_length=LONGEST_FILENAME, help_text="Of a path the last part is kept, 255 characters of it."
    )
    content_type = _ContentType()
    size = serializers.IntegerField(min_value=1, help_text="In bytes.")
    sha256 = _Sha256(required=False)


class BatchRequest(serializers.Serializer[Any]):
    """Several files that you want to upload."""

    images = serializers.ListField(child=Announcement(), min_length=1, max_length=MOST_FILES)


class UploadFormRequest(serializers.Serializer[Any]):
    """What the form may be bound to."""

    sha256 = _Sha256(required=False)


class UploadForm(serializers.Serializer[Any]):
    """POST `fields` and then the file, as `multipart/form-data`, to `url` before `expires_at`. It needs no token."""

    url = serializers.URLField()
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(allow_blank=True), help_text="To be sent as they are."
    )
    file_field = serializers.CharField(help_text="The name of the field that holds the file; it is the last one.")
    expires_at = serializers.DateTimeField()


class StartedUpload(ImageState):
    """An image whose file is awaited; `upload` is null once it has come."""

    upload = UploadForm(allow_null=True)


def _status_code(code: int) -> type[serializers.IntegerField]:
    """What the file alone would have been answered with."""
    name = f"StatusCode{code}"
    field: type[serializers.IntegerField] = type(name, (serializers.IntegerField,), {})
    return extend_schema_field({"type": "integer", "const": code})(field)


_Started, _Known = _status_code(201), _status_code(200)


class BatchStarted(StartedUpload):
    """A file whose upload is started."""

    status_code = _Started()


class BatchDuplicate(ImageSummary):
    """A file whose content you have already: the image that you have."""

    status_code = _Known()


class BatchRefused(serializers.Serializer[Any]):
    """A file that cannot be uploaded."""

    status_code = serializers.IntegerField(min_value=400, max_value=599)
    problem = Problem()


class Batch(serializers.Serializer[Any]):
    """One entry for each file, in their order."""

    results = PolymorphicProxySerializer(
        component_name="BatchEntry",
        serializers=[BatchStarted, BatchDuplicate, BatchRefused],
        resource_type_field_name=None,
        many=True,
    )
