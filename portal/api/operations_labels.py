"""What the OpenAPI document says of the routes of suggestions."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from portal.api import serializers_labels as shapes
from portal.api.describing import operation
from portal.api.opinions import LONGEST_LABEL
from portal.api.serializers_uploads import Problem

_IMAGES = ["images"]

images_suggestions = operation(
    operation_id="images_suggestions",
    tags=_IMAGES,
    summary="List your suggestions",
    description="What you said of the labels of the image, newest first.",
    responses=shapes.Suggestions,
)

images_suggest = operation(
    operation_id="images_suggest",
    tags=_IMAGES,
    summary="Say something of a label",
    description=(
        "That a label of your image is right, wrong, or should be another one. It replaces what you said of that label"
        " before, changes nothing by itself, and brings the image before a moderator sooner. The same again changes"
        " nothing."
    ),
    request=shapes.SUGGESTED,
    examples=[
        OpenApiExample("Another one", {"label": "Dog", "kind": "instead", "instead": "Wolf"}, request_only=True),
        OpenApiExample("It is right", {"label": "Dog", "kind": "right"}, request_only=True),
    ],
    responses={
        200: OpenApiResponse(shapes.Suggestion, "What is kept of it."),
        409: OpenApiResponse(
            Problem, "`no_such_label`: the image does not have it (now). `too_many_suggestions`: wait for a moderator."
        ),
        415: OpenApiResponse(Problem, "The request is not JSON."),
    },
)

images_unsuggest = operation(
    operation_id="images_unsuggest",
    tags=_IMAGES,
    summary="Take a suggestion back",
    description="Unsay what you said of a label.",
    parameters=[
        OpenApiParameter(
            "label",
            {"type": "string", "minLength": 1, "maxLength": LONGEST_LABEL, "pattern": r"^[^\u0000]*$"},
            OpenApiParameter.QUERY,
            required=True,
            description="The label it is about, whatever the case of its letters.",
        )
    ],
    responses={
        204: OpenApiResponse(description="It is unsaid."),
        404: OpenApiResponse(
            Problem, "`not_found`: the image is not there or not yours, or nothing was said of this label."
        ),
    },
)

OPERATIONS = (
    images_suggestions,
    images_suggest,
    images_unsuggest,
)
