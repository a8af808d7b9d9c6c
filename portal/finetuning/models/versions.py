"""Versions of a model: trained from a dataset, measured, judged, and run in turn."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from portal.finetuning.models.datasets import DatasetSnapshot

# Whoever watches over a training on this machine reports every few seconds; silent for longer, it has died.
TRAINING_SILENCE = timedelta(minutes=1)


class VersionState(models.TextChoices):
    QUEUED = "queued", "Waiting to start"
    TRAINING = "training", "In training"
    READY = "ready", "Trained"
    FAILED = "failed", "Failed"
    STOPPED = "stopped", "Stopped"


class Approval(models.TextChoices):
    PENDING = "pending", "Not decided"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"


class Place(models.TextChoices):
    HERE = "here", "This machine"
    SAGEMAKER = "sagemaker", "Amazon SageMaker"


class ModelVersion(models.Model):
    """One training and what came of it. `options` are what people chose beyond the defaults, by TrainConfig's names.

    `report` and `verdict` are the documents of training/report.py and training/gate.py, empty until they are there.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(
        max_length=40,
        validators=[RegexValidator(r"^[a-z][a-z0-9-]*\Z", "Small letters, digits and hyphens, a letter first.")],
        help_text="Versions of one name are counted from 1 on.",
    )
    version = models.PositiveIntegerField()
    dataset = models.ForeignKey(DatasetSnapshot, on_delete=models.PROTECT, related_name="model_versions")
    start = models.CharField(max_length=100, help_text="The pretrained model, or the id of an earlier version.")
    place = models.CharField(max_length=10, choices=Place.choices, default=Place.HERE)
    options = models.JSONField(default=dict, blank=True)

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(max_length=150, help_text="As it was then.")
    made_at = models.DateTimeField(default=timezone.now)

    state = models.CharField(max_length=10, choices=VersionState.choices, default=VersionState.QUEUED)
    phase = models.CharField(max_length=20, blank=True, help_text="What it is at: preparing, training, evaluating …")
    steps_done = models.PositiveIntegerField(default=0)
    steps_total = models.PositiveIntegerField(null=True, blank=True)
    seconds_left = models.FloatField(null=True, blank=True, help_text="Of the phase, as the training guesses.")
    curve = models.JSONField(
        default=dict, blank=True, help_text='{"loss": [[step, value], …], "map50": [[step, value], …]}'
    )
    stop_requested = models.BooleanField(default=False)
    claim = models.UUIDField(null=True, blank=True, help_text="Who watches over it.")
    beat_at = models.DateTimeField(default=timezone.now, help_text="When its training was last heard of.")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    report = models.JSONField(default=dict, blank=True)
    verdict = models.JSONField(default=dict, blank=True)
    served_as = models.CharField(max_length=100, blank=True, help_text="What results call it.")
    approval = models.CharField(max_length=10, choices=Approval.choices, default=Approval.PENDING)
    job_name = models.CharField(max_length=63, blank=True, help_text="SageMaker's training job.")
    package_arn = models.CharField(max_length=300, blank=True, help_text="SageMaker's model package.")

    class Meta:
        ordering = ["-made_at"]
        verbose_name = "model version"
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="model_version_once")]
        permissions = [
            ("approve_modelversion", "Can approve and reject model versions"),
            ("promote_modelversion", "Can promote model versions, roll back, and run shadows"),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    @property
    def folder(self) -> str:
        """Where its files lie in the `derived` storage: `model/`, `torch/`, `report/`, `model.tar.gz` …"""
        return f"models/{self.pk}"

    @property
    def is_active(self) -> bool:
        return self.state in (VersionState.QUEUED, VersionState.TRAINING)

    @property
    def is_ready(self) -> bool:
        return self.state == VersionState.READY

    @property
    def has_passed(self) -> bool:
        return bool(self.verdict.get("verdict") == "passed")

    @property
    def map50(self) -> float | None:
        """Mean average precision at an overlap of 0.5 on the test images, 0 to 1."""
        measured: list[Any] | None = self.report.get("candidate", {}).get("map50")
        return measured[0] if measured else None

    @property
    def percent_done(self) -> int:
        if self.is_ready:
            return 100
        return min(99, 100 * self.steps_done // self.steps_total) if self.steps_total else 0

    @staticmethod
    def abandoned() -> Q:
        """Those in training on this machine that nobody watches over any more."""
        silent = Q(beat_at__lt=timezone.now() - TRAINING_SILENCE)
        return Q(place=Place.HERE, state__in=[VersionState.QUEUED, VersionState.TRAINING]) & silent


class Promotion(models.Model):
    """From `at` on this version ran beside the other detectors, or none. The newest row is what runs."""

    version = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="promotions"
    )
    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_name = models.CharField(max_length=150, help_text="As it was then.")
    is_rollback = models.BooleanField(default=False)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.version or 'no model'} from {self.at:%Y-%m-%d %H:%M}"
