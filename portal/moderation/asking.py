"""What the review page and the grid ask for, as JSON: read strictly, or refused in a sentence."""

from __future__ import annotations

import json
from datetime import date
from math import isfinite
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest
from rest_framework import serializers

from portal.images.models import FlagVerdict
from portal.moderation.deeds import Refused
from portal.moderation.grid import STATES, WantedCrops
from portal.moderation.queueing import Mode
from recognition.result import Box

_LARGEST_BODY: Final = 64 * 1024
_HOLDING_AT_MOST: Final = 200
INSTANCES_AT_MOST: Final = 500
_LONGEST_LABEL: Final = 200
_LARGEST_ID: Final = 2**63 - 1
# A box may end this far outside, by rounding.
_ROUNDING: Final = 1e-6
VERBS: Final = ("approve", "reject", "relabel", "redraw", "add", "complete", "reopen", "flag")
BULK_VERBS: Final = ("approve", "reject", "relabel")


class _Strict(serializers.Serializer[Any]):
    """Refuses what it does not know: a misspelt field would be left out without a word."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError({unknown[0][:50]: ["There is no such field."]})
        return super().to_internal_value(data)


class _Number(serializers.FloatField):
    """A JSON number; neither a text nor one of those that are none."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float) or not isfinite(data):
            raise serializers.ValidationError("This must be a number.")
        return float(data)


class _Percent(serializers.FloatField):
    """A percentage in an address."""

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        # Neither bound would refuse what is not a number.
        if not 0 <= value <= 100:
            raise serializers.ValidationError("This must be a number from 0 to 100.")
        return value


class _BoxField(_Strict):
    left = _Number(min_value=0, max_value=1)
    top = _Number(min_value=0, max_value=1)
    width = _Number(min_value=0, max_value=1)
    height = _Number(min_value=0, max_value=1)

    def validate(self, attrs: Any) -> Any:
        right, bottom = attrs["left"] + attrs["width"], attrs["top"] + attrs["height"]
        if max(right, bottom) > 1 + _ROUNDING:
            raise serializers.ValidationError("The box must lie inside the photo.")
        return {
            **attrs,
            "width": min(attrs["width"], 1 - attrs["left"]),
            "height": min(attrs["height"], 1 - attrs["top"]),
        }


class _TargetField(_Strict):
    kind = serializers.ChoiceField(["instance", "label", "annotation"])
    id = serializers.CharField(max_length=40)

    def validate(self, attrs: Any) -> Any:
        try:
            if attrs["kind"] == "annotation":
                return {**attrs, "id": str(UUID(attrs["id"]))}
            if attrs["id"].isascii() and attrs["id"].isdigit() and int(attrs["id"]) <= _LARGEST_ID:
                return attrs
        except ValueError:
            pass
        raise serializers.ValidationError("This is no such id.")


class NextBody(_Strict):
    """What `next/` takes."""

    mode = serializers.ChoiceField(Mode.choices, default=Mode.MIXED)
    label = serializers.CharField(max_length=_LONGEST_LABEL, allow_blank=True, default="")  # type: ignore[assignment]
    detector = serializers.CharField(max_length=64, allow_blank=True, default="")
    owner = serializers.CharField(max_length=150, allow_blank=True, default="")
    since = serializers.CharField(max_length=10, allow_blank=True, allow_null=True, default="")
    until = serializers.CharField(max_length=10, allow_blank=True, allow_null=True, default="")
    holding = serializers.ListField(child=serializers.UUIDField(), max_length=_HOLDING_AT_MOST, default=list)

    def validate_since(self, value: str | None) -> date | None:
        return _day(value)

    def validate_until(self, value: str | None) -> date | None:
        return _day(value)


