"""What the OpenAPI document says of the routes that are not about one image."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter

from portal.api.account_serializers import LabelsSerializer, MeSerializer, StackSerializer, UsageSerializer
from portal.api.describing import operation

_CONFIDENCE = OpenApiParameter(
    "min_confidence", {"type": "number", "minimum": 0, "maximum": 100}, description="Percent from which a label counts."
)

OPERATIONS = (
    operation(operation_id="me", summary="See whose token it is", responses=MeSerializer),
    operation(operation_id="usage", summary="See what is used up", responses=UsageSerializer),
    operation(operation_id="labels", summary="List labels", responses=LabelsSerializer, parameters=[_CONFIDENCE]),
    operation(operation_id="stack", summary="See how the portal is doing", responses=StackSerializer),
)
