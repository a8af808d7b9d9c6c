"""The shapes of images in answers, for the OpenAPI document: portal.api.documents writes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.serializers_labels import Box, ImageLabel, SummaryLabel, percent, texts
from portal.images.models import Status
from recognition.findings import TextKind
from recognition.result import SCHEMA
from recognition.result import Status as Outcome


class Failure(serializers.Serializer[Any]):
    """Why something failed: a code for programs and a sentence for people."""

    code = serializers.CharField(help_text="Such as `unsupported_format`; it never changes its meaning.")
    message = serializers.CharField()


class Text(serializers.Serializer[Any]):
    """A line or a word that can be read in the image."""

    text = serializers.CharField()
    kind = serializers.ChoiceField([kind.value for kind in TextKind])
    confidence = percent()
    box = Box()
    detector = serializers.CharField(allow_blank=True)


class ModerationLabel(serializers.Serializer[Any]):
    """A warning of what not everybody wants to see."""

    name = serializers.CharField(max_length=200)
    # Named as the contract has it, and taken out of the class by the framework: its own attribute stays.
    parent = serializers.CharField(allow_blank=True, help_text="Empty at the top.")  # type: ignore[assignment]
    confidence = percent()
    taxonomy_level = serializers.IntegerField(help_text="Counted from 1.")
    detector = serializers.CharField(allow_blank=True)


@extend_schema_field({"type": "string", "pattern": "^#[0-9a-f]{6}$", "examples": ["#aabbcc"]})
class _Hex(serializers.CharField):
    pass


class DominantColor(serializers.Serializer[Any]):
    hex = _Hex()
    name = serializers.CharField()
    percent = percent("The share of the image's pixels.")


class Properties(serializers.Serializer[Any]):
    """What the whole picture is like."""

    sharpness = percent()
    brightness = percent()
    contrast = percent()
    dominant_colors = DominantColor(many=True, help_text="Largest share first.")
    detector = serializers.CharField(allow_blank=True)


class DetectorRun(serializers.Serializer[Any]):
    """What one detector did."""

    name = serializers.CharField()
    version = serializers.CharField(allow_blank=True, help_text="Of its model.")
    duration_ms = serializers.IntegerField(min_value=0)
    reused = serializers.BooleanField(
        help_text="Whether the same content had been recognised before: nothing was paid."
    )
    failure = Failure(allow_null=True)


class Urls(serializers.Serializer[Any]):
    """Where its pictures are, to be fetched with the token; null where there is none yet, and what a moderator hid."""

    original = serializers.URLField(allow_null=True)
    preview = serializers.URLField(allow_null=True)
    thumbnail = serializers.URLField(allow_null=True)


class _Head(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    filename = serializers.CharField(max_length=255)
    status = serializers.ChoiceField(
        Status.choices,
        help_text="`recognized` and `failed` are terminal, until the image is recognised again.",
    )
    failure = Failure(allow_null=True)
    width = serializers.IntegerField(allow_null=True, min_value=1, help_text="In pixels, upright; null until known.")
    height = serializers.IntegerField(allow_null=True, min_value=1, help_text="In pixels, upright; null until known.")
    created_at = serializers.DateTimeField()
    recognized_at = serializers.DateTimeField(allow_null=True)
    duplicate = serializers.BooleanField(
        help_text="Whether this is the image that you had of the content you announced."
    )
    urls = Urls()


class ImageSummary(_Head):
    """An image as lists show it."""

    labels = SummaryLabel(many=True, help_text="Surest first.")


class Image(_Head):
    """An image with all that was recognised in it."""

    labels = ImageLabel(
        many=True,
        help_text=(
            "What people said first, then the surest; the same name once for each detector that gave it, and once for"
            " people. What people refused (`rejected`) is at the end."
        ),
    )
    text = Text(many=True)
    moderation_labels = ModerationLabel(many=True)
    properties = Properties(allow_null=True)
    detectors = DetectorRun(many=True)


class ImageList(serializers.Serializer[Any]):
    """A page of images, newest first."""

    results = ImageSummary(many=True)
    next = serializers.CharField(allow_null=True, help_text="The `cursor` of the next page; null on the last one.")


class ImageState(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(Status.choices)


class ResultSource(serializers.Serializer[Any]):
    storage = serializers.CharField()
    key = serializers.CharField()
    etag = serializers.CharField(allow_null=True)
    version_id = serializers.CharField(allow_null=True)


class ResultFailure(Failure):
    permanent = serializers.BooleanField(help_text="Whether trying again is of no use.")


class ResultImage(serializers.Serializer[Any]):
    """The original, its size in pixels once upright."""

    format = serializers.CharField()
    width = serializers.IntegerField(min_value=1)
    height = serializers.IntegerField(min_value=1)
    bytes = serializers.IntegerField(min_value=0)
    sha256 = serializers.CharField(min_length=64, max_length=64)


class ResultInstance(serializers.Serializer[Any]):
    """One place in the image where a detector found a label."""

    confidence = percent()
    box = Box()


class ResultLabel(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)
    confidence = percent()
    detector = serializers.CharField()
    parents = texts("More general labels.")
    aliases = texts("Other names of it.")
    categories = texts("What it belongs to.")
    instances = ResultInstance(many=True)


class ResultDetector(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.CharField(allow_blank=True)
    duration_ms = serializers.IntegerField(min_value=0)
    request_id = serializers.CharField(allow_null=True)
    fingerprint = serializers.CharField(allow_blank=True, help_text="Of all that decides its answer.")
    reused = serializers.BooleanField()
    failure = ResultFailure(allow_null=True)
    cost_micro_usd = serializers.IntegerField(required=False, help_text="Millionths of a US dollar; not there when 0.")


class _Schema(serializers.CharField):
    pass


extend_schema_field({"type": "string", "const": SCHEMA})(_Schema)


class Result(serializers.Serializer[Any]):
    """The result contract, version 1. Fields may be added to it."""

    schema = _Schema()
    image_id = serializers.UUIDField()
    source = ResultSource()  # type: ignore[assignment]
    status = serializers.ChoiceField([status.value for status in Outcome])
    failure = ResultFailure(allow_null=True)
    image = ResultImage(allow_null=True)
    labels = ResultLabel(many=True)
    moderation_labels = ModerationLabel(many=True)
    text = Text(many=True)
    properties = Properties(allow_null=True)
    detectors = ResultDetector(many=True)
    configuration = serializers.CharField(allow_blank=True)
    recognized_at = serializers.DateTimeField()