class DecideBody(_Strict):
    """What `decide/` takes: one deed on one image."""

    id = serializers.UUIDField()
    verb = serializers.ChoiceField(VERBS)
    target = _TargetField(allow_null=True, default=None)
    label = serializers.CharField(max_length=_LONGEST_LABEL, allow_null=True, default=None)  # type: ignore[assignment]
    box = _BoxField(allow_null=True, default=None)
    verdict = serializers.ChoiceField(FlagVerdict.choices[1:], allow_null=True, default=None)
    recognition = serializers.IntegerField(min_value=1, max_value=_LARGEST_ID, allow_null=True, default=None)

    def validate(self, attrs: Any) -> Any:
        verb = attrs["verb"]
        needed = {
            "target": ("approve", "reject", "relabel", "redraw"),
            "label": ("relabel", "add"),
            "box": ("redraw",),
            "verdict": ("flag",),
        }
        for name, verbs in needed.items():
            if verb in verbs and attrs[name] is None:
                raise serializers.ValidationError({name: ["This is needed."]})
        return attrs


class UndoBody(_Strict):
    """What `undo/` takes: a deed of its own, and what it undoes."""

    id = serializers.UUIDField()
    entry = serializers.UUIDField(allow_null=True, default=None)
    batch = serializers.UUIDField(allow_null=True, default=None)

    def validate(self, attrs: Any) -> Any:
        if (attrs["entry"] is None) == (attrs["batch"] is None):
            raise serializers.ValidationError("Name an entry or a batch.")
        return attrs


class BulkBody(_Strict):
    """What the grid's `decide/` takes."""

    id = serializers.UUIDField()
    verb = serializers.ChoiceField(BULK_VERBS)
    instances = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=_LARGEST_ID),
        min_length=1,
        max_length=INSTANCES_AT_MOST,
    )
    label = serializers.CharField(max_length=_LONGEST_LABEL, allow_null=True, default=None)  # type: ignore[assignment]

    def validate(self, attrs: Any) -> Any:
        if attrs["verb"] == "relabel" and attrs["label"] is None:
            raise serializers.ValidationError({"label": ["This is needed."]})
        return attrs


class GridQuery(_Strict):
    """The filters in the grid's address."""

    label = serializers.CharField(max_length=_LONGEST_LABEL, default="")  # type: ignore[assignment]
    to = _Percent(default=100)
    detector = serializers.CharField(max_length=64, default="")
    state = serializers.ChoiceField(STATES, default="undecided")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # No name for an attribute.
        return {**super().get_fields(), "from": _Percent(default=0)}

    def wanted(self) -> WantedCrops:
        asked = self.validated_data
        return WantedCrops(asked["label"], asked["from"], asked["to"], asked["detector"], asked["state"])


def read(request: HttpRequest, body: type[_Strict]) -> dict[str, Any]:
    """The request's JSON as `body` describes it. Raises Refused."""
    if len(request.body) > _LARGEST_BODY:
        raise Refused("malformed", "The request is too long.", 400)
    try:
        document = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        raise Refused("malformed", "The request is not valid JSON.", 400) from None
    found = body(data=document)
    if not found.is_valid():
        raise Refused("malformed", _sentence(found.errors), 400)
    return dict(found.validated_data)


def as_box(values: dict[str, float] | None, width: int | None, height: int | None) -> Box | None:
    """The box, of at least two pixels a side in an upright photo of `width` x `height` pixels. Raises Refused."""
    if values is None:
        return None
    if values["width"] * (width or 0) < 2 or values["height"] * (height or 0) < 2:
        raise Refused("malformed", "The box must be at least two pixels wide and high.", 400)
    return Box(**values)


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise serializers.ValidationError("This must be a date like 2026-12-31.") from None
    # The day after must be one, too.
    if day.year == date.max.year:
        raise serializers.ValidationError("This must be a date like 2026-12-31.")
    return day


def _sentence(errors: Any) -> str:
    """The first of the problems, with the name of its field."""
    names = []
    while isinstance(errors, dict | list) and errors:
        if isinstance(errors, dict):
            name, errors = next(iter(errors.items()))
            names += [] if name == "non_field_errors" else [str(name)]
        else:
            errors = next(each for each in errors if each)
    return f"{'.'.join(names)}: {errors}" if names else str(errors)
