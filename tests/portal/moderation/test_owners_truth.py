"""What owners see where people have spoken: in the history and on the page of an image."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.images.cards import cards
from portal.images.counting import detector_names, label_counts
from portal.images.history import Filters, matching
from portal.images.models import Image, LabelState
from portal.images.models import Label as VocabularyLabel
from portal.images.recording import record_result
from portal.moderation.effect import bring_up_to_date
from portal.moderation.models import Annotation, ReviewItem
from recognition.result import Box, Instance, Label
from tests.conftest import MakeImage, make_result

HISTORY = reverse("images:history")
PLACE, ELSEWHERE = Box(0.1, 0.2, 0.3, 0.4), Box(0.12, 0.22, 0.3, 0.4)
DOG = Label("Dog", 61, "onnx", instances=(Instance(61, PLACE),))
MAY = datetime(2026, 5, 3, 12, tzinfo=UTC)


@pytest.fixture
def moderator(db: None) -> User:
    return User.objects.create_user("mona", "mona@example.com")


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def word(name: str) -> VocabularyLabel:
    return VocabularyLabel.objects.get_or_create(name=name)[0]


def coordinates(box: Box, prefix: str = "") -> dict[str, float]:
    return {f"{prefix}{side}": getattr(box, side) for side in ("left", "top", "width", "height")}


def say(image: Image, name: str, state: LabelState, author: User, **more: Any) -> None:
    """Add an annotation as it is stored, and let everything follow it."""
    Annotation.objects.create(image=image, label=word(name), state=state, author=author, **{"decided_at": MAY, **more})
    follow(image)


@transaction.atomic
def follow(image: Image) -> None:
    bring_up_to_date([Image.objects.select_related("current").get(pk=image.pk)])


def correct(image: Image, author: User) -> None:
    """The dog of 61 % is a wolf, and stands a little further."""
    predicted = {**coordinates(PLACE, "predicted_"), "predicted_label": word("Dog"), "predicted_confidence": 61}
    say(image, "Wolf", LabelState.CORRECTED, author, detector="onnx", **predicted, **coordinates(ELSEWHERE))


def names(owner: User, query: str = "") -> list[str]:
    return [image.filename for image in matching(owner, Filters.parse(QueryDict(query)))]


def page(client: Client, image: Image, query: str = "") -> str:
    return client.get(image.get_absolute_url() + query).content.decode()


def why(html: str, name: str) -> str:
    """What a row says of its reasons, as text on one line."""
    found = re.search(rf"“{name}”</span>\?</summary>(.*?)</details>", html, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


# The history ---------------------------------------------------------------------------------------------------------


def test_the_history_finds_what_people_said_and_no_more_what_they_refused(
    owner: User, moderator: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner, labels=(DOG, Label("Cat", 90, "onnx")))
    correct(image, moderator)
    say(image, "Cat", LabelState.REJECTED, moderator)

    assert names(owner, "label=Wolf&confidence=100") == ["photo.jpg"]
    assert names(owner, "label=Dog&confidence=0") == []
    assert names(owner, "label=Cat&confidence=0") == []
    assert names(owner, "detector=people") == ["photo.jpg"]
    assert names(owner, "q=wolf") == ["photo.jpg"]
    assert [(count.name, count.images) for count in label_counts(owner, 100)] == [("Wolf", 1)]
    assert detector_names(owner, 50) == ["people"]
    assert cards([image], 50)[0].labels == ("Wolf",)


def test_a_label_is_found_by_its_alias_and_by_what_was_merged_into_it(owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner, labels=(Label("canis lupus", 90, "onnx"),))
    wolf = VocabularyLabel.objects.create(name="wolf", display_name="Wolf", aliases=["Isegrim"])
    VocabularyLabel.objects.filter(name="canis lupus").update(merged_into=wolf)
    follow(image)

    for name in ("Wolf", "wolf", "canis lupus", "ISEGRIM"):
        assert names(owner, f"label={name}") == ["photo.jpg"], name
    assert [(count.name, count.images) for count in label_counts(owner, 50)] == [("Wolf", 1)]
    assert cards([image], 50)[0].labels == ("Wolf",)


def test_what_people_said_comes_first_on_a_card(owner: User, moderator: User, recognized_image: MakeImage) -> None:
    labels = tuple(Label(name, 100, "onnx") for name in ("Ant", "Bee", "Cow", "Dog"))
    image = recognized_image(owner, labels=labels)
    say(image, "Zebra", LabelState.ADDED, moderator)
    assert cards([image], 50)[0].labels == ("Zebra", "Ant", "Bee")


def test_people_can_be_filtered_by_as_detectors_are(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    recognized_image(owner)
    assert '<option value="people">People</option>' in signed_in.get(HISTORY).content.decode()
    assert ("People", HISTORY) in signed_in.get(f"{HISTORY}?detector=people").context["chips"]


# The page of an image ------------------------------------------------------------------------------------------------


def test_the_page_shows_what_people_said_where_they_drew_it_and_keeps_what_was_predicted_in_why(
    signed_in: Client, owner: User, moderator: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner, labels=(DOG,))
    correct(image, moderator)
    html = page(signed_in, image)

    assert '<span class="chip finding__badge">Corrected</span>' in html
    assert 'x="12.000%" y="22.000%"' in html
    assert 'x="10.000%" y="20.000%"' not in html
    reasons = why(html, "Wolf")
    assert "A moderator corrected this on 3 May 2026." in reasons
    assert "It was found by The object detector as “Dog”" in reasons
    assert "61.0 % · 1 place" in reasons
    assert "mona" not in html


def test_an_owner_who_moderates_is_told_of_their_own_deed(
    signed_in: Client, owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner)
    say(image, "Dog", LabelState.APPROVED, owner)
    html = page(signed_in, image)
    assert "You approved this on 3 May 2026." in why(html, "Dog")
    assert "Approved</span>" in html


def test_what_was_refused_is_not_among_the_labels_but_listed_with_what_the_newest_recognition_says(
    signed_in: Client, owner: User, moderator: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner, labels=(DOG, Label("Cat", 90, "onnx")))
    say(image, "Cat", LabelState.REJECTED, moderator, predicted_label=word("Cat"), detector="onnx")
    again = (DOG, Label("Cat", 88, "rekognition"))
    record_result(make_result(image, labels=again, recognized_at=datetime.now(UTC) + timedelta(minutes=1)))
    html = page(signed_in, image)

    labels, refused = html.split("Refused by a moderator")
    assert 'aria-label="“Cat” is wrong"' not in html
    assert ">Cat</span>" not in labels
    assert ">Cat</span>" in refused
    assert "A moderator refused this on 3 May 2026." in why(html, "Cat")
    assert "Amazon Rekognition says “Cat” in the newest recognition, 88 % sure." in why(html, "Cat")


def test_a_newer_recognition_that_repeats_what_was_corrected_is_told_of_and_changes_nothing(
    signed_in: Client, owner: User, moderator: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner, labels=(DOG,))
    correct(image, moderator)
    record_result(make_result(image, labels=(DOG,), recognized_at=datetime.now(UTC) + timedelta(minutes=1)))
    html = page(signed_in, image)
    assert ">Dog" not in html
    assert "Corrected</span>" in html
    assert "The object detector says “Dog” in the newest recognition, 61 % sure." in html


def test_what_was_predicted_is_remembered_when_no_detector_says_it_any_more(
    signed_in: Client, owner: User, moderator: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner, labels=(DOG,))
    correct(image, moderator)
    record_result(make_result(image, labels=(), recognized_at=datetime.now(UTC) + timedelta(minutes=1)))
    reasons = why(page(signed_in, image), "Wolf")
    assert "The object detector had said “Dog”, 61 % sure." in reasons
    assert "No detector says so." in reasons
    assert "The newest recognition does not find “Wolf” there any more." in reasons


def test_a_recognition_that_is_chosen_is_shown_as_the_detectors_gave_it(
    signed_in: Client, owner: User, moderator: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner, labels=(DOG,))
    older = image.current_id
    record_result(make_result(image, labels=(DOG,), recognized_at=datetime.now(UTC) + timedelta(minutes=1)))
    correct(image, moderator)

    chosen = page(signed_in, image, f"?recognition={older}")
    assert "Wolf" not in chosen
    assert 'x="10.000%" y="20.000%"' in chosen
    assert "Corrected" not in chosen
    image.refresh_from_db()
    assert "Wolf" in page(signed_in, image, f"?recognition={image.current_id}")


def test_in_a_completed_image_nothing_else_is_shown(
    signed_in: Client, owner: User, moderator: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner, labels=(DOG, Label("Cat", 90, "onnx")))
    say(image, "Dog", LabelState.APPROVED, moderator, predicted_label=word("Dog"), detector="onnx")
    ReviewItem.objects.filter(image=image).update(completed_at=MAY, completed_by=moderator)
    follow(image)
    html = page(signed_in, image)
    assert ">Cat</span>" not in html.split("Refused by a moderator")[0]
    assert "A moderator said that nothing else is in this photo." in why(html, "Cat")


def test_the_number_of_queries_does_not_grow_with_what_people_said(
    signed_in: Client, owner: User, moderator: User, recognized_image: MakeImage, django_assert_max_num_queries: Any
) -> None:
    many = tuple(Label(f"Label {number}", 90, "onnx") for number in range(20))
    image = recognized_image(owner, labels=many)
    for label in many[:10]:
        say(image, label.name, LabelState.APPROVED, moderator, predicted_label=word(label.name), detector="onnx")
    with django_assert_max_num_queries(14):
        assert page(signed_in, image).count("Approved</span>") == 10


def test_the_history_asks_as_much_whatever_people_said(
    signed_in: Client, owner: User, moderator: User, recognized_image: MakeImage, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        correct(recognized_image(owner, f"{number}.jpg", labels=(DOG,)), moderator)
    with django_assert_max_num_queries(8):
        response = signed_in.get(f"{HISTORY}?label=Wolf&detector=people")
    assert response.content.decode().count("<article") == 5
