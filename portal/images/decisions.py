"""Who decided on the labels of an image, in words for its owner: moderators are not named."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone
from django.utils.formats import date_format

from portal.accounts.models import User
from portal.images.label_rows import Decided, detector_title
from portal.images.models import Image, LabelState
from portal.moderation.models import Annotation

_VERBS = {
    LabelState.APPROVED: "approved",
    LabelState.CORRECTED: "corrected",
    LabelState.ADDED: "added",
    LabelState.REJECTED: "refused",
}


def decided(image: Image, reader: User) -> dict[UUID, Decided]:
    """What each annotation of the image decided, by its id: "A moderator corrected this on 3 May 2026."; one query."""
    annotations = image.annotations.select_related("predicted_label")
    return {each.id: Decided(_sentence(each, reader), _had_said(each)) for each in annotations}


def _sentence(annotation: Annotation, reader: User) -> str:
    day = date_format(timezone.localtime(annotation.decided_at), "j F Y")
    who = "You" if annotation.author_id == reader.pk else "A moderator"
    return f"{who} {_VERBS[LabelState(annotation.state)]} this on {day}."


def _had_said(annotation: Annotation) -> str:
    if annotation.predicted_label is None or annotation.predicted_confidence is None:
        return ""
    title, said = detector_title(annotation.detector), annotation.predicted_label.name
    return f"{title} had said “{said}”, {annotation.predicted_confidence:.0f} % sure."
