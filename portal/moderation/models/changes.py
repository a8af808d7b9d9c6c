"""Changes of words and thresholds that many images must follow."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from portal.images.models import Label


class VocabularyChange(models.Model):
    """One change of the vocabulary, and how far the images have followed it."""

    class Kind(models.TextChoices):
        MERGE = "merge", "Merge"
        RENAME = "rename", "Rename"
        BLOCK = "block", "Block"
        THRESHOLD = "threshold", "Threshold"
        DESCRIBE = "describe", "Parent, category, aliases"
        MAPPING = "mapping", "What a detector's word means"
        FLAGS = "flags", "Thresholds of content flags"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    summary = models.CharField(max_length=300, help_text="What it does, in words.")
    labels = models.ManyToManyField(Label, related_name="changes", help_text="Images with any of these follow it.")
    before = models.JSONField(default=dict, help_text="What brings it back.")
    after = models.JSONField(default=dict)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    images_done = models.PositiveIntegerField(default=0)
    last_image = models.UUIDField(null=True, help_text="How far it is, in the order of ids.")
    claim = models.UUIDField(null=True)
    beat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    undone_by = models.OneToOneField("self", null=True, on_delete=models.SET_NULL, related_name="undoes")

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return self.summary

    @property
    def percent(self) -> int:
        """How far it is. As ids are drawn at random, the place of the last one tells, and nobody has to count."""
        if self.finished_at:
            return 100
        return 100 * self.last_image.int >> 128 if self.last_image else 0


class ContentThreshold(models.Model):
    """From which confidence on the content flags of one category hide a photo."""

    category = models.CharField(max_length=200, unique=True, help_text="A top-level category, as Rekognition names it.")
    confidence = models.FloatField(
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="Percent. Above 100 is not possible: allow such photos one by one.",
    )

    class Meta:
        ordering = ["category"]

    def __str__(self) -> str:
        return f"{self.category} from {self.confidence:g} % on"
