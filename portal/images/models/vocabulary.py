"""The words for what is in images: those that detectors use, and what people made of them."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


class Label(models.Model):
    """A name for things, as a detector or a person gave it, and what the vocabulary says of it.

    What detectors said keeps its `name` for ever; people see `title` of what the label is merged into, if it is.
    """

    name = models.CharField(max_length=200, unique=True, help_text="As detectors say it; never changed.")
    display_name = models.CharField(max_length=200, blank=True, help_text="What people read instead of the name.")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children")
    category = models.CharField(max_length=200, blank=True)
    aliases = models.JSONField(default=list, blank=True, help_text="Other words that it is found by.")
    blocked = models.BooleanField(default=False, help_text="Shown nowhere, whoever says it.")
    shown_from = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="Percent: predictions that are less sure are not shown. Empty: no threshold of its own.",
    )
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="merged")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        return self.display_name or self.name


class DetectorName(models.Model):
    """What a word means when one certain detector says it: `label` is the word, `meaning` ours."""

    detector = models.CharField(max_length=64)
    label = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="detector_names")
    meaning = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="meant_by")

    class Meta:
        ordering = ["detector", "label__name"]
        constraints = [models.UniqueConstraint(fields=["detector", "label"], name="detector_name_once")]

    def __str__(self) -> str:
        return f"{self.detector}: {self.label.name} means {self.meaning}"
