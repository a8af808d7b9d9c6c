"""One uploaded photo and the state it is in."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from portal.images.models.money import Hold


class Status(models.TextChoices):
    AWAITING_UPLOAD = "awaiting_upload", "Waiting for the file"
    QUEUED = "queued", "Queued"
    PROCESSING = "processing", "Being recognised"
    RECOGNIZED = "recognized", "Recognised"
    FAILED = "failed", "Failed"


class FlagVerdict(models.TextChoices):
    """What a moderator decided of a photo that was flagged."""

    NONE = "", "Nobody decided yet"
    ALLOWED = "allowed", "Allowed"
    HIDDEN = "hidden", "Hidden"
    REMOVED = "removed", "Removed"


class Image(models.Model):
    """A photo somebody uploaded. It is always in exactly one state, and only conditional updates move it on."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="images")
    filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=100, blank=True, help_text="As the uploader declared it; not trusted.")
    byte_size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the stored bytes; empty until they arrived.")
    created_at = models.DateTimeField(default=timezone.now)

    status = models.CharField(max_length=20, choices=Status.choices, default=Status.AWAITING_UPLOAD)
    queued_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True, help_text="When the next attempt is due.")
    hold = models.CharField(
        max_length=20,
        choices=Hold.choices,
        default=Hold.NONE,
        blank=True,
        help_text="What it waits for while queued.",
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True, blank=True, help_text="The attempt that may record a result.")
    claimed_by = models.CharField(max_length=64, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    reserved_micro_usd = models.BigIntegerField(
        default=0, help_text="What the attempt under way may cost; means nothing in any other state."
    )
    recognized_at = models.DateTimeField(null=True, blank=True)
    failure_code = models.CharField(max_length=64, blank=True)
    failure_message = models.TextField(blank=True)
    failure_permanent = models.BooleanField(default=False)

    format = models.CharField(max_length=16, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True, help_text="Pixels, upright.")
    height = models.PositiveIntegerField(null=True, blank=True, help_text="Pixels, upright.")
    current = models.ForeignKey(
        "images.Recognition", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    content_flag_confidence = models.FloatField(default=0, help_text="Percent; the surest content flag.")
    flagged = models.BooleanField(default=False, help_text="A content flag is above the threshold of its category.")
    verdict = models.CharField(max_length=10, choices=FlagVerdict.choices, default=FlagVerdict.NONE, blank=True)
    shared = models.BooleanField(default=False, help_text="Its owner lets moderators see it.")
    perceptual_hash = models.CharField(max_length=64, blank=True, help_text="Alike for pictures that look alike; hex.")
    search_text = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["owner", "-created_at", "-id"], name="image_history"),
            models.Index(fields=["owner", "status", "-created_at", "-id"], name="image_history_state"),
            models.Index(fields=["owner", "sha256"], name="image_content"),
            models.Index(fields=["status", "queued_at"], name="image_state"),
            models.Index(fields=["hold", "queued_at"], condition=models.Q(hold__gt=""), name="image_held"),
        ]

    def __str__(self) -> str:
        return self.filename

    def get_absolute_url(self) -> str:
        return reverse("images:detail", args=[self.id])

    @property
    def upload_key(self) -> str:
        """Where the original lies in the `uploads` storage."""
        return f"uploads/{self.owner_id}/{self.id}"

    @property
    def derived_prefix(self) -> str:
        """The folder in the `derived` storage that holds all that was made from the original."""
        return f"derived/{self.owner_id}/{self.id}"

    @property
    def preview_key(self) -> str:
        return f"{self.derived_prefix}/preview.jpg"

    @property
    def thumbnail_key(self) -> str:
        return f"{self.derived_prefix}/thumbnail.jpg"

    @property
    def is_settled(self) -> bool:
        return self.status in (Status.RECOGNIZED, Status.FAILED)

    @property
    def has_picture(self) -> bool:
        """Whether a preview and a thumbnail exist: they do once the image was prepared successfully."""
        return self.width is not None

    @property
    def is_flagged(self) -> bool:
        """Whether it is not shown without a warning."""
        return self.flagged and self.verdict != FlagVerdict.ALLOWED

    @property
    def is_hidden(self) -> bool:
        """Whether a moderator decided that its pictures are shown to nobody."""
        return self.verdict in (FlagVerdict.HIDDEN, FlagVerdict.REMOVED)

    def take(self, worker_id: str, until: datetime) -> uuid.UUID | None:
        """Claim a queued image for one attempt. Returns the claim, or None when somebody else was faster."""
        claim = uuid.uuid4()
        now = timezone.now()
        due = models.Q(not_before__isnull=True) | models.Q(not_before__lte=now)
        taken = Image.objects.filter(due, pk=self.pk, status=Status.QUEUED, hold=Hold.NONE).update(
            status=Status.PROCESSING,
            claim=claim,
            claimed_by=worker_id,
            claimed_until=until,
            attempts=F("attempts") + 1,
            reserved_micro_usd=0,
        )
        if not taken:
            return None
        self.refresh_from_db()
        return claim

    def put_back(self, claim: uuid.UUID, wait: timedelta) -> bool:
        """Queue the image for another attempt after `wait`, if `claim` still holds it."""
        now = timezone.now()
        return bool(
            Image.objects.filter(pk=self.pk, status=Status.PROCESSING, claim=claim).update(
                status=Status.QUEUED,
                claim=None,
                claimed_by="",
                claimed_until=None,
                queued_at=now,
                not_before=now + wait,
            )
        )

    def hold_back(self, claim: uuid.UUID, reason: Hold) -> bool:
        """Let the image wait until there is a budget for it, if `claim` still holds it. The attempt does not count."""
        return bool(
            Image.objects.filter(pk=self.pk, status=Status.PROCESSING, claim=claim).update(
                status=Status.QUEUED,
                hold=reason,
                claim=None,
                claimed_by="",
                claimed_until=None,
                attempts=F("attempts") - 1,
            )
        )

    def give_up(self, claim: uuid.UUID, code: str, message: str) -> bool:
        """Mark the image failed for now: its owner may try again. Only while `claim` still holds it."""
        return bool(
            Image.objects.filter(pk=self.pk, status=Status.PROCESSING, claim=claim).update(
                status=Status.FAILED,
                claim=None,
                claimed_by="",
                claimed_until=None,
                failure_code=code,
                failure_message=message,
                failure_permanent=False,
            )
        )
