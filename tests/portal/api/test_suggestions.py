"""Owners say what they think of labels, by API: suggestions, which change no label."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.models import User
from portal.api.models import Scope
from portal.images.models import Image
from portal.moderation.models import ReviewItem, Suggestion
from tests.conftest import MakeImage
from tests.portal.api.conftest import ApiOf, problem


@pytest.fixture
def image(owner: User, recognized_image: MakeImage) -> Image:
    return recognized_image(owner)


@pytest.fixture
def labelling(api_of: ApiOf, owner: User) -> Client:
    return api_of(owner, Scope.IMAGES_READ, Scope.LABELS_WRITE)


def say(client: Client, image: Image, **said: Any) -> Any:
    return client.put(f"/api/v1/images/{image.pk}/suggestions", said, "application/json")


def listed(client: Client, image: Image) -> Any:
    answer = client.get(f"/api/v1/images/{image.pk}/suggestions")
    assert answer.status_code == 200
    return answer.json()["results"]


def test_what_is_said_is_kept_and_changes_no_label(labelling: Client, image: Image) -> None:
    assert listed(labelling, image) == []
    before = labelling.get(f"/api/v1/images/{image.pk}").json()["labels"]
    answer = say(labelling, image, label="dog", kind="instead", instead=" Grey  wolf ")
    assert answer.status_code == 200
    said = answer.json()
    expected = {"label": "Dog", "kind": "instead", "instead": "Grey wolf", "settled_at": None}
    assert said == {**expected, "made_at": said["made_at"]}
    assert said["made_at"].endswith("Z")
    assert listed(labelling, image) == [said]
    assert labelling.get(f"/api/v1/images/{image.pk}").json()["labels"] == before
    assert ReviewItem.objects.get(image=image).suggested


def test_the_last_word_counts_and_the_same_again_is_the_same(labelling: Client, image: Image) -> None:
    say(labelling, image, label="Dog", kind="wrong")
    first = say(labelling, image, label="Dog", kind="right").json()
    assert say(labelling, image, label="DOG", kind="right").json() == first
    assert listed(labelling, image) == [first]
    assert first["instead"] is None


def test_a_settled_suggestion_says_when(labelling: Client, image: Image) -> None:
    say(labelling, image, label="Dog", kind="wrong")
    Suggestion.objects.update(settled_at=timezone.now())
    assert listed(labelling, image)[0]["settled_at"].endswith("Z")


def test_a_suggestion_can_be_taken_back_once(labelling: Client, image: Image) -> None:
    say(labelling, image, label="Dog", kind="wrong")
    address = f"/api/v1/images/{image.pk}/suggestions?{urlencode({'label': 'dog'})}"
    answer = labelling.delete(address)
    assert (answer.status_code, answer.content) == (204, b"")
    assert problem(labelling.delete(address)) == (404, "not_found")
    assert listed(labelling, image) == []
    assert not ReviewItem.objects.get(image=image).suggested


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({}, ["label", "kind"]),
        ({"label": "Dog"}, ["kind"]),
        ({"label": "Dog", "kind": "maybe"}, ["kind"]),
        ({"label": "Dog", "kind": ["right"]}, ["kind"]),
        ({"label": "", "kind": "right"}, ["label"]),
        ({"label": "D\0g", "kind": "right"}, ["label"]),
        ({"label": "D\ud800g", "kind": "right"}, ["label"]),
        ({"label": 5, "kind": "right"}, ["label"]),
        ({"label": "x" * 201, "kind": "right"}, ["label"]),
        ({"label": "Dog", "kind": "instead"}, ["instead"]),
        ({"label": "Dog", "kind": "instead", "instead": "  "}, ["instead"]),
        ({"label": "Dog", "kind": "instead", "instead": "a\u200bb"}, ["instead"]),
        ({"label": "Dog", "kind": "right", "instead": "Wolf"}, ["instead"]),
        ({"label": "Dog", "kind": "right", "why": "because"}, ["why"]),
    ],
)
def test_a_request_that_is_not_understood_names_what_is_wrong(
    labelling: Client, image: Image, said: dict[str, Any], fields: list[str]
) -> None:
    refused = say(labelling, image, **said)
    assert problem(refused) == (400, "invalid_request")
    assert [error["field"] for error in refused.json()["errors"]] == fields
    assert not Suggestion.objects.exists()


def test_a_request_that_is_no_object_is_refused(labelling: Client, image: Image) -> None:
    address = f"/api/v1/images/{image.pk}/suggestions"
    assert problem(labelling.put(address, [], "application/json")) == (400, "invalid_request")
    assert problem(labelling.put(address, "Dog", "text/plain")) == (415, "unsupported_media_type")


@pytest.mark.parametrize("query", ["", "?label=", "?label=a%00b", "?label=Dog&label=Cat", "?label=Dog&kind=right"])
def test_what_to_take_back_must_be_named(labelling: Client, image: Image, query: str) -> None:
    refused = labelling.delete(f"/api/v1/images/{image.pk}/suggestions{query}")
    assert problem(refused) == (400, "invalid_request")


def test_a_label_that_the_image_does_not_have_is_refused(labelling: Client, image: Image) -> None:
    assert problem(say(labelling, image, label="Unicorn", kind="wrong")) == (409, "no_such_label")


def test_no_image_takes_more_than_so_many(labelling: Client, image: Image, owner: User) -> None:
    Suggestion.objects.bulk_create(
        Suggestion(image=image, author=owner, label=f"Label {number}", kind="right") for number in range(100)
    )
    assert problem(say(labelling, image, label="Dog", kind="wrong")) == (409, "too_many_suggestions")


def test_the_list_costs_few_queries(labelling: Client, image: Image, owner: User) -> None:
    Suggestion.objects.bulk_create(
        Suggestion(image=image, author=owner, label=f"Label {number}", kind="right") for number in range(100)
    )
    with CaptureQueriesContext(connection) as queries:
        assert len(listed(labelling, image)) == 100
    assert len(queries) <= 5
