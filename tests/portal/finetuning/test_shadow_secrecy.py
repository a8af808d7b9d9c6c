"""Owners never learn what a shadow says of their photos: not from pages, the API, or what they take away."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.api.tokens import make_token
from portal.finetuning.shadowing import start_shadow
from portal.images.exporting import csv_stream, json_stream
from portal.images.history import own_images
from portal.images.models import Image
from tests.conftest import MakeImage
from tests.portal.finetuning.conftest import MakeAnnotated, make_snapshot
from tests.portal.finetuning.versions import ready_version, trainer

pytestmark = pytest.mark.django_db


@pytest.fixture
def secret(annotated: MakeAnnotated, owner: User, recognized_image: MakeImage) -> Image:
    """An image of which a shadow says that there is a zeppelin in it."""
    annotated()
    run = start_shadow(ready_version(make_snapshot()), 100, trainer(owner))
    image = recognized_image(owner)
    result = image.recognitions.get().result
    storages["derived"].save(f"{image.derived_prefix}/results/1.json", ContentFile(result.to_json().encode()))
    box = {"left": 0.1, "top": 0.1, "width": 0.5, "height": 0.5}
    said = {"name": "Zeppelin", "confidence": 99, "detector": "custom", "instances": [{"confidence": 99, "box": box}]}
    run.seen.create(image=image, recognition=image.recognitions.get(), labels=[said])
    return image


def test_owners_never_see_on_their_pages_what_a_shadow_says(client: Client, secret: Image, owner: User) -> None:
    client.force_login(owner)
    for address in (reverse("images:detail", args=[secret.pk]), reverse("images:history"), secret_result(secret)):
        answer = client.get(address)
        content = answer.getvalue().decode()
        assert answer.status_code == 200, address
        assert str(secret.pk) in content
        assert "zeppelin" not in content.lower(), address
    found = client.get(reverse("images:history"), {"q": "zeppelin"})
    assert str(secret.pk) not in found.content.decode()
    assert not secret.current_labels.filter(name="zeppelin").exists()


def secret_result(image: Image) -> str:
    return reverse("images:result", args=[image.pk])


def test_nor_in_the_api(secret: Image, owner: User) -> None:
    token = make_token(owner, "test", ["images:read"], None)[1]
    program = Client(headers={"authorization": f"Bearer {token}"})
    for address in (f"/api/v1/images/{secret.pk}", "/api/v1/images", f"/api/v1/images/{secret.pk}/result"):
        answer = program.get(address)
        assert answer.status_code == 200, address
        assert str(secret.pk) in answer.content.decode()
        assert "zeppelin" not in answer.content.decode().lower(), address


def test_nor_in_exports(secret: Image, owner: User) -> None:
    for stream in (csv_stream, json_stream):
        content = "".join(stream(own_images(owner), 0))
        assert str(secret.pk) in content
        assert "zeppelin" not in content.lower()
    folder = Path(storages["derived"].path(secret.derived_prefix))
    stored = [path.read_bytes() for path in folder.rglob("*.json")]
    assert stored
    assert not any(b"zeppelin" in content.lower() for content in stored)
