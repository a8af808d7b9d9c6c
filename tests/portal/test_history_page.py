"""The history page: what it shows to whom, and how it stays up to date."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.images.cards import cards
from portal.images.models import Status
from recognition.result import Box, Label, Text, TextKind
from tests.conftest import MakeImage
from tests.portal.bare_images import bare_images

HISTORY = reverse("images:history")
UPDATES = reverse("images:updates")


def labelled(name: str, confidence: float = 90, detector: str = "onnx") -> Label:
    return Label(name, confidence, detector)


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def test_a_damaged_cursor_in_the_address_shows_the_newest_images_and_says_so(signed_in: Client, owner: User) -> None:
    bare_images(owner, 1)
    response = signed_in.get(f"{HISTORY}?after=rubbish")
    assert response.status_code == 200
    assert b"here are the newest images" in response.content
    assert b"photo-0.jpg" in response.content


def test_people_see_their_own_images_only(
    client: Client, owner: User, stranger: User, recognized_image: MakeImage
) -> None:
    recognized_image(owner, "mine.jpg")
    client.force_login(stranger)

    assert b"mine.jpg" not in client.get(HISTORY).content
    options = client.get(f"{HISTORY}?part=options").json()
    assert options == {"labels": [], "detectors": []}


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["history", "updates", "usage"])
def test_nobody_sees_anything_without_signing_in(client: Client, name: str) -> None:
    response = client.get(reverse(f"images:{name}"))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


def test_the_page_links_to_older_images_with_the_filters_kept(
    signed_in: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare_images(owner, 50)
    first = signed_in.get(f"{HISTORY}?status=recognized")
    older = first.context["older"]
    assert older.startswith("status=recognized&after=")
    assert 'hx-trigger="revealed"' in first.content.decode()

    second = signed_in.get(f"{HISTORY}?{older}&part=cards").content.decode()
    assert second.count("<article") == 2
    assert "photo-49.jpg" in second
    assert "<html" not in second
    assert "photo-49.jpg" in signed_in.get(f"{HISTORY}?{older}").content.decode()


def test_a_day_that_goes_on_over_the_page_has_one_heading(signed_in: Client, owner: User) -> None:
    bare_images(owner, 50, created_at=datetime(2025, 6, 5, 12, tzinfo=UTC))
    first = signed_in.get(HISTORY)
    assert first.content.decode().count("Thursday 5 June 2025") == 1
    second = signed_in.get(f"{HISTORY}?{first.context['older']}&part=cards")
    assert "Thursday 5 June 2025" not in second.content.decode()


def test_the_number_of_queries_does_not_grow_with_the_number_of_images(
    signed_in: Client, owner: User, recognized_image: MakeImage, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        recognized_image(owner, f"{number}.jpg")
    with django_assert_max_num_queries(8):
        response = signed_in.get(f"{HISTORY}?label=Dog&q=pet&detector=onnx")
    assert response.content.decode().count("<article") == 12


# Cards and their updates ---------------------------------------------------------------------------------------------


def test_a_card_names_the_surest_labels_once_and_counts_lines_of_text(owner: User, recognized_image: MakeImage) -> None:
    found = (labelled("Dog", 70), labelled("Person", 95), labelled("Person", 60, "faces"), labelled("Cat", 40))
    text = tuple(
        Text(word, kind, confidence, Box(0, 0, 1, 1))
        for word, kind, confidence in (
            ("one", TextKind.LINE, 90),
            ("two", TextKind.LINE, 55),
            ("unsure", TextKind.LINE, 20),
            ("word", TextKind.WORD, 90),
        )
    )
    image = recognized_image(owner, labels=found, text=text)

    assert cards([image], 50)[0].summary == "Person, Dog · 2 lines of text"
    assert cards([image], 80)[0].summary == "Person · 1 line of text"
    assert cards([image], 99)[0].summary == ""


def test_updates_as_json_say_what_waiting_pages_need(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    done = recognized_image(owner)
    failed = bare_images(
        owner, 1, status=Status.FAILED, failure_code="truncated_image", failure_message="It is cut off."
    )[0]
    response = signed_in.get(UPDATES, {"ids": f"{done.pk},{failed.pk}", "format": "json"})

    states = {state["id"]: state for state in response.json()["images"]}
    assert states[str(done.pk)] == {
        "id": str(done.pk),
        "status": "recognized",
        "page": done.get_absolute_url(),
        "thumbnail": reverse("images:thumbnail", args=[done.pk]),
        "summary": "Dog",
        "waiting": "",
        "held": False,
        "failure": None,
    }
    assert states[str(failed.pk)]["failure"] == {"code": "truncated_image", "message": "It is cut off."}
    assert states[str(failed.pk)]["thumbnail"] is None
    assert response.json()["worker_alive"] is False, "none runs in this test"
    assert "no-store" in response["Cache-Control"]


def test_updates_are_cards_to_swap_in_by_their_ids(signed_in: Client, owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner)
    body = signed_in.get(UPDATES, {"ids": str(image.pk)}).content.decode()
    assert f'id="image-{image.pk}"' in body
    assert 'hx-swap-oob="true"' in body
    assert "Dog" in body
    assert "Dog" not in signed_in.get(UPDATES, {"ids": str(image.pk), "confidence": "99"}).content.decode()


@pytest.mark.parametrize("kind", ["json", "html"])
def test_updates_leave_out_the_images_of_others_and_what_is_no_id(
    client: Client, owner: User, stranger: User, recognized_image: MakeImage, kind: str
) -> None:
    image = recognized_image(owner)
    client.force_login(stranger)
    response = client.get(UPDATES, {"ids": f"{image.pk},rubbish,{uuid.uuid4()}", "format": kind})
    assert response.status_code == 200
    assert str(image.pk) not in response.content.decode()


def test_updates_of_more_than_a_hundred_images_are_refused(signed_in: Client) -> None:
    ids = ",".join(str(uuid.uuid4()) for _ in range(101))
    assert signed_in.get(UPDATES, {"ids": ids}).status_code == 400


def test_a_failed_image_says_why_and_offers_another_try(signed_in: Client, owner: User) -> None:
    image = bare_images(owner, 1, status=Status.FAILED, failure_message="It is cut off half-way.")[0]
    body = signed_in.get(HISTORY).content.decode()
    assert "It is cut off half-way." in body
    assert reverse("images:recognize", args=[image.pk]) in body


def test_without_images_the_page_invites_to_upload_and_without_matches_to_clear_the_filters(
    signed_in: Client, owner: User
) -> None:
    assert "No images yet" in signed_in.get(HISTORY).content.decode()
    bare_images(owner, 1)
    assert "No image matches" in signed_in.get(f"{HISTORY}?q=nothing").content.decode()


def test_each_active_filter_has_a_chip_that_removes_it_alone(signed_in: Client, owner: User) -> None:
    bare_images(owner, 1)
    query = "q=a&label=Dog&label=Cat&confidence=60&since=2026-01-02&until=2026-03-04&status=failed&detector=onnx"
    chips = dict(signed_in.get(f"{HISTORY}?{query}").context["chips"])

    assert len(chips) == 8
    assert chips["Dog"] == f"{HISTORY}?{query.replace('&label=Dog', '')}"
    assert chips["At least 60 % sure"] == f"{HISTORY}?{query.replace('&confidence=60', '')}"


def test_offered_labels_are_counted_at_the_shown_confidence_commonest_first(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    recognized_image(owner, "a.jpg", labels=(labelled("Cat", 70), labelled("Dog", 90)))
    recognized_image(owner, "b.jpg", labels=(labelled("Dog", 90),))

    assert signed_in.get(f"{HISTORY}?part=options").json()["labels"] == [
        {"name": "Dog", "images": 2},
        {"name": "Cat", "images": 1},
    ]
    assert signed_in.get(f"{HISTORY}?part=options&confidence=80").json()["labels"] == [{"name": "Dog", "images": 2}]
