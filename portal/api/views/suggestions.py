"""What owners say of the labels of their images, by API: suggestions, on which moderators decide."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.accounts.person import person
from portal.api.describing import described
from portal.api.documents import moment
from portal.api.listing import label_name, read_parameters
from portal.api.opinions import read_opinion
from portal.api.problems import Problem
from portal.api.scopes import Scope, requires
from portal.api.views.base import own_image
from portal.moderation.deeds import Refused
from portal.moderation.models import Suggestion
from portal.moderation.suggesting import suggest, take_back

# What a suggestion is refused for that can be seen in the request: the field that is wrong.
_FIELDS = {"unknown_kind": "kind", "no_label": "instead", "bad_label": "instead"}
_CODES = {"too_many": "too_many_suggestions"}


class Suggestions(APIView):
    """Looking needs the scope `images:read`, saying something `labels:write`."""

    def get_permissions(self) -> list[BasePermission]:
        scope = Scope.IMAGES_READ if self.request.method in SAFE_METHODS else Scope.LABELS_WRITE
        return [requires(scope)()]

    @described("images_suggestions")
    def get(self, request: Request, image_id: UUID) -> Response:
        read_parameters(request.query_params)
        said = own_image(request, image_id).suggestions.filter(author=person(request))
        return Response({"results": [_document(each) for each in said]})

    @described("images_suggest")
    def put(self, request: Request, image_id: UUID) -> Response:
        image = own_image(request, image_id)
        opinion = read_opinion(request.data)
        try:
            suggestion = suggest(image, person(request), opinion.label, opinion.kind, opinion.instead)
        except Refused as refused:
            raise _problem(refused) from None
        return Response(_document(suggestion))

    @described("images_unsuggest")
    def delete(self, request: Request, image_id: UUID) -> Response:
        image = own_image(request, image_id)
        label = read_parameters(request.query_params, label=label_name)["label"]
        if label is None:
            errors = (("label", "It is missing."),)
            raise Problem("invalid_request", "“label” must name the label.", errors=errors)
        if not take_back(image, person(request), label):
            raise Problem("not_found", "You have said nothing of this label.")
        return Response(status=204)


def _document(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "label": suggestion.label,
        "kind": suggestion.kind,
        "instead": suggestion.instead or None,
        "made_at": moment(suggestion.made_at),
        "settled_at": moment(suggestion.settled_at),
    }


def _problem(refused: Refused) -> Problem:
    if refused.code in _FIELDS:
        return Problem("invalid_request", refused.message, errors=((_FIELDS[refused.code], refused.message),))
    return Problem(_CODES.get(refused.code, refused.code), refused.message)
