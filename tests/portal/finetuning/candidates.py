"""Recognised images of drawn shapes, with pictures that a model can look at, and people who may decide on models."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import Client

from portal.accounts.models import User
from portal.images.models import Image
from recognition.result import Box, DetectorRun, Instance, Label
from tests.conftest import MakeImage
from tests.portal.finetuning.conftest import jpeg
from training.shapes import draw

SIDE = 160
# Pictures with these seeds are none of the start's training.
SEED = 3_000_000


def shapes_image(make: MakeImage, owner: User, number: int = 0, **changes: Any) -> Image:
    """A recognised image with the preview of a picture that shapes are drawn in."""
    picture = jpeg(draw(SEED + number, SIDE, SIDE)[0])
    image = make(owner, f"shapes-{number}.jpg", picture, **changes)
    storages["derived"].save(image.preview_key, ContentFile(picture))
    Image.objects.filter(pk=image.pk).update(width=SIDE, height=SIDE)
    image.refresh_from_db()
    return image


def label(name: str, *boxes: tuple[float, float, float, float], sure: float = 90, detector: str = "custom") -> Label:
    return Label(name, sure, detector, instances=tuple(Instance(sure, Box(*sides)) for sides in boxes))


def ran(version: str, duration_ms: int = 40) -> tuple[DetectorRun, ...]:
    return (DetectorRun("custom", version, duration_ms, fingerprint="a" * 16),)


def staff(client: Client, user: User, *permissions: str) -> Client:
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client
