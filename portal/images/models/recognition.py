"""What detectors said. These rows are written once by `record_result` and never edited."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.images.models.image import Image
from portal.images.models.vocabulary import Label
from recognition.result import Result, Status


class Recognition(models.Model):
    """One recognition of one image: the result as it came, and its labels as rows to filter by."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="recognitions")
    status = models.CharField(max_length=20, choices=[(status.value, status.value.title()) for status in Status])
    content_sha256 = models.CharField(max_length=64, blank=True)
    configuration = models.CharField(max_length=64, blank=True, help_text="Fingerprint of the detectors asked.")
    recognized_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)
    cost_micro_usd = models.BigIntegerField(default=0, help_text="What it cost, in millionths of a US dollar.")
    document = models.JSONField(help_text="The result contract's JSON.")

    class Meta:
        ordering = ["-recognized_at", "-id"]
        indexes = [models.Index(fields=["recorded_at"], name="recognition_recorded")]
        constraints = [
            models.UniqueConstraint(
                fields=["image", "content_sha256", "configuration", "recognized_at"], name="recognition_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.image} at {self.recognized_at:%Y-%m-%d %H:%M:%S}"

    @property
    def result(self) -> Result:
        return Result.from_dict(self.document)


class DetectedLabel(models.Model):
    """A label that one detector gave to an image in one recognition. Confidence in percent."""

    recognition = models.ForeignKey(Recognition, on_delete=models.CASCADE, related_name="labels")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="detected")
    detector = models.CharField(max_length=64)
    confidence = models.FloatField()

    class Meta:
        ordering = ["-confidence"]
        indexes = [models.Index(fields=["label", "-confidence", "-id"], name="detected_label_confidence")]
        constraints = [models.UniqueConstraint(fields=["recognition", "label", "detector"], name="detected_label_once")]

    def __str__(self) -> str:
        return f"{self.label} ({self.confidence:.0f} %)"


class LabelState(models.TextChoices):
    """Whether people have said something of a label or a box, and what."""

    PREDICTED = "predicted", "Predicted"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    CORRECTED = "corrected", "Corrected"
    ADDED = "added", "Added"


class CurrentLabel(models.Model):
    """What a history finds an image by: its labels as they are true now, repeated beside owner and moment.

    Derived from the current recognition, from what people said and from the vocabulary, and replaced as a whole when
    any of them changes. A page of the images with a label is then one piece of an index, however many images there are.
    """

    image = models.ForeignKey(Image, on_delete=models.CASCADE, db_index=False, related_name="current_labels")
    # It goes with its image. Without a constraint, storing a label does not wait for who is changing the owner's row.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )
    created_at = models.DateTimeField(help_text="The image's.")
    name = models.CharField(max_length=200, help_text="The label's title, in lower case.")
    title = models.CharField(max_length=200, blank=True, help_text="The label as people read it.")
    detector = models.CharField(max_length=64)
    confidence = models.FloatField(help_text="Percent; 100 where people said so.")
    state = models.CharField(max_length=10, choices=LabelState.choices, default=LabelState.PREDICTED)
    surest_of_name = models.BooleanField(help_text="One row of each image and name: no detector is surer.")
    surest_of_detector = models.BooleanField(help_text="One row of each image and detector: its surest label.")

    class Meta:
        indexes = [
            models.Index(
                fields=["owner", "name", "-created_at", "-image", "surest_of_name", "detector", "confidence"],
                name="current_label_history",
            ),
            models.Index(
                fields=["owner", "detector", "-created_at", "-image", "confidence"],
                condition=models.Q(surest_of_detector=True),
                name="current_label_detector",
            ),
            models.Index(fields=["name", "image"], name="current_label_name"),
        ]
        constraints = [models.UniqueConstraint(fields=["image", "name", "detector"], name="current_label_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.confidence:.0f} %)"


class Instance(models.Model):
    """One place where a label was found: a box in fractions of the upright image, confidence in percent."""

    detected_label = models.ForeignKey(DetectedLabel, on_delete=models.CASCADE, related_name="instances")
    confidence = models.FloatField()
    left = models.FloatField()
    top = models.FloatField()
    width = models.FloatField()
    height = models.FloatField()

    class Meta:
        ordering = ["-confidence"]

    def __str__(self) -> str:
        return f"{self.confidence:.0f} % at ({self.left:.2f}, {self.top:.2f})"
