"""What owners say of the labels of their images: suggestions, which decide nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import CurrentLabel, Image
from portal.images.models import Label as VocabularyLabel
from portal.moderation.deeds import Refused
from portal.moderation.models import ReviewItem, Suggestion
from portal.moderation.suggesting import suggest, take_back
from recognition.result import Label
from tests.conftest import MakeImage

HTMX = {"HX-Request": "true"}


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def say(client: Client, image: Image, kind: str, label: str = "Dog", **more: str) -> Any:
    form = {"label": label, "kind": kind, "key": "label-0", **more}
    return client.post(reverse("images:suggestion", args=[image.pk]), form, headers=HTMX)


def said(image: Image) -> list[tuple[str, str, str]]:
    return list(image.suggestions.order_by("label").values_list("label", "kind", "instead"))


def is_raised(image: Image) -> bool:
    return ReviewItem.objects.get(image=image).suggested


def truth_of(image: Image) -> list[Any]:
    return list(CurrentLabel.objects.filter(image=image).values_list("title", "confidence", "state"))


def test_saying_that_a_label_is_wrong_raises_the_image_and_changes_no_label(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner)
    before = truth_of(image)

    answer = say(signed_in, image, "wrong").content.decode()
    assert "You said: wrong. A moderator will look." in answer
    assert said(image) == [("Dog", "wrong", "")]
    assert is_raised(image)
    assert truth_of(image) == before


def test_the_page_shows_what_was_said(signed_in: Client, owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner)
    assert "You said" not in signed_in.get(image.get_absolute_url()).content.decode()
    say(signed_in, image, "instead", instead="Wolf")
    assert (
        "You said: it should be “Wolf”. A moderator will look."
        in signed_in.get(image.get_absolute_url()).content.decode()
    )


def test_what_a_moderator_has_settled_was_looked_at(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner)
    say(signed_in, image, "wrong")
    image.suggestions.update(settled_at=timezone.now())
    html = signed_in.get(image.get_absolute_url()).content.decode()
    assert "You said: wrong. A moderator has looked at it." in html


def test_the_same_again_changes_nothing_and_another_word_takes_the_place_of_the_first(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner)
    say(signed_in, image, "wrong")
    first = image.suggestions.get()
    say(signed_in, image, "wrong", label="dog")
    assert image.suggestions.get().made_at == first.made_at
    say(signed_in, image, "instead", instead="  Wolf \t cub ")
    say(signed_in, image, "instead", instead="Wolf cub")
    assert said(image) == [("Dog", "instead", "Wolf cub")]
    say(signed_in, image, "right", instead="Wolf")
    assert said(image) == [("Dog", "right", "")]


def test_what_is_taken_back_is_gone_and_lowers_the_image_again(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner, labels=(Label("Dog", 90, "onnx"), Label("Cat", 80, "onnx")))
    say(signed_in, image, "wrong")
    say(signed_in, image, "right", label="Cat")
    say(signed_in, image, "nothing")
    assert said(image) == [("Cat", "right", "")]
    assert is_raised(image)
    assert "You said" not in say(signed_in, image, "nothing", label="Cat").content.decode()
    assert not is_raised(image)
    assert take_back(image, owner, "Cat") is False


def test_a_settled_word_raises_the_image_again_only_when_it_changes(owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner)
    suggest(image, owner, "Dog", "wrong")
    image.suggestions.update(settled_at=timezone.now())
    ReviewItem.objects.filter(image=image).update(suggested=False)

    suggest(image, owner, "Dog", "wrong")
    assert not is_raised(image)
    suggest(image, owner, "Dog", "right")
    assert is_raised(image)
    assert image.suggestions.get().settled_at is None


@pytest.mark.parametrize(
    ("kind", "instead", "label", "code"),
    [
        ("perhaps", "", "Dog", "unknown_kind"),
        ("", "", "Dog", "unknown_kind"),
        ("instead", " ", "Dog", "no_label"),
        ("instead", "x" * 201, "Dog", "bad_label"),
        ("instead", "nul\0byte", "Dog", "bad_label"),
        ("wrong", "", "Unheard", "no_such_label"),
        ("wrong", "", "x" * 5000, "no_such_label"),
        ("wrong", "", "nul\0byte", "no_such_label"),
    ],
)
def test_what_means_nothing_is_refused_with_a_sentence(
    signed_in: Client, owner: User, recognized_image: MakeImage, kind: str, instead: str, label: str, code: str
) -> None:
    image = recognized_image(owner)
    with pytest.raises(Refused) as refused:
        suggest(image, owner, label, kind, instead)
    assert refused.value.code == code
    assert refused.value.message in say(signed_in, image, kind, label, instead=instead).content.decode()
    assert said(image) == []


def test_a_hundred_open_suggestions_are_the_most(
    owner: User, recognized_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.moderation.suggesting.OPEN_AT_MOST", 2)
    image = recognized_image(owner, labels=tuple(Label(name, 90, "onnx") for name in ("Dog", "Cat", "Cow")))
    suggest(image, owner, "Dog", "wrong")
    suggest(image, owner, "Cat", "wrong")
    with pytest.raises(Refused, match="that is the most"):
        suggest(image, owner, "Cow", "wrong")
    suggest(image, owner, "Cat", "right")
    Suggestion.objects.filter(label="Dog").update(settled_at=timezone.now())
    suggest(image, owner, "Cow", "wrong")
    assert len(said(image)) == 3


@pytest.mark.parametrize("action", ["suggestion", "sharing"])
def test_only_its_owner_says_something_of_an_image_and_only_by_post(
    client: Client, owner: User, stranger: User, recognized_image: MakeImage, action: str
) -> None:
    image = recognized_image(owner)
    address = reverse(f"images:{action}", args=[image.pk])
    assert client.post(address, {"label": "Dog", "kind": "wrong"}).status_code == 302
    client.force_login(stranger)
    assert client.post(address, {"label": "Dog", "kind": "wrong"}).status_code == 404
    client.force_login(owner)
    assert client.get(address).status_code == 405
    checked = Client(enforce_csrf_checks=True)
    checked.force_login(owner)
    assert checked.post(address, {"label": "Dog", "kind": "wrong"}).status_code == 403
    assert said(image) == []


def test_without_scripts_the_page_comes_back_and_says_what_went_wrong(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner)
    address = reverse("images:suggestion", args=[image.pk])
    assert signed_in.post(address, {"label": "Dog", "kind": "wrong"})["Location"] == image.get_absolute_url()
    assert said(image) == [("Dog", "wrong", "")]
    refused = signed_in.post(address, {"label": "Dog", "kind": "instead", "instead": ""})
    assert [str(message) for message in get_messages(refused.wsgi_request)] == ["Say what it should be."]


def test_nothing_is_asked_of_an_older_recognition(signed_in: Client, owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner)
    older = image.current_id
    from_page = signed_in.get(image.get_absolute_url()).content.decode()
    assert reverse("images:suggestion", args=[image.pk]) in from_page
    Image.objects.filter(pk=image.pk).update(current=None)
    chosen = signed_in.get(f"{image.get_absolute_url()}?recognition={older}").content.decode()
    assert reverse("images:suggestion", args=[image.pk]) not in chosen


def test_a_label_that_is_evil_is_escaped_in_the_answer(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    evil = '"><script>alert(1)</script>'
    image = recognized_image(owner, labels=(Label(evil, 90, "onnx"),))
    answer = say(signed_in, image, "instead", evil, instead=evil, key='"><b>').content.decode()
    assert "<script" not in answer
    assert "<b>" not in answer


def test_words_are_offered_while_somebody_types(signed_in: Client, owner: User, recognized_image: MakeImage) -> None:
    VocabularyLabel.objects.create(name="timber wolf", display_name="Wolf", aliases=["Lupus"])
    address = reverse("images:words")
    assert signed_in.get(address, {"q": "wo"}).json() == {"words": ["Wolf"]}
    assert signed_in.get(address, {"q": "lup"}).json() == {"words": ["Wolf"]}
    assert signed_in.get(address, {"q": " "}).json() == {"words": []}
    assert Client().get(address, {"q": "wo"}).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_two_browsers_of_one_owner_leave_one_suggestion(owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner)

    def say_it(number: int) -> None:
        try:
            suggest(image, owner, "Dog", "wrong" if number % 2 else "right")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(say_it, range(8)))
    assert len(said(image)) == 1
    assert is_raised(image)
