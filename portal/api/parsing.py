"""What is read of a request, and what OPTIONS says of an address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.metadata import BaseMetadata
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

if TYPE_CHECKING:
    # Which reads the settings, which name us.
    from rest_framework.views import APIView


class BoundedJSONParser(JSONParser):
    """Reads no more than Django does of other requests, which this would otherwise go around."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        request = (parser_context or {})["request"]
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply") from None


class Methods(BaseMetadata):
    """The answer to OPTIONS: what the address understands, and nothing of how it is made."""

    def determine_metadata(self, _request: Request, view: APIView) -> dict[str, Any]:
        return {"methods": view.allowed_methods}
