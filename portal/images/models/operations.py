"""What the machinery remembers: allowances used, files still to be erased, workers alive."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class DailyUploads(models.Model):
    """How many images a person began to upload on a day (UTC). Deleting an image does not give its place back."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="daily_uploads")
    day = models.DateField()
    images = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "day"], name="daily_uploads_once")]

    def __str__(self) -> str:
        return f"{self.images} on {self.day}"


class StorageDeletion(models.Model):
    """A folder or file of a storage that must go. The row goes when the files are gone, and not before."""

    storage = models.CharField(max_length=20)
    path = models.CharField(max_length=500, help_text="A key, or a folder of keys.")
    receipt = models.ForeignKey(
        "accounts.ErasureReceipt", null=True, blank=True, on_delete=models.CASCADE, related_name="pending"
    )
    created_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(default=timezone.now)
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"{self.storage}: {self.path}"


class WorkerHeartbeat(models.Model):
    """A worker process and when it last said that it lives."""

    worker_id = models.CharField(primary_key=True, max_length=64)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    beat_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["worker_id"]

    def __str__(self) -> str:
        return self.worker_id
