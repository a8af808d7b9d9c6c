"""Decisions on one image, and taking them back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from portal.accounts.models import User
from portal.accounts.person import person
from portal.images.models import Image
from portal.moderation.access import may_see
from portal.moderation.actions.adding import add
from portal.moderation.actions.approving import approve
from portal.moderation.actions.completing import complete, reopen
from portal.moderation.actions.flag_deciding import decide_flag
from portal.moderation.actions.redrawing import redraw
from portal.moderation.actions.rejecting import reject
from portal.moderation.actions.relabelling import relabel
from portal.moderation.actions.undoing import undo as undo_one
from portal.moderation.actions.undoing import undo_batch
from portal.moderation.asking import DecideBody, UndoBody, as_box, read
from portal.moderation.deeds import Deed, Target
from portal.moderation.item_documents import item_document
from portal.moderation.looking import note_looks
from portal.moderation.models import AuditEntry, ReviewItem
from portal.moderation.views.answering import seen_image
from recognition.result import Box


@require_POST
def decide(request: HttpRequest, image_id: UUID) -> JsonResponse:
    """One verb on one image. The same request again answers as the first time and changes nothing."""
    body = read(request, DecideBody)
    user = person(request)
    if not AuditEntry.objects.filter(pk=body["id"], actor=user, image=image_id).exists():
        seen_image(request, image_id)
    image = _image(image_id)
    entry = _do(Deed(body["id"], user, image.pk), image, body)
    return JsonResponse({"entry": str(entry.pk), "item": _document(user, image_id)})


@require_POST
def undo(request: HttpRequest) -> JsonResponse:
    """Take back one decision, or all that were made in one go."""
    body = read(request, UndoBody)
    user = person(request)
    if body["batch"] is not None:
        return JsonResponse({"undone": undo_batch(body["id"], user, body["batch"])})
    undone = undo_one(body["id"], user, body["entry"])
    if undone.image_id is None:
        raise Http404
    return JsonResponse({"item": _document(user, undone.image_id)})


def _do(deed: Deed, image: Image, body: dict[str, Any]) -> AuditEntry:
    target = Target(**body["target"]) if body["target"] else None
    box = as_box(body["box"], image.width, image.height)
    match body["verb"], target, box:
        case "approve", Target(), _:
            return approve(deed, target)
        case "reject", Target(), _:
            return reject(deed, target)
        case "relabel", Target(), _:
            return relabel(deed, target, body["label"])
        case "redraw", Target(), Box():
            return redraw(deed, target, box)
        case "add", _, _:
            return add(deed, body["label"], box)
        case "complete", _, _:
            return complete(deed, body["recognition"])
        case "reopen", _, _:
            return reopen(deed)
        case "flag", _, _:
            return decide_flag(deed, body["verdict"])
        case verb, _, _:
            raise ValueError(f"{verb} is no verb, or something that it needs is missing")


def _image(image_id: UUID) -> Image:
    image = Image.objects.select_related("owner", "current", "review").filter(pk=image_id).first()
    if image is None:
        raise Http404
    return image


def _document(user: User, image_id: UUID) -> dict[str, Any] | None:
    """The image as it is now; None where it may not be seen any more."""
    image = _image(image_id)
    if not may_see(user, image):
        return None
    note_looks(user, [image])
    # What was removed has no place in the queue any more.
    item = getattr(image, "review", None) or ReviewItem(image=image, completed_at=timezone.now())
    return item_document(image, item)
