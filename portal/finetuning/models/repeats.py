"""Recognising the history again, in the background, at a pace."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone


class RepeatState(models.TextChoices):
    RUNNING = "running", "Going on"
    PAUSED = "paused", "Paused"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"


class Repeat(models.Model):
    """Images whose newest result lacks what `served_as` names are queued again, at most `per_minute` of them.

    Earlier results stay. `last_image` is how far it is: images are taken in the order of their ids.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    served_as = models.CharField(max_length=100, blank=True, help_text="The model's version as results name it.")
    per_minute = models.PositiveIntegerField(default=30, validators=[MinValueValidator(1)])
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(max_length=150)
    made_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=RepeatState.choices, default=RepeatState.RUNNING)
    images_total = models.PositiveIntegerField()
    images_queued = models.PositiveIntegerField(default=0)
    images_left_alone = models.PositiveIntegerField(default=0, help_text="Busy, removed, or recognised meanwhile.")
    last_image = models.UUIDField(null=True, blank=True)
    stepped_at = models.DateTimeField(default=timezone.now, help_text="Until when its pace was used up.")
    estimated_micro_usd = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-made_at"]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=models.Q(state="running"), name="one_repeat_at_a_time")
        ]

    def __str__(self) -> str:
        return f"{self.images_queued} of {self.images_total} images again"

    @property
    def percent_done(self) -> int:
        if self.state == RepeatState.DONE or not self.images_total:
            return 100
        return min(99, 100 * (self.images_queued + self.images_left_alone) // self.images_total)
