"""Rekognition's answers in the contract's types, by the API reference of Amazon Rekognition (2016-06-27)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recognition.detectors import Findings
from recognition.result import Box, DominantColor, Instance, Label, ModerationLabel, Properties, Text, TextKind

Answer = Mapping[str, Any]


def label_findings(answer: Answer, detector: str) -> Findings:
    """Of DetectLabels: labels and, where asked for, the whole image's properties."""
    return Findings(
        labels=tuple(_label(label, detector) for label in answer.get("Labels", ())),
        properties=_properties(answer.get("ImageProperties"), detector),
        request_id=_request_id(answer),
        version=answer.get("LabelModelVersion"),
    )


def moderation_findings(answer: Answer, detector: str) -> Findings:
    flags = tuple(
        ModerationLabel(
            name=flag["Name"],
            parent=flag.get("ParentName") or "",
            confidence=_percent(flag["Confidence"]),
            taxonomy_level=flag.get("TaxonomyLevel") or (2 if flag.get("ParentName") else 1),
            detector=detector,
        )
        for flag in answer.get("ModerationLabels", ())
    )
    return Findings(
        moderation_labels=flags, request_id=_request_id(answer), version=answer.get("ModerationModelVersion")
    )


def text_findings(answer: Answer, detector: str) -> Findings:
    """Of DetectText: its lines and their words alike."""
    texts = (_text(detection, detector) for detection in answer.get("TextDetections", ()))
    return Findings(
        text=tuple(text for text in texts if text is not None),
        request_id=_request_id(answer),
        version=answer.get("TextModelVersion"),
    )


def _request_id(answer: Answer) -> str | None:
    request_id: str | None = answer.get("ResponseMetadata", {}).get("RequestId")
    return request_id


def _percent(value: float) -> float:
    """Rekognition counts in 32 bits, so that 100 may arrive as a little more."""
    return min(max(float(value), 0.0), 100.0)


def _box(box: Answer) -> Box | None:
    """Rekognition's boxes reach out of the picture where the thing does; the part inside is kept."""
    return Box.clipped(box["Left"], box["Top"], box["Left"] + box["Width"], box["Top"] + box["Height"])


def _label(label: Answer, detector: str) -> Label:
    instances = ((_percent(found["Confidence"]), _box(found["BoundingBox"])) for found in label.get("Instances", ()))
    return Label(
        name=label["Name"],
        confidence=_percent(label["Confidence"]),
        detector=detector,
        parents=_names(label, "Parents"),
        aliases=_names(label, "Aliases"),
        categories=_names(label, "Categories"),
        instances=tuple(Instance(confidence, box) for confidence, box in instances if box is not None),
    )


def _names(label: Answer, field: str) -> tuple[str, ...]:
    return tuple(entry["Name"] for entry in label.get(field, ()))


def _text(detection: Answer, detector: str) -> Text | None:
    words = detection["DetectedText"].strip()
    box = _box(detection["Geometry"]["BoundingBox"])
    if not words or box is None:
        return None
    return Text(words, TextKind(detection["Type"].lower()), _percent(detection["Confidence"]), box, detector)


def _properties(properties: Answer | None, detector: str) -> Properties | None:
    if not properties:
        return None
    quality = properties["Quality"]
    colors = (
        DominantColor(
            hex=f"#{color['Red']:02x}{color['Green']:02x}{color['Blue']:02x}",
            name=color.get("SimplifiedColor") or color.get("CSSColor") or "",
            percent=_percent(color["PixelPercent"]),
        )
        for color in properties.get("DominantColors", ())
    )
    return Properties(
        sharpness=_percent(quality["Sharpness"]),
        brightness=_percent(quality["Brightness"]),
        contrast=_percent(quality["Contrast"]),
        dominant_colors=tuple(sorted(colors, key=lambda color: -color.percent)),
        detector=detector,
    )
