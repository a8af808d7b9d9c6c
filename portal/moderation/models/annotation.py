"""What people say is in an image, beside what detectors said."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.images.models import Image, Label, LabelState


class Annotation(models.Model):
    """One person's word on one label or one box of an image: in force until it is changed or undone.

    A box is in fractions of the upright image; without one the annotation speaks of the whole image. What a detector
    had said there is kept beside it (`predicted_…`), by which the same prediction is known again in later recognitions.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="annotations")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="annotations")
    state = models.CharField(max_length=10, choices=LabelState.choices)
    left = models.FloatField(null=True, blank=True)
    top = models.FloatField(null=True, blank=True)
    width = models.FloatField(null=True, blank=True)
    height = models.FloatField(null=True, blank=True)

    predicted_label = models.ForeignKey(Label, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    predicted_left = models.FloatField(null=True, blank=True)
    predicted_top = models.FloatField(null=True, blank=True)
    predicted_width = models.FloatField(null=True, blank=True)
    predicted_height = models.FloatField(null=True, blank=True)
    predicted_confidence = models.FloatField(null=True, blank=True, help_text="Percent.")
    detector = models.CharField(max_length=64, blank=True, help_text="Who predicted it; empty for what was added.")
    detector_version = models.CharField(max_length=200, blank=True)

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="annotations"
    )
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["decided_at", "id"]
        permissions = [("review_images", "Can review images and correct their labels")]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state=LabelState.PREDICTED), name="annotation_is_somebodys_word"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.get_state_display()})"


class Suggestion(models.Model):
    """What the owner of an image says of one of its labels. Moderators decide."""

    class Kind(models.TextChoices):
        RIGHT = "right", "It is right"
        WRONG = "wrong", "It is wrong"
        INSTEAD = "instead", "It should be something else"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="suggestions")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="suggestions"
    )
    label = models.CharField(max_length=200, help_text="The title of the label it is about.")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    instead = models.CharField(max_length=200, blank=True)
    made_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True, help_text="When a moderator had completed the image.")

    class Meta:
        ordering = ["-made_at"]
        constraints = [models.UniqueConstraint(fields=["image", "author", "label"], name="suggestion_once")]

    def __str__(self) -> str:
        return f"{self.label}: {self.get_kind_display()}"
