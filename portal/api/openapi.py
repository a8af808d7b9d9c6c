"""The OpenAPI document: made from the routes, or read where it was stored when the portal was packed.

What makes it is not in the archive for AWS, where it would only take room and time.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from django.conf import settings

STORED = "openapi.json"


@cache
def openapi_document() -> dict[str, Any]:
    """The document as plain values. The same for every request, so it is made or read once in a process."""
    document = _stored() if find_spec("drf_spectacular") is None else _made()
    # The one thing that is not the same on every portal.
    announced = document["components"]["schemas"]["Announcement"]["properties"]
    announced["size"]["maximum"] = settings.MAX_UPLOAD_BYTES
    return document


def written_document() -> str:
    """The document as it is stored."""
    return json.dumps(_made(), ensure_ascii=False, separators=(",", ":"))


def _stored() -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(Path(settings.BASE_DIR, STORED).read_text("utf-8")))


def _made() -> dict[str, Any]:
    # Its libraries are not there everywhere.
    from portal.api.schema import make_document

    return make_document()
