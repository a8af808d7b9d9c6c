"""From words to labels."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.images.models import Label
from portal.moderation.finding import resolve_title, suggest_words

pytestmark = pytest.mark.django_db


def test_a_word_is_found_by_title_name_and_alias_whatever_its_case() -> None:
    Label.objects.create(name="canis", display_name="Dog", aliases=["Doggy", "Höllenhund"])
    for word in ("Dog", "dog", " DOG ", "Canis", "doggy", "höllenhund"):
        assert resolve_title(word) == "Dog", word


def test_an_unknown_word_stays_as_it_is() -> None:
    Label.objects.create(name="Dog", aliases=["Hound"])
    assert resolve_title("Unicorn") == "Unicorn"


def test_the_name_of_a_merged_label_leads_to_the_last_one() -> None:
    dog = Label.objects.create(name="Dog")
    puppy = Label.objects.create(name="Puppy", merged_into=dog)
    Label.objects.create(name="Pup", aliases=["Whelp"], merged_into=puppy)
    assert [resolve_title(word) for word in ("Pup", "Puppy", "whelp")] == ["Dog", "Dog", "Dog"]


def test_a_ring_of_merged_labels_ends() -> None:
    one = Label.objects.create(name="One")
    two = Label.objects.create(name="Two", merged_into=one)
    Label.objects.filter(pk=one.pk).update(merged_into=two)
    assert resolve_title("One") in ("One", "Two")


def test_a_title_is_understood_before_the_name_of_another_label() -> None:
    Label.objects.create(name="Dog", display_name="Hot dog")
    Label.objects.create(name="canis", display_name="Dog")
    assert resolve_title("dog") == "Dog"


def test_a_word_costs_one_query() -> None:
    for number in range(20):
        Label.objects.create(name=f"Label {number}", aliases=[f"Alias {number}"])
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert resolve_title("alias 7") == "Label 7"
    assert len(queries) == 1


def test_suggestions_begin_with_what_begins_like_it() -> None:
    Label.objects.create(name="Hot Dog")
    Label.objects.create(name="Dogma")
    Label.objects.create(name="Canine", aliases=["Dog-like"])
    Label.objects.create(name="Cat")
    assert [found.title for found in suggest_words("dog")] == ["Dogma", "Canine", "Hot Dog"]
    assert [found.title for found in suggest_words("dog", limit=1)] == ["Dogma"]


def test_blocked_and_merged_labels_are_not_suggested() -> None:
    dog = Label.objects.create(name="Dog")
    Label.objects.create(name="Doggy", merged_into=dog)
    Label.objects.create(name="Dogfight", blocked=True)
    assert [found.title for found in suggest_words("dog")] == ["Dog"]
