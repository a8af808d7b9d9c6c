"""What the OpenAPI document says of each route of images. portal.api.schema adds what all routes have in common."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from portal.api import idempotency, listing, waiting
from portal.api import serializers as shapes
from portal.api import serializers_uploads as uploads
from portal.api.describing import Operation, operation
from portal.api.kept_uploads import LONGEST_KEY
from portal.images.history import SHOWN_STATUSES
from portal.images.serving import IMAGE_TYPES, UNKNOWN_TYPE

_IMAGES = ["images"]
_FILES = ["files"]


def _query(name: str, schema: dict[str, Any], description: str, **options: Any) -> OpenApiParameter:
    return OpenApiParameter(name, schema, OpenApiParameter.QUERY, description=description, **options)


def _problem(description: str) -> OpenApiResponse:
    return OpenApiResponse(uploads.Problem, description)


_NO_NUL = r"^[^\u0000]*$"
_PERCENT = {"type": "number", "minimum": 0, "maximum": 100}
_MOMENT = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}
_IDEMPOTENCY_KEY = OpenApiParameter(
    idempotency.HEADER,
    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description=(
        "Anything that is unique to this request. The same request with the same key starts nothing new within 24"
        " hours: it is answered with the same images, and with new forms for the files that have not come."
    ),
)
_MISMATCH = _problem("`idempotency_mismatch`: the key was used for another request.")
_ANNOUNCED = {"filename": "cat.jpg", "content_type": "image/jpeg", "size": 2811904}

images_list = operation(
    operation_id="images_list",
    tags=_IMAGES,
    summary="List images",
    description=(
        "Your images that match all of the parameters, newest first. Images whose file has not come are not among them."
    ),
    parameters=[
        OpenApiParameter(
            "label",
            {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": listing.LONGEST_TEXT, "pattern": _NO_NUL},
                "maxItems": listing.MOST_LABELS,
            },
            OpenApiParameter.QUERY,
            explode=True,
            style="form",
            description=(
                "Has this label, by any name that the portal's vocabulary knows for it, whatever the case of its"
                " letters. Repeated: has all of them."
            ),
        ),
        _query("status", {"type": "string", "enum": [status.value for status in SHOWN_STATUSES]}, "Is in this state."),
        _query(
            "detector",
            {"type": "string", "minLength": 1, "maxLength": listing.LONGEST_DETECTOR, "pattern": _NO_NUL},
            "Has a label of this detector; `people`: one that a person corrected or added.",
        ),
        _query(
            "min_confidence",
            _PERCENT,
            "Labels below so many percent do not count, and are not shown. As on the pages, if it is left out. Labels"
            " of which people decided have 100 %.",
        ),
        _query(
            "q",
            {"type": "string", "maxLength": listing.LONGEST_TEXT, "pattern": f"^{listing.WORDS}$"},
            "Has all of these words (at most 10, between spaces) in its file name, its labels or the text in it.",
        ),
        _query("since", _MOMENT, "Was announced on that day (UTC) or at that moment, or later."),
        _query("until", _MOMENT, "Was announced on that day (UTC) or at that moment, or earlier."),
        _query(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": listing.MOST, "default": listing.USUAL},
            "How many at most.",
        ),
        _query("cursor", {"type": "string", "pattern": f"^{listing.CURSOR}$"}, "`next` of the page before."),
    ],
    responses=shapes.ImageList,
)

images_create = operation(
    operation_id="images_create",
    tags=_IMAGES,
    summary="Announce a file",
    description=(
        "Reserves a place for the file. POST the form's `fields` and then the file to the form's `url`: recognition"
        " begins by itself when it has come. Content that you have already is answered with the image that you have;"
        " without `sha256` that is noticed only when the file has come, and the id that was announced is then gone."
    ),
    parameters=[_IDEMPOTENCY_KEY],
    request=uploads.Announcement,
    examples=[OpenApiExample("A photo", _ANNOUNCED, request_only=True)],
    responses={
        201: OpenApiResponse(uploads.StartedUpload, "Send the file by this form."),
        200: OpenApiResponse(shapes.Image, "You have this content already."),
        413: _problem("`file_too_large`"),
        415: _problem("`unsupported_format`: not an image, or the request is not JSON."),
        422: _MISMATCH,
    },
)

images_batch = operation(
    operation_id="images_batch",
    tags=_IMAGES,
    summary="Announce up to 100 files",
    description=(
        "Each file is answered for itself, in the order of the request: a refused one does not hold up the others."
        " `status_code` is what the file alone would have been answered with."
    ),
    parameters=[_IDEMPOTENCY_KEY],
    request=uploads.BatchRequest,
    examples=[
        OpenApiExample("Two photos", {"images": [_ANNOUNCED, {**_ANNOUNCED, "filename": "dog.jpg"}]}, request_only=True)
    ],
    responses={
        200: OpenApiResponse(uploads.Batch, "One entry for each file."),
        413: _problem("`request_too_large`"),
        415: _problem("The request is not JSON."),
        422: _MISMATCH,
    },
)

images_upload_form = operation(
    operation_id="images_upload_form",
    tags=_IMAGES,
    summary="Get another upload form",
    description="For a file that did not come before its form expired. `upload` is null if it has come.",
    request=uploads.UploadFormRequest,
    responses={
        200: OpenApiResponse(uploads.StartedUpload, "The state of the image, with a form while its file is awaited."),
        415: _problem("The request is not JSON."),
    },
)

images_get = operation(
    operation_id="images_get",
    tags=_IMAGES,
    summary="Get an image",
    description=(
        "All that is known of an image: what people said of its labels first, then what detectors say. After a failure,"
        " what was recognised before it stays visible."
    ),
    parameters=[
        _query(
            "wait",
            {"type": "integer", "minimum": 0, "maximum": waiting.LONGEST_SECONDS, "default": 0},
            "Hold the answer until the image is recognised or failed, for at most so many seconds. When many wait, the"
            " answer comes at once: look at `status`.",
        ),
        _query(
            "min_confidence",
            {**_PERCENT, "default": 0},
            "Leave out labels, text and warnings below so many percent, unless people decided on them.",
        ),
    ],
    responses=shapes.Image,
)

images_delete = operation(
    operation_id="images_delete",
    tags=_IMAGES,
    summary="Delete an image",
    description="With its file and all that was made from it, for good.",
    responses={204: OpenApiResponse(description="It is gone.")},
)

images_recognize = operation(
    operation_id="images_recognize",
    tags=_IMAGES,
    summary="Recognise an image again",
    description="Asks the detectors once more, unless it waits for them already. What was found before stays visible.",
    request=None,
    responses={
        202: OpenApiResponse(shapes.ImageState, "It waits for recognition, or is being recognised."),
        409: _problem("`file_awaited`: its file has not come yet."),
    },
)

images_result = operation(
    operation_id="images_result",
    tags=_FILES,
    summary="Get the newest result",
    description=(
        "As the detectors gave it, whole, whatever people said of it. `no_result` (404) as long as there is none."
    ),
    responses=shapes.Result,
)


def _file(name: str, summary: str, description: str, types: list[str]) -> Operation:
    responses: dict[Any, Any] = {(200, media_type): OpenApiTypes.BINARY for media_type in types}
    responses[302] = OpenApiResponse(
        description="On AWS: the file is at `Location` for a while. Do not send the token there."
    )
    responses[404] = _problem("`not_found`, or `hidden`: a moderator decided that it is not shown.")
    return operation(
        operation_id=f"images_{name}", tags=_FILES, summary=summary, description=description, responses=responses
    )


images_original = _file(
    "original",
    "Download the original",
    "The file as it was uploaded.",
    [UNKNOWN_TYPE, *dict.fromkeys(IMAGE_TYPES.values())],
)
images_preview = _file(
    "preview", "Download the preview", "The upright picture at page size, without metadata.", ["image/jpeg"]
)
images_thumbnail = _file(
    "thumbnail", "Download the thumbnail", "The upright picture at grid size, without metadata.", ["image/jpeg"]
)

OPERATIONS = (
    images_list,
    images_create,
    images_batch,
    images_upload_form,
    images_get,
    images_delete,
    images_recognize,
    images_result,
    images_original,
    images_preview,
    images_thumbnail,
)
