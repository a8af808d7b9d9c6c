"""What people do to their images, one or many: never to somebody else's, and never without being asked to."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import Image, Status, StorageDeletion
from tests.conftest import MakeImage

SELECTION = reverse("images:selection")
HISTORY = reverse("images:history")
HTMX = {"HX-Request": "true"}


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def downloaded(response: Any) -> str:
    return b"".join(response.streaming_content).decode()


# One image -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["recognize", "delete"])
def test_only_its_owner_may_act_on_an_image_and_only_by_post(
    client: Client, owner: User, stranger: User, recognized_image: MakeImage, action: str
) -> None:
    image = recognized_image(owner)
    address = reverse(f"images:{action}", args=[image.pk])

    assert client.post(address).status_code == 302
    client.force_login(stranger)
    assert client.post(address).status_code == 404
    client.force_login(owner)
    assert client.get(address).status_code == 405
    image.refresh_from_db()
    assert image.status == Status.RECOGNIZED


def test_recognising_again_queues_the_image_and_says_so_once(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner)
    address = reverse("images:recognize", args=[image.pk])

    first = signed_in.post(address)
    assert first.status_code == 302
    assert first["Location"] == image.get_absolute_url()
    image.refresh_from_db()
    assert image.status == Status.QUEUED
    assert said(first) == ["Recognising photo.jpg again…"]
    assert "photo.jpg is already being recognised." in said(signed_in.post(address))


def test_trying_again_from_a_card_swaps_that_card(signed_in: Client, owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner, status=Status.FAILED)
    response = signed_in.post(reverse("images:recognize", args=[image.pk]), {"card": "1"}, headers=HTMX)
    body = response.content.decode()

    assert f'id="image-{image.pk}"' in body
    assert 'data-status="queued"' in body
    assert "Recognising photo.jpg again…" in body


def test_deleting_erases_the_image_and_leads_back_to_the_history(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner)
    response = signed_in.post(reverse("images:delete", args=[image.pk]))

    assert not Image.objects.exists()
    assert StorageDeletion.objects.filter(path=image.upload_key).exists()
    assert response["Location"] == HISTORY
    assert said(response) == ["photo.jpg was deleted."]


def test_deleting_by_htmx_leads_there_as_well(signed_in: Client, owner: User, recognized_image: MakeImage) -> None:
    response = signed_in.post(reverse("images:delete", args=[recognized_image(owner).pk]), headers=HTMX)
    assert response["HX-Redirect"] == HISTORY


@pytest.mark.parametrize(("wanted", "led_to"), [("/usage/", "/usage/"), ("https://evil.example/", HISTORY)])
def test_forms_say_where_to_go_on_but_never_to_another_site(
    signed_in: Client, owner: User, recognized_image: MakeImage, wanted: str, led_to: str
) -> None:
    response = signed_in.post(reverse("images:delete", args=[recognized_image(owner).pk]), {"next": wanted})
    assert response["Location"] == led_to


# Many images ---------------------------------------------------------------------------------------------------------


def test_nobody_acts_on_the_images_of_others(
    client: Client, owner: User, stranger: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner)
    client.force_login(stranger)
    for action in ("delete", "recognize", "export-csv", "export-json"):
        chosen = client.post(SELECTION, {"action": action, "ids": [image.pk], "confirmed": "1"})
        assert said(chosen)[-1] == "Choose some images first."
    everything = client.post(SELECTION, {"action": "export-json", "all": "1"})
    assert json.loads(downloaded(everything)) == []
    assert Image.objects.get().status == Status.RECOGNIZED


def test_deleting_many_asks_first_and_says_that_it_cannot_be_undone(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    chosen = [recognized_image(owner, f"{number}.jpg") for number in range(2)]
    kept = recognized_image(owner, "kept.jpg")
    form = {"action": "delete", "ids": [image.pk for image in chosen]}

    asked = signed_in.post(SELECTION, form)
    assert "This cannot be undone." in asked.content.decode()
    assert Image.objects.count() == 3

    done = signed_in.post(SELECTION, {**dict(asked.context["fields"]), **form, "confirmed": "1"})
    assert list(Image.objects.all()) == [kept]
    assert said(done) == ["2 images were deleted."]


def test_deleting_by_htmx_takes_the_cards_off_the_page_and_counts_again(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    gone = recognized_image(owner, "gone.jpg")
    recognized_image(owner, "kept.jpg")
    form = {"action": "delete", "ids": str(gone.pk), "confirmed": "1"}
    body = signed_in.post(SELECTION, form, headers=HTMX).content.decode()

    assert f'<div id="image-{gone.pk}" hx-swap-oob="delete">' in body
    assert "1 image was deleted." in body
    assert ">1 image<" in body


def test_all_means_all_that_match_the_filters(signed_in: Client, owner: User, recognized_image: MakeImage) -> None:
    recognized_image(owner, "dog.jpg")
    recognized_image(owner, "cat.jpg", labels=())
    signed_in.post(SELECTION, {"action": "delete", "all": "1", "label": "Dog", "confirmed": "1"})
    assert [image.filename for image in Image.objects.all()] == ["cat.jpg"]


def test_all_spares_what_came_in_after_the_page_was_made(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    recognized_image(owner, "seen.jpg")
    as_of = timezone.now().isoformat()
    recognized_image(owner, "new.jpg")
    signed_in.post(SELECTION, {"action": "delete", "all": "1", "as_of": as_of, "confirmed": "1"})
    assert [image.filename for image in Image.objects.all()] == ["new.jpg"]


@pytest.mark.parametrize(
    "damage",
    [
        {"since": "rubbish"},
        {"status": "happy"},
        {"as_of": "rubbish"},
        {"as_of": "0001-01-01T00:00:00+23:59"},
        {"as_of": "9999-12-31T23:59:59-23:59"},
    ],
)
def test_nothing_is_deleted_when_the_filters_cannot_be_understood(
    signed_in: Client, owner: User, recognized_image: MakeImage, damage: dict[str, str]
) -> None:
    recognized_image(owner)
    response = signed_in.post(SELECTION, {"action": "delete", "all": "1", "confirmed": "1", **damage})
    assert Image.objects.count() == 1
    assert said(response)[0].startswith("Nothing was done")


def test_recognising_many_again_tells_how_many_were_already_waiting(
    signed_in: Client, owner: User, recognized_image: MakeImage, stored_image: MakeImage
) -> None:
    done = recognized_image(owner)
    waiting = stored_image(owner, b"other")
    form = {"action": "recognize", "ids": f"{done.pk},{waiting.pk}"}
    response = signed_in.post(SELECTION, form)

    assert said(response) == ["Recognising 1 image again…", "1 was already being recognised."]
    assert set(Image.objects.values_list("status", flat=True)) == {Status.QUEUED}


def test_too_many_images_to_recognise_at_once_are_refused_and_none_is_queued(
    signed_in: Client, owner: User, recognized_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.images.views.actions._RECOGNIZED_AT_ONCE", 1)
    for number in range(2):
        recognized_image(owner, f"{number}.jpg")
    response = signed_in.post(SELECTION, {"action": "recognize", "all": "1"})
    assert said(response) == ["At most 1 images can be recognised again at once: choose fewer."]
    assert not Image.objects.filter(status=Status.QUEUED).exists()


@pytest.mark.parametrize(
    ("form", "refusal"),
    [
        ({"action": "explode", "all": "1"}, "There is no such action."),
        ({"all": "1"}, "There is no such action."),
        ({"action": "delete"}, "Choose some images first."),
        ({"action": "delete", "ids": "rubbish"}, "Choose some images first."),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(signed_in: Client, form: dict[str, str], refusal: str) -> None:
    response = signed_in.post(SELECTION, form)
    assert response["Location"] == HISTORY
    assert said(response) == [refusal]
    assert refusal in signed_in.post(SELECTION, form, headers=HTMX).content.decode()


@pytest.mark.django_db
def test_a_selection_is_a_post_by_somebody_signed_in(client: Client, owner: User) -> None:
    assert client.post(SELECTION).status_code == 302
    client.force_login(owner)
    assert client.get(SELECTION).status_code == 405


def test_exports_hold_what_was_chosen_at_the_shown_confidence_as_an_attachment(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    chosen = recognized_image(owner, "chosen.jpg")
    recognized_image(owner, "other.jpg")
    form = {"action": "export-json", "ids": [chosen.pk, uuid.uuid4()], "confidence": "98"}
    response = signed_in.post(SELECTION, form)

    assert response.streaming
    assert response["Content-Type"] == "application/json; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="imagesift-')
    (exported,) = json.loads(downloaded(response))
    assert exported["filename"] == "chosen.jpg"
    assert exported["result"]["labels"] == []


def test_everything_that_matches_can_be_exported_as_a_table(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    for number in range(3):
        recognized_image(owner, f"{number}.jpg")
    response = signed_in.post(SELECTION, {"action": "export-csv", "all": "1", "q": "dog"})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert len(downloaded(response).splitlines()) == 4
