"""The shapes of labels, and of what owners say of them, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from portal.api.opinions import LONGEST_LABEL
from portal.images.models import LabelState
from portal.moderation.models import Suggestion as Said

_DECIDED = "100 where people decided."


def percent(help_text: str = "In percent.", **options: Any) -> serializers.FloatField:
    return serializers.FloatField(min_value=0, max_value=100, help_text=help_text, **options)


def texts(help_text: str) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(), help_text=help_text)


class Box(serializers.Serializer[Any]):
    """A rectangle in fractions (0 to 1) of the upright image's width and height."""

    left = serializers.FloatField()
    top = serializers.FloatField()
    width = serializers.FloatField()
    height = serializers.FloatField()


class Prediction(serializers.Serializer[Any]):
    """What a detector says where a person decided."""

    # Named as the answer has it, and taken out of the class by the framework: its own attribute stays.
    label = serializers.CharField(help_text="The detector's own word.")  # type: ignore[assignment]
    confidence = percent()
    detector = serializers.CharField()
    box = Box(allow_null=True, help_text="Null when it was said of the whole image.")


class Instance(serializers.Serializer[Any]):
    """One place in the image where a label was found, or put by a person."""

    confidence = percent(f"In percent; {_DECIDED}")
    box = Box()
    state = serializers.ChoiceField(LabelState.choices)
    predicted = Prediction(allow_null=True, help_text="Null where nobody decided, and where no detector said anything.")


class SummaryLabel(serializers.Serializer[Any]):
    """A label of the image, from one detector or from people."""

    name = serializers.CharField(max_length=200)
    confidence = percent(f"In percent; {_DECIDED}")
    detector = serializers.CharField(
        help_text="Which detector said so, such as `onnx` or `rekognition`; `people` for what was corrected or added."
    )
    state = serializers.ChoiceField(
        LabelState.choices,
        help_text=(
            "`predicted`: a detector said so, and nobody has decided. `approved`: a person agreed. `corrected`: a"
            " person changed it. `added`: a person found it. `rejected`: a person refused it; only whole images name"
            " those."
        ),
    )


class ImageLabel(SummaryLabel):
    """A label of the image, and where."""

    parents = texts("More general labels, such as `Animal` of `Dog`.")
    categories = texts("Such as `Animals and Pets`.")
    predicted = Prediction(
        allow_null=True, help_text="What was said of the whole image, where a person decided on that."
    )
    instances = Instance(many=True)


class Suggestion(serializers.Serializer[Any]):
    """What you said of a label of your image."""

    label = serializers.CharField(max_length=200)  # type: ignore[assignment]
    kind = serializers.ChoiceField(Said.Kind.choices)
    instead = serializers.CharField(allow_null=True, help_text="What it should be; null for the other kinds.")
    made_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(
        allow_null=True, help_text="When a moderator had gone through the image; null until then."
    )


class Suggestions(serializers.Serializer[Any]):
    """All that you said of the labels of the image, newest first."""

    results = Suggestion(many=True)


@extend_schema_field(
    {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_LABEL,
        "pattern": r"^[^\u0000]*$",
        "description": "A label of the image, whatever the case of its letters.",
        "examples": ["Dog"],
    }
)
class _Label(serializers.CharField):
    pass


@extend_schema_field({"type": "string", "enum": [Said.Kind.RIGHT.value, Said.Kind.WRONG.value]})
class _Verdict(serializers.CharField):
    pass


@extend_schema_field({"type": "string", "const": Said.Kind.INSTEAD.value})
class _Instead(serializers.CharField):
    pass


@extend_schema_field(
    {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_LABEL,
        "pattern": r"^[^\u0000-\u001f]*[^\u0000-\u001f\s][^\u0000-\u001f]*$",
        "description": "What it should be, in letters that can be printed.",
        "examples": ["Wolf"],
    }
)
class _OtherLabel(serializers.CharField):
    pass


class Opinion(serializers.Serializer[Any]):
    """That a label is right, or wrong."""

    label = _Label()  # type: ignore[assignment]
    kind = _Verdict()


class Correction(serializers.Serializer[Any]):
    """That a label should be another one."""

    label = _Label()  # type: ignore[assignment]
    kind = _Instead()
    instead = _OtherLabel()


SUGGESTED = PolymorphicProxySerializer(
    component_name="SuggestionRequest", serializers=[Opinion, Correction], resource_type_field_name=None
)
