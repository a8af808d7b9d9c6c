"""Photos that were flagged: their pictures are not loaded unasked, and what a moderator hid is shown to nobody."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.images.cards import cards
from portal.images.models import FlagVerdict, Image, Status
from recognition.result import ModerationLabel
from tests.conftest import MakeImage

HISTORY = reverse("images:history")
VIOLENCE = (ModerationLabel("Violence", "", 88, 1),)


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def flagged(owner: User, recognized_image: MakeImage) -> Image:
    return recognized_image(owner, moderation_labels=VIOLENCE)


def decide(image: Image, verdict: FlagVerdict) -> Image:
    Image.objects.filter(pk=image.pk).update(verdict=verdict)
    image.refresh_from_db()
    return image


def loaded(client: Client, address: str) -> list[str]:
    """The pictures that a page loads by itself."""
    return re.findall(r'(?<!data-)src="(/images/[^"]+)"', client.get(address).content.decode())


def pictures(image: Image) -> list[str]:
    return [reverse(f"images:{form}", args=[image.pk]) for form in ("preview", "thumbnail")]


def test_a_flagged_picture_is_loaded_nowhere_before_its_owner_asks(signed_in: Client, flagged: Image) -> None:
    assert loaded(signed_in, HISTORY) == []
    assert loaded(signed_in, flagged.get_absolute_url()) == []
    assert loaded(signed_in, f"{flagged.get_absolute_url()}?show=1") == [pictures(flagged)[0]]
    assert cards([flagged], 50)[0].as_json()["thumbnail"] is None
    assert "Sensitive" in signed_in.get(HISTORY).content.decode()


def test_an_allowed_picture_is_shown_as_any_other(signed_in: Client, flagged: Image) -> None:
    decide(flagged, FlagVerdict.ALLOWED)
    assert loaded(signed_in, HISTORY) == [pictures(flagged)[1]]
    assert loaded(signed_in, flagged.get_absolute_url()) == [pictures(flagged)[0]]
    assert "Sensitive" not in signed_in.get(HISTORY).content.decode()
    assert "photo--veiled" not in signed_in.get(flagged.get_absolute_url()).content.decode()


def test_a_hidden_picture_is_served_to_nobody_while_the_original_and_the_labels_stay(
    signed_in: Client, flagged: Image
) -> None:
    assert [signed_in.get(address).status_code for address in pictures(flagged)] == [200, 200]
    decide(flagged, FlagVerdict.HIDDEN)
    assert [signed_in.get(address).status_code for address in pictures(flagged)] == [404, 404]
    for address in (HISTORY, flagged.get_absolute_url(), f"{flagged.get_absolute_url()}?show=1"):
        assert loaded(signed_in, address) == []
        html = signed_in.get(address).content.decode()
        assert "Hidden by a moderator" in html
        assert "Dog" in html
    assert cards([flagged], 50)[0].as_json()["thumbnail"] is None
    assert signed_in.get(reverse("images:original", args=[flagged.pk])).status_code == 200


def test_a_removed_image_says_so_and_offers_neither_its_file_nor_another_try(signed_in: Client, flagged: Image) -> None:
    decide(flagged, FlagVerdict.REMOVED)
    sentence = "A moderator has removed this image."
    Image.objects.filter(pk=flagged.pk).update(status=Status.FAILED, failure_code="removed", failure_message=sentence)
    for address in (HISTORY, flagged.get_absolute_url()):
        html = signed_in.get(address).content.decode()
        assert sentence in html
        assert "Removed by a moderator" in html
        assert reverse("images:recognize", args=[flagged.pk]) not in html
    assert signed_in.get(reverse("images:original", args=[flagged.pk])).status_code == 404
    assert signed_in.get(reverse("images:result", args=[flagged.pk])).status_code == 404
    assert loaded(signed_in, HISTORY) == []
    again = signed_in.post(reverse("images:recognize", args=[flagged.pk]), follow=True).content.decode()
    assert "there is nothing left to recognise" in again
