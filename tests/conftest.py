"""People and pictures that the tests share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from portal.accounts.models import User
from portal.images.models import Image, Status
from portal.images.recording import record_result
from recognition.result import Box, DetectorRun, ImageInfo, Instance, Label, Properties, Result, Source
from recognition.result import Status as Outcome

PASSWORD = "correct horse battery"

# The smallest JPEG that browsers show: one grey pixel.
PIXEL = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300" + "01" * 64 + "ffc0000b080001000101011100"
    "ffc4001f0000010501010101010100000000000000000102030405060708090a0b"
    "ffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282"
    "090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788"
    "898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1"
    "f2f3f4f5f6f7f8f9faffda0008010100003f00fbd0ffd9"
)


@pytest.fixture(autouse=True)
def _own_folders(settings: Any, tmp_path: Path) -> None:
    """Every test has storages of its own and no model of the machine's."""
    settings.DATA_DIR = tmp_path
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.MODELS_DIR = tmp_path / "models"
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    configured = {**django_settings.STORAGES, "staticfiles": plain}
    for alias in ("default", "uploads", "derived"):
        options = {**configured[alias]["OPTIONS"], "location": tmp_path / alias}
        configured[alias] = {**configured[alias], "OPTIONS": options}
    settings.STORAGES = configured


def _person(name: str) -> User:
    return User.objects.create_user(name, f"{name}@example.com", PASSWORD)


@pytest.fixture
def owner(db: None) -> User:
    return _person("owner")


@pytest.fixture
def stranger(db: None) -> User:
    return _person("stranger")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser tests come last: their event loop lives on in this thread, and Django's database refuses one."""
    items.sort(key=lambda item: "/e2e/" in str(item.path))


MakeImage = Callable[..., Image]


@pytest.fixture
def stored_image(db: None) -> MakeImage:
    """Make an image whose bytes are stored, in the given state."""

    def make(owner: User, content: bytes = PIXEL, name: str = "photo.jpg", status: Status = Status.QUEUED) -> Image:
        image = Image.objects.create(
            owner=owner,
            filename=name,
            content_type="image/jpeg",
            byte_size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            status=status,
        )
        storages["uploads"].save(image.upload_key, ContentFile(content))
        return image

    return make


def make_result(of: Image, /, *, labels: tuple[Label, ...] | None = None, **changes: Any) -> Result:
    """A result for an image, by default of a dog with one box."""
    if labels is None:
        box = Instance(97.0, Box(0.1, 0.2, 0.3, 0.4))
        labels = (
            Label("Dog", 97.0, "onnx", parents=("Pet", "Animal"), categories=("Animals and Pets",), instances=(box,)),
        )
    values: dict[str, Any] = {
        "image_id": of.pk,
        "source": Source("uploads", of.upload_key),
        "status": Outcome.RECOGNIZED,
        "recognized_at": datetime.now(UTC),
        "image": ImageInfo("JPEG", 640, 480, of.byte_size, of.sha256),
        "labels": labels,
        "properties": Properties(50, 60, 70),
        "detectors": (DetectorRun("onnx", "test-1", 12, fingerprint="f" * 16),),
        "configuration": "c" * 16,
        **changes,
    }
    return Result(**values)


@pytest.fixture
def recognized_image(stored_image: MakeImage) -> MakeImage:
    """Make an image that was recognised, with preview and thumbnail."""

    def make(
        owner: User,
        name: str = "photo.jpg",
        content: bytes | None = None,
        labels: tuple[Label, ...] | None = None,
        **changes: Any,
    ) -> Image:
        # Content of its own unless given, as one person never has the same content twice.
        content = content or PIXEL + name.encode() + str(Image.objects.count()).encode()
        image = stored_image(owner, content, name, Status.QUEUED)
        storages["derived"].save(image.preview_key, ContentFile(PIXEL))
        storages["derived"].save(image.thumbnail_key, ContentFile(PIXEL))
        record_result(make_result(image, labels=labels, **changes))
        image.refresh_from_db()
        return image

    return make
