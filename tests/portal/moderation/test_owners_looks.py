"""The administration's pages of images: a look at somebody else's is in the audit log."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.images.models import Image
from portal.moderation.groups import make_moderator
from portal.moderation.models import AuditEntry, Verb
from tests.conftest import PASSWORD, MakeImage

LIST = "/admin/images/image/"


@pytest.fixture
def staff(db: None) -> User:
    """May see images and nothing else."""
    person = User.objects.create_user("staff", "staff@example.com", PASSWORD, is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_image", content_type__app_label="images"))
    return person


def looks() -> list[tuple[str, str]]:
    entries = AuditEntry.objects.filter(verb=Verb.LOOKED).order_by("image__filename")
    return [(entry.actor_name, entry.image.filename if entry.image else "") for entry in entries]


def addresses(image: Image) -> dict[str, str]:
    names = {"page": "change", "preview": "preview", "thumbnail": "thumbnail"}
    return {name: reverse(f"admin:images_image_{view}", args=[image.pk]) for name, view in names.items()}


@pytest.mark.parametrize("first", ["page", "preview", "thumbnail"])
def test_a_look_at_somebody_elses_image_is_recorded_once_whatever_of_it_is_fetched(
    client: Client, staff: User, owner: User, recognized_image: MakeImage, first: str
) -> None:
    image = recognized_image(owner)
    client.force_login(staff)
    assert client.get(addresses(image)[first]).status_code == 200
    assert looks() == [("staff", "photo.jpg")]
    for address in addresses(image).values():
        client.get(address)
    assert looks() == [("staff", "photo.jpg")]


def test_a_list_is_a_look_at_each_picture_that_it_shows(
    client: Client, staff: User, owner: User, recognized_image: MakeImage, stored_image: MakeImage
) -> None:
    recognized_image(owner, "a.jpg")
    recognized_image(owner, "b.jpg")
    recognized_image(staff, "own.jpg")
    stored_image(owner, b"new", "without-picture.jpg")
    client.force_login(staff)
    assert client.get(f"{LIST}?q=b.jpg").status_code == 200
    assert looks() == [("staff", "b.jpg")]
    client.get(LIST)
    assert looks() == [("staff", "a.jpg"), ("staff", "b.jpg")]


def test_who_may_not_look_is_not_said_to_have_looked(
    client: Client, owner: User, stranger: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner)
    make_moderator(stranger)
    client.force_login(stranger)
    for address in (LIST, *addresses(image).values()):
        assert client.get(address).status_code == 403, "moderators review; they do not browse"
    assert looks() == []
