"""What is remembered of requests that came with an Idempotency-Key: see portal.api.idempotency."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.images.models import Image

LONGEST_KEY = 255


class KeptUpload(models.Model):
    """The upload that the file at `position` of a request with `key` started. Goes with its image, or after a day."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=LONGEST_KEY)
    position = models.PositiveSmallIntegerField()
    request = models.CharField(max_length=64, help_text="SHA-256 of the whole request, in hex.")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "api"
        indexes = [models.Index(fields=["created_at"], name="kept_upload_age")]
        constraints = [models.UniqueConstraint(fields=["owner", "key", "position"], name="kept_upload_once")]

    def __str__(self) -> str:
        return f"{self.key} [{self.position}]"
