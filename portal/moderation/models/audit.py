"""Who did what, to whose image, and when. Rows are added and never changed."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.images.models import Image


class Verb(models.TextChoices):
    LOOKED = "looked", "Looked at"
    APPROVED = "approve", "Approved"
    REJECTED = "reject", "Rejected"
    RELABELLED = "relabel", "Relabelled"
    REDRAWN = "redraw", "Moved or resized a box"
    ADDED = "add", "Added"
    COMPLETED = "complete", "Completed"
    REOPENED = "reopen", "Opened again"
    FLAG_DECIDED = "flag", "Decided on a content flag"
    UNDONE = "undo", "Undid"
    VOCABULARY = "vocabulary", "Changed the vocabulary"
    EXPORTED = "export", "Exported"
    MODEL = "model", "Decided on a model"


class AuditEntry(models.Model):
    """One deed. Its id is made by whoever asks for it, so that the same request twice is one deed.

    `before` and `after` hold what was changed, enough to undo it; both stay empty for looks.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="deeds")
    actor_name = models.CharField(max_length=150, help_text="As it was then.")
    verb = models.CharField(max_length=12, choices=Verb.choices)
    image = models.ForeignKey(Image, null=True, on_delete=models.SET_NULL, related_name="deeds")
    image_uuid = models.UUIDField(null=True, help_text="Which image it was, even when it is gone.")
    subject = models.CharField(max_length=200, blank=True, help_text="The label, in words.")
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    batch = models.UUIDField(null=True, blank=True, help_text="What was done in one go.")
    undone_by = models.OneToOneField("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="undoes")

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "entry of the audit log"
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_time"),
            models.Index(fields=["actor", "-at"], name="audit_actor"),
            models.Index(fields=["batch"], condition=models.Q(batch__isnull=False), name="audit_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.get_verb_display()} {self.subject}".strip()
