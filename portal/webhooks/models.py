"""A person's webhooks, what is delivered to them, and every attempt at it."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from webhooks.addresses import LONGEST
from webhooks.messages import Message
from webhooks.schedule import next_wait
from webhooks.sending import SECONDS
from webhooks.signing import new_secret

# How long an attempt may take before somebody else makes it: its ten seconds, and a busy machine's.
CLAIMED_FOR = timedelta(seconds=SECONDS + 50)


class Event(models.TextChoices):
    RECOGNIZED = "image.recognized", "An image was recognised"
    FAILED = "image.failed", "An image could not be recognised"


TEST_EVENT = "webhook.test"


class State(models.TextChoices):
    PENDING = "pending", "On its way"
    SUCCEEDED = "succeeded", "Delivered"
    FAILED = "failed", "Failed"


class Webhook(models.Model):
    """An address of a person's own that is told what becomes of their images."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField("address", max_length=LONGEST)
    secret = models.CharField(max_length=100, default=new_secret)
    events = models.JSONField(default=list)
    portal_origin = models.CharField(
        max_length=255, help_text="How its owner reaches the portal: deliveries link there."
    )
    active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.url

    def get_absolute_url(self) -> str:
        return reverse("webhooks:detail", args=[self.pk])

    @property
    def event_labels(self) -> list[str]:
        return [Event(event).label for event in self.events]

    def resume(self) -> None:
        """Deliver again what happens from now on."""
        Webhook.objects.filter(pk=self.pk).update(active=True, disabled_reason="")
        self.refresh_from_db()

    def rotate_secret(self) -> None:
        """Sign with a new secret from now on."""
        Webhook.objects.filter(pk=self.pk).update(secret=new_secret())
        self.refresh_from_db()


class Delivery(models.Model):
    """One message to one webhook. Its id is what the receiver sees as `webhook-id`, the same at every attempt."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=40)
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=20, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    attempts_before = models.PositiveSmallIntegerField(default=0, help_text="Made before it was last sent again.")
    next_at = models.DateTimeField(
        null=True, blank=True, default=timezone.now, help_text="When the next attempt is due, or one under way is lost."
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["webhook", "-created_at", "-id"], name="webhook_log"),
            models.Index(fields=["next_at"], condition=Q(state="pending"), name="delivery_due"),
            models.Index(fields=["created_at"], name="delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.pk}"

    @property
    def message(self) -> Message:
        """What is sent. Wants the webhook loaded along."""
        return Message(
            delivery_id=str(self.pk),
            url=self.webhook.url,
            secret=self.webhook.secret,
            body=self.body,
            allow_private=settings.WEBHOOKS_ALLOW_PRIVATE,
            attempts_before=self.attempts_before,
        )

    @property
    def is_under_way(self) -> bool:
        """Whether an attempt is being made, or will be within moments."""
        soon = timezone.now() + CLAIMED_FOR + timedelta(seconds=10)
        return self.state == State.PENDING and self.next_at is not None and self.next_at < soon

    def wait_after(self, attempt: int) -> timedelta | None:
        """How long to wait after this attempt has failed; None when it was the last."""
        return next_wait(attempt - self.attempts_before)

    def take(self) -> bool:
        """Claim it for one attempt, for a minute. False when it is not due, or somebody else was faster."""
        now = timezone.now()
        due = Delivery.objects.filter(pk=self.pk, state=State.PENDING, next_at__lte=now)
        return bool(due.update(next_at=now + CLAIMED_FOR))

    def give_up(self) -> None:
        """Make no other attempt."""
        Delivery.objects.filter(pk=self.pk, state=State.PENDING).update(state=State.FAILED, next_at=None)

    def renew(self) -> bool:
        """Send it once more, with all attempts anew. False while it is still on its way."""
        over = Delivery.objects.filter(pk=self.pk).exclude(state=State.PENDING)
        return bool(over.update(state=State.PENDING, next_at=timezone.now(), attempts_before=F("attempts")))


class Attempt(models.Model):
    """What came of sending a delivery once."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="log")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    problem = models.CharField(max_length=255, blank=True)
    duration_ms = models.PositiveIntegerField()
    answer = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["delivery", "-number"]
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number")]

    def __str__(self) -> str:
        return f"attempt {self.number} at {self.delivery_id}"


def due_before(moment: datetime) -> models.QuerySet[Delivery]:
    """Deliveries whose next attempt should have been made by then."""
    return Delivery.objects.filter(state=State.PENDING, next_at__lt=moment)
