"""A candidate that looks at new uploads beside what runs; its labels are kept apart and shown to no owner."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from portal.finetuning.models.versions import ModelVersion
from portal.images.models import Image, Recognition


class ShadowRun(models.Model):
    """A share of new uploads goes to `version` as well, from `started_at` until `stopped_at`. One runs at a time."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="shadow_runs")
    percent = models.PositiveSmallIntegerField(
        default=20, validators=[MinValueValidator(1), MaxValueValidator(100)], help_text="Of new uploads."
    )
    started_at = models.DateTimeField(default=timezone.now)
    stopped_at = models.DateTimeField(null=True, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(max_length=150, help_text="As it was then.")
    is_running = models.BooleanField(default=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(fields=["is_running"], condition=models.Q(is_running=True), name="one_shadow")
        ]

    def __str__(self) -> str:
        return f"{self.version} beside {self.percent} % of uploads"


class ShadowSeen(models.Model):
    """What the candidate said of one image: labels in the result contract's form, or why there are none."""

    run = models.ForeignKey(ShadowRun, on_delete=models.CASCADE, related_name="seen")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="+")
    recognition = models.ForeignKey(Recognition, on_delete=models.CASCADE, related_name="+", help_text="What ran.")
    labels = models.JSONField(default=list)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    running_duration_ms = models.PositiveIntegerField(null=True, blank=True, help_text="Of the model that runs.")
    problem = models.TextField(blank=True)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "image"], name="shadow_image_once")]

    def __str__(self) -> str:
        return f"{self.run_id} on {self.image_id}"
