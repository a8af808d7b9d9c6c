"""The tokens that programs identify themselves with, and what they may do."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.api.kept_uploads import KeptUpload

__all__ = ["ApiToken", "KeptUpload", "Scope", "State"]


class Scope(models.TextChoices):
    """The words are for the person who makes a token."""

    IMAGES_READ = "images:read", "See images, what was recognised in them, labels and usage"
    IMAGES_WRITE = "images:write", "Upload and delete images, and have them recognised again"
    LABELS_WRITE = "labels:write", "Correct labels"
    ADMIN = "admin", "See how the whole portal is doing, as long as you are staff"


class State(models.TextChoices):
    LIVE = "live", "Live"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"


class ApiToken(models.Model):
    """A token of a person's. The token itself is nowhere: of it there is a digest, and its last characters."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the token, in hex.")
    hint = models.CharField(max_length=4, help_text="Its last characters.")
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    window = models.BigIntegerField(default=0, help_text="The minute, since 1970, that `requests` were made in.")
    requests = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = "API token"
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.name} (…{self.hint})"

    @property
    def state(self) -> State:
        if self.revoked_at is not None:
            return State.REVOKED
        if self.expires_at is not None and self.expires_at <= timezone.now():
            return State.EXPIRED
        return State.LIVE

    @property
    def is_live(self) -> bool:
        return self.state is State.LIVE

    @property
    def scope_words(self) -> list[tuple[str, str]]:
        """Its scopes with what each of them means."""
        return [(scope.value, scope.label) for scope in Scope if scope.value in self.scopes]

    def allows(self, scope: Scope) -> bool:
        """Whether it may be used for what needs `scope` now; `admin` counts only as long as its owner is staff."""
        return scope.value in self.scopes and (scope is not Scope.ADMIN or self.owner.is_staff)
