"""Datasets: what people said of images at one moment, kept as it was for training and for measuring."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from portal.finetuning.near_duplicates import DISTANCE
from portal.finetuning.splitting import SALT, Split
from portal.images.models import Image

# Whoever builds one reports after every few hundred images; silent for longer, it has died.
SILENCE = timedelta(minutes=2)


class SnapshotState(models.TextChoices):
    BUILDING = "building", "Being built"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"


class DatasetSnapshot(models.Model):
    """One version of a dataset. Once it is ready nothing changes it, except that deleted images leave it.

    `labels` are titles (all, if empty); `categories` those that were taken, `{"id", "name"}` each, in the order of
    names. Percentages are of the images; what validation and test leave is for training.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, help_text="Versions of one name are counted from 1 on.")
    version = models.PositiveIntegerField()
    labels = models.JSONField(default=list, blank=True)
    minimum = models.PositiveIntegerField(default=1, help_text="Labels with fewer boxes are left out.")
    validation_percent = models.PositiveSmallIntegerField(default=10, validators=[MaxValueValidator(98)])
    test_percent = models.PositiveSmallIntegerField(default=10, validators=[MaxValueValidator(98)])
    salt = models.CharField(max_length=64, default=SALT, help_text="Another salt makes another split.")
    distance = models.PositiveSmallIntegerField(
        default=DISTANCE,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="Pictures whose hashes differ in no more bits stay in one split.",
    )
    licence = models.TextField(blank=True, help_text="Under which terms the images may be used.")
    with_images = models.BooleanField(default=False, help_text="The pictures are stored beside the lists.")

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(max_length=150, help_text="As it was then.")
    made_at = models.DateTimeField(default=timezone.now)

    state = models.CharField(max_length=10, choices=SnapshotState.choices, default=SnapshotState.BUILDING)
    categories = models.JSONField(default=list, blank=True)
    images_total = models.PositiveIntegerField(null=True, blank=True, help_text="To look at; empty until counted.")
    images_done = models.PositiveIntegerField(default=0)
    last_image = models.UUIDField(null=True, blank=True, help_text="Up to here images were looked at.")
    pictures_done = models.PositiveIntegerField(default=0)
    last_picture = models.CharField(max_length=64, blank=True, help_text="Up to here pictures are stored.")
    claim = models.UUIDField(null=True, blank=True, help_text="Who is building it.")
    beat_at = models.DateTimeField(default=timezone.now, help_text="When its building last got on.")
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    tally = models.JSONField(default=dict, blank=True, help_text="What was met with on the way.")
    card = models.JSONField(default=dict, blank=True)

    images_removed = models.PositiveIntegerField(default=0, help_text="Deleted after it was made.")
    changed_at = models.DateTimeField(null=True, blank=True, help_text="When an image was last removed.")

    class Meta:
        ordering = ["-made_at"]
        verbose_name = "dataset"
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="dataset_version_once")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    @property
    def folder(self) -> str:
        """Where its files lie in the `derived` storage."""
        return f"datasets/{self.pk}"

    @property
    def lists_folder(self) -> str:
        """Where its lists and its card lie: elsewhere after each removal, so that what is owed to erasure stays so."""
        return f"{self.folder}/annotations/{self.images_removed}"

    @property
    def is_ready(self) -> bool:
        return self.state == SnapshotState.READY

    @property
    def is_building(self) -> bool:
        return self.state == SnapshotState.BUILDING

    @property
    def train_percent(self) -> int:
        return 100 - self.validation_percent - self.test_percent

    @property
    def percent_done(self) -> int:
        """How far the building is; storing pictures is the second half of it, where it is wanted."""
        if self.is_ready:
            return 100
        steps = (self.images_total or 0) * (2 if self.with_images else 1)
        return min(99, 100 * (self.images_done + self.pictures_done) // steps) if steps else 0

    @staticmethod
    def abandoned() -> Q:
        """Those that nobody works at any more."""
        return Q(state=SnapshotState.BUILDING, beat_at__lt=timezone.now() - SILENCE)


class DatasetImage(models.Model):
    """One picture of a dataset with its boxes, as they were when the snapshot was made.

    `annotations` are `{"label", "box": {"left", "top", "width", "height"}, "state"}` each, boxes in fractions of the
    upright picture. A negative has none: people said that nothing of the chosen labels is in it.
    """

    snapshot = models.ForeignKey(DatasetSnapshot, on_delete=models.CASCADE, related_name="images")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="+")
    sha256 = models.CharField(max_length=64)
    group_key = models.CharField(max_length=64, help_text="The same for pictures that look alike.")
    split = models.CharField(max_length=10, choices=[(split.value, split.value.title()) for split in Split])
    width = models.PositiveIntegerField(help_text="Pixels, upright.")
    height = models.PositiveIntegerField(help_text="Pixels, upright.")
    annotations = models.JSONField(default=list)
    is_negative = models.BooleanField()
    is_complete = models.BooleanField(help_text="People said that nothing else is in it.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["snapshot", "image"], name="dataset_image_once")]
        indexes = [models.Index(fields=["snapshot", "split", "sha256"], name="dataset_image_split")]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.split})"

    @property
    def file_name(self) -> str:
        """Its name within the dataset's folder."""
        return file_name(self.sha256)


def file_name(sha256: str) -> str:
    """What the picture of a content is called within a dataset's folder."""
    return f"images/{sha256}.jpg"
