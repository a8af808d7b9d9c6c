"""The routes of images that are there: the list, one of them, what becomes of it."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.person import person
from portal.api.describing import described
from portal.api.documents import image_document, summaries
from portal.api.listing import percent, read_parameters, read_question, whole_number
from portal.api.problems import Problem
from portal.api.views.base import ImagesView, own_image
from portal.api.views.uploads import start
from portal.api.waiting import LONGEST_SECONDS, wait_until_settled
from portal.images.deletion import delete_images
from portal.images.models import FlagVerdict, Image, Status
from portal.images.queueing import recognize_again
from portal.images.uploads import UploadRefused, note_arrival
from portal.images.workers import by_lambda


class Images(ImagesView):
    @described("images_list")
    def get(self, request: Request) -> Response:
        question = read_question(request.query_params)
        page = question.page(person(request))
        results = summaries(request, page.images, question.filters.confidence)
        return Response({"results": results, "next": str(page.next) if page.next else None})

    @described("images_create")
    def post(self, request: Request) -> Response:
        return start(request)


class OneImage(ImagesView):
    @described("images_get")
    def get(self, request: Request, image_id: UUID) -> Response:
        asked = read_parameters(
            request.query_params, wait=partial(whole_number, least=0, most=LONGEST_SECONDS), min_confidence=percent
        )
        image, duplicate = _arrived(own_image(request, image_id))
        if asked["wait"] and not image.is_settled:
            wait_until_settled(image.pk, asked["wait"])
            image = own_image(request, image.pk)
        confidence = asked["min_confidence"] or 0.0
        return Response(image_document(request, image, min_confidence=confidence, duplicate=duplicate))

    @described("images_delete")
    def delete(self, request: Request, image_id: UUID) -> Response:
        image = own_image(request, image_id)
        delete_images(Image.objects.filter(pk=image.pk))
        return Response(status=204)


class Recognize(ImagesView):
    @described("images_recognize")
    def post(self, request: Request, image_id: UUID) -> Response:
        image = own_image(request, image_id)
        if image.status == Status.AWAITING_UPLOAD:
            raise Problem("file_awaited", "The file of this image has not come yet: send it first.")
        recognize_again(image)
        return Response({"id": str(image.pk), "status": own_image(request, image_id).status}, status=202)


class Result(ImagesView):
    @described("images_result")
    def get(self, request: Request, image_id: UUID) -> Response:
        image = own_image(request, image_id)
        if image.verdict == FlagVerdict.REMOVED:
            raise Problem("hidden", "A moderator removed this image.")
        newest = image.recognitions.first()
        if newest is None:
            raise Problem("no_result", "No detector has said anything of this image yet.")
        return Response(newest.document)


def _arrived(image: Image) -> tuple[Image, bool]:
    """On AWS the file goes to S3, which tells its sender that it has come, and not us: so we ask."""
    if not by_lambda() or image.status != Status.AWAITING_UPLOAD:
        return image, False
    try:
        return note_arrival(image)
    except UploadRefused:
        return image, False
