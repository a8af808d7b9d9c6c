"""What would change if another model ran: a sample of the history, looked at by both."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.finetuning.models.datasets import SnapshotState
from portal.finetuning.models.versions import ModelVersion
from portal.images.models import Image


class DifferenceRun(models.Model):
    """`candidate` against `running` (nothing, where no model of ours ran) over a sample of stored previews."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    candidate = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="difference_runs")
    running = models.ForeignKey(ModelVersion, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    images_wanted = models.PositiveIntegerField(default=200)
    shown_from = models.FloatField(help_text="Percent: what is less sure counts as not there.")
    author_name = models.CharField(max_length=150)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    made_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=SnapshotState.choices, default=SnapshotState.BUILDING)
    images_total = models.PositiveIntegerField(null=True, blank=True)
    images_done = models.PositiveIntegerField(default=0)
    images_unreadable = models.PositiveIntegerField(default=0)
    claim = models.UUIDField(null=True, blank=True)
    beat_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    counts = models.JSONField(
        default=dict, blank=True, help_text='{"Label": {"appears": n, "vanishes": n, "moves": n, "stays": n}}'
    )

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"{self.candidate} against {self.running or 'no model'}"

    @property
    def percent_done(self) -> int:
        if self.state == SnapshotState.READY:
            return 100
        return min(99, 100 * self.images_done // self.images_total) if self.images_total else 0


class DifferenceImage(models.Model):
    """One image of the sample, of which nothing is known until both models have looked at it.

    `changes` are `{"kind": "appears" | "vanishes" | "moves", "label", "confidence", "box", "before"}` each.
    """

    run = models.ForeignKey(DifferenceRun, on_delete=models.CASCADE, related_name="images")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="+")
    changes = models.JSONField(default=list)
    size = models.PositiveIntegerField(default=0, help_text="How many changes.")
    looked_at = models.DateTimeField(null=True, blank=True, help_text="By both models.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "image"], name="difference_image_once")]
        indexes = [models.Index(fields=["run", "-size"], name="difference_largest")]

    def __str__(self) -> str:
        return f"{self.size} changes of {self.image_id}"
