"""Archives of a person's data that are made in the background, where an answer is too small to hold one."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

# How long a finished archive can be fetched.
KEPT = timedelta(days=7)
# Whoever makes one reports every few seconds, and may be a minute late to begin: silent for longer, it has died.
SILENCE = timedelta(minutes=5)


class DataExport(models.Model):
    """One request for an archive: asked for, being made, ready until it expires, or failed.

    `files` are its parts, `{"key": …, "byte_size": …}` each, which lie in the derived storage.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="data_exports")
    requested_at = models.DateTimeField(default=timezone.now)
    claim = models.UUIDField(null=True, blank=True, help_text="Who is making it.")
    beat_at = models.DateTimeField(default=timezone.now, help_text="When its making last got on.")
    images_total = models.PositiveIntegerField(default=0)
    images_done = models.PositiveIntegerField(default=0)
    last_image = models.UUIDField(null=True, blank=True, help_text="Up to here images are in finished parts.")
    files = models.JSONField(default=list, blank=True)
    byte_size = models.PositiveBigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(finished_at__isnull=True), name="data_export_one_running"
            )
        ]

    def __str__(self) -> str:
        return f"Archive of {self.requested_at:%Y-%m-%d %H:%M}"

    @property
    def folder(self) -> str:
        """Where its files lie in the `derived` storage."""
        return f"exports/{self.user_id}"

    @property
    def is_running(self) -> bool:
        return self.finished_at is None and not self.is_abandoned

    @property
    def is_abandoned(self) -> bool:
        """Whether it is unfinished and nobody works at it any more."""
        return self.finished_at is None and self.beat_at < timezone.now() - SILENCE

    @property
    def is_failed(self) -> bool:
        return bool(self.error) or self.is_abandoned

    @property
    def expires_at(self) -> datetime | None:
        return self.finished_at + KEPT if self.finished_at else None

    @property
    def is_ready(self) -> bool:
        """Whether there is something to fetch."""
        return bool(self.finished_at and not self.error and timezone.now() < self.finished_at + KEPT)

    @property
    def percent_done(self) -> int:
        return min(100, 100 * self.images_done // self.images_total) if self.images_total else 0
