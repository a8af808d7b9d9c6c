"""Users, and the receipts that outlive them."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.urls import reverse


class User(AbstractUser):
    """A person with an account. A class of our own from the first migration on, because it cannot be changed later."""

    email = models.EmailField("e-mail address", unique=True)


class ErasureReceipt(models.Model):
    """What was erased when somebody left. Holds counts and nothing that tells whose they were."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    requested_at = models.DateTimeField(auto_now_add=True)
    images = models.PositiveIntegerField()
    recognitions = models.PositiveIntegerField()
    original_bytes = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["-requested_at"]

    def __str__(self) -> str:
        return f"Receipt {self.id}"

    def get_absolute_url(self) -> str:
        return reverse("accounts:erasure_receipt", args=[self.id])
