"""Owners let moderators see their images, where that is up to them, and are told who may look."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.images.models import Image
from portal.moderation.models import ReviewItem
from tests.conftest import MakeImage
from tests.portal.moderation.deciding import a_moderator

SELECTION = reverse("images:selection")


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def page(client: Client, image: Image) -> str:
    return client.get(image.get_absolute_url()).content.decode()


def is_shared(image: Image) -> tuple[bool, bool]:
    return Image.objects.get(pk=image.pk).shared, ReviewItem.objects.get(image=image).shared


def test_an_image_is_shared_from_its_page_and_shared_no_more(
    signed_in: Client, owner: User, recognized_image: MakeImage, settings: Any
) -> None:
    settings.MODERATION_SEES = "shared"
    image = recognized_image(owner)
    address = reverse("images:sharing", args=[image.pk])
    assert "Moderators do not see this image, unless you share it with them." in page(signed_in, image)

    assert signed_in.post(address, {"shared": "1"})["Location"] == image.get_absolute_url()
    assert is_shared(image) == (True, True)
    html = page(signed_in, image)
    assert "because you share it; every look is recorded." in html
    assert "Stop sharing" in html
    signed_in.post(address, {"shared": "0"})
    assert is_shared(image) == (False, False)


def test_who_reviews_it_when_it_is_shared_no_more_sees_it_no_more(
    signed_in: Client, owner: User, recognized_image: MakeImage, settings: Any
) -> None:
    settings.MODERATION_SEES = "shared"
    image, moderator = recognized_image(owner), a_moderator()
    address = reverse("images:sharing", args=[image.pk])
    signed_in.post(address, {"shared": "1"})
    reviewing = Client()
    reviewing.force_login(User.objects.get(pk=moderator.pk))
    item = reverse("moderation:item", args=[image.pk])
    body = {"id": str(uuid4()), "verb": "add", "target": None, "label": "Ball", "box": None}
    assert reviewing.post(f"{item}renew/").status_code == 204
    decided = reviewing.post(f"{item}decide/", body, content_type="application/json")
    assert decided.json()["item"]["id"] == str(image.pk)

    signed_in.post(address, {"shared": "0"})
    assert reviewing.post(f"{item}renew/").status_code == 404
    assert reviewing.get(item).status_code == 404
    again = reviewing.post(f"{item}decide/", body, content_type="application/json")
    assert again.json() == {"entry": body["id"], "item": None}


@pytest.mark.parametrize("sees", ["all", "flagged_and_suggested"])
def test_nothing_is_shared_where_that_is_not_up_to_owners(
    signed_in: Client, owner: User, recognized_image: MakeImage, settings: Any, sees: str
) -> None:
    settings.MODERATION_SEES = sees
    image = recognized_image(owner)
    address = reverse("images:sharing", args=[image.pk])
    assert address not in page(signed_in, image)
    assert signed_in.post(address, {"shared": "1"}).status_code == 404
    refused = signed_in.post(SELECTION, {"action": "share", "ids": [image.pk]})
    assert [str(message) for message in get_messages(refused.wsgi_request)] == ["There is no such action."]
    assert 'value="share"' not in signed_in.get(reverse("images:history")).content.decode()
    assert is_shared(image) == (False, False)


def test_many_are_shared_from_the_history_and_never_those_of_others(
    signed_in: Client, owner: User, stranger: User, recognized_image: MakeImage, settings: Any
) -> None:
    settings.MODERATION_SEES = "shared"
    chosen = [recognized_image(owner, f"{number}.jpg") for number in range(2)]
    left, others = recognized_image(owner, "left.jpg"), recognized_image(stranger, "other.jpg")
    assert 'value="share"' in signed_in.get(reverse("images:history")).content.decode()

    ids = ",".join(str(image.pk) for image in (*chosen, others))
    answer = signed_in.post(SELECTION, {"action": "share", "ids": ids}, headers={"HX-Request": "true"})
    assert "Shared with moderators: 2 images." in answer.content.decode()
    assert [is_shared(image)[0] for image in (*chosen, left, others)] == [True, True, False, False]
    signed_in.post(SELECTION, {"action": "unshare", "all": "1"})
    assert not Image.objects.filter(shared=True).exists()
    assert not ReviewItem.objects.filter(shared=True).exists()


@pytest.mark.parametrize(
    ("sees", "state", "sentence"),
    [
        ("all", {}, "Moderators may look at your images; every look is recorded."),
        ("flagged_and_suggested", {}, "unless you say something of its labels or it is flagged."),
        ("flagged_and_suggested", {"flagged": True}, "because it was flagged; every look is recorded."),
        ("flagged_and_suggested", {"suggested": True}, "because you said something of its labels; every look"),
    ],
)
def test_the_page_says_who_may_look(
    signed_in: Client,
    owner: User,
    recognized_image: MakeImage,
    settings: Any,
    sees: str,
    state: dict[str, bool],
    sentence: str,
) -> None:
    settings.MODERATION_SEES = sees
    image = recognized_image(owner)
    ReviewItem.objects.filter(image=image).update(**state)
    assert sentence in page(signed_in, image)
