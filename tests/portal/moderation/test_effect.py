"""What is derived follows decisions and vocabulary, in a number of statements that does not grow with the images."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from portal.images.models import CurrentLabel, DetectorName, Image, Label
from portal.images.recording import record_result
from portal.moderation import actions
from portal.moderation.effect import bring_up_to_date
from portal.moderation.loading import truths
from portal.moderation.models import ContentThreshold, ReviewItem
from portal.moderation.scoring import sample_order
from recognition.result import Failure, ModerationLabel, Text, TextKind, failed
from tests.conftest import MakeImage, make_result
from tests.portal.moderation.deciding import LEFT, RIGHT, a_moderator, box_target, deed, fresh, recognize, said


@pytest.fixture
def image(owner: User, stored_image: MakeImage) -> Image:
    return stored_image(owner)


def follow(*images: Image) -> None:
    with transaction.atomic():
        bring_up_to_date([fresh(image) for image in images])


def rows(image: Image) -> set[tuple[Any, ...]]:
    return set(CurrentLabel.objects.filter(image=image).values_list("name", "title", "detector", "confidence", "state"))


def test_the_history_lists_titles_and_the_search_finds_their_relatives(image: Image) -> None:
    image = recognize(
        image, said("Dog", 80, parents=("Animal",), aliases=("Hound",)), said("Wolf", 21, parents=("Wild",))
    )
    assert rows(image) == {("dog", "Dog", "onnx", 80, "predicted"), ("wolf", "Wolf", "onnx", 21, "predicted")}
    assert image.search_text == "photo.jpg\ndog\nanimal\nhound"


def test_rules_of_the_vocabulary_reach_what_is_there_already(image: Image) -> None:
    image = recognize(image, said("Dog", 80), said("Mutt", 60), said("Cat", 70), said("Mouse", 55), said("Bird", 66))
    dog = Label.objects.get(name="Dog")
    Label.objects.filter(name="Dog").update(display_name="Hound", category="Friends")
    Label.objects.filter(name="Mutt").update(merged_into=dog)
    Label.objects.filter(name="Cat").update(blocked=True)
    Label.objects.filter(name="Bird").update(shown_from=70)
    device = Label.objects.create(name="Computer mouse")
    DetectorName.objects.create(detector="onnx", label=Label.objects.get(name="Mouse"), meaning=device)
    follow(image)
    assert rows(image) == {
        ("hound", "Hound", "onnx", 80, "predicted"),
        ("computer mouse", "Computer mouse", "onnx", 55, "predicted"),
    }
    assert fresh(image).search_text == "photo.jpg\nhound\nfriends\ncomputer mouse"


def test_one_row_of_each_name_and_of_each_detector_is_the_surest(image: Image) -> None:
    image = recognize(image, said("Dog", 80), said("Dog", 90, "faces"), said("Cat", 70))
    surest = CurrentLabel.objects.filter(image=image)
    assert set(surest.filter(surest_of_name=True).values_list("name", "detector")) == {
        ("dog", "faces"),
        ("cat", "onnx"),
    }
    assert set(surest.filter(surest_of_detector=True).values_list("name", "detector")) == {
        ("dog", "faces"),
        ("dog", "onnx"),
    }


def test_text_that_is_sure_enough_is_found(image: Image) -> None:
    text = (Text("STOP", TextKind.LINE, 90, LEFT), Text("smudge", TextKind.LINE, 20, RIGHT))
    assert recognize(image, text=text).search_text == "photo.jpg\nstop"


def test_following_twice_writes_the_same(image: Image) -> None:
    image = recognize(image, said("Dog", boxes=(LEFT,)))
    before = rows(image), fresh(image).search_text
    follow(image)
    assert (rows(image), fresh(image).search_text) == before


# Content flags ----------------------------------------------------------------------------------------------------

VIOLENCE = (
    ModerationLabel("Violence", "", 70, 1),
    ModerationLabel("Weapon Violence", "Violence", 70, 2),
    ModerationLabel("Shooting", "Weapon Violence", 65, 3),
)


def test_a_flag_above_the_general_threshold_hides_the_photo(image: Image) -> None:
    assert recognize(image, moderation_labels=VIOLENCE).flagged
    assert ReviewItem.objects.get(image=image).flagged
    assert not recognize(image, minutes=1, moderation_labels=(ModerationLabel("Violence", "", 59, 1),)).flagged
    assert not ReviewItem.objects.get(image=image).flagged


def test_a_categorys_own_threshold_counts_for_all_below_it(image: Image) -> None:
    threshold = ContentThreshold.objects.create(category="Violence", confidence=75)
    image = recognize(image, moderation_labels=VIOLENCE)
    assert not image.flagged
    threshold.confidence = 66
    threshold.save()
    follow(image)
    assert fresh(image).flagged
    assert ReviewItem.objects.get(image=image).flagged


# The queue --------------------------------------------------------------------------------------------------------


def test_every_recognised_image_has_its_place_in_the_queue(image: Image) -> None:
    missing = Failure("file_missing", "The file is gone.", permanent=True)
    record_result(failed(image.pk, make_result(image).source, missing))
    assert not ReviewItem.objects.exists()
    recognize(image, said("Dog", 50, boxes=(LEFT,)), minutes=10_000_000)
    item = ReviewItem.objects.get(image=image)
    assert (item.owner_id, item.created_at) == (image.owner_id, fresh(image).created_at)
    assert item.sample_order == sample_order(image.pk)
    assert item.uncertainty > 0
    assert item.score > 0


def test_what_people_did_in_the_queue_stays(image: Image) -> None:
    recognize(image, said("Dog", 50))
    moderator = a_moderator()
    actions.complete(deed(moderator, image))
    ReviewItem.objects.filter(image=image).update(leased_by=moderator, suggested=True)
    before = ReviewItem.objects.get(image=image)
    recognize(image, said("Cat", 50), minutes=10_000_000)
    item = ReviewItem.objects.get(image=image)
    assert (item.completed_at, item.completed_by, item.leased_by) == (before.completed_at, moderator, moderator)
    assert item.suggested


# The number of statements -----------------------------------------------------------------------------------------


def test_as_many_statements_for_two_hundred_images_as_for_one(owner: User, stored_image: MakeImage) -> None:
    images = [stored_image(owner, b"%d" % number, f"{number}.jpg") for number in range(200)]
    for image in images:
        record_result(make_result(image, moderation_labels=VIOLENCE))
    moderator = a_moderator()
    for image in images[:20]:
        actions.reject(deed(moderator, image), box_target(image, "Dog"))
    Label.objects.filter(name="Dog").update(display_name="Hound")

    def statements(some: list[Image]) -> list[str]:
        loaded = [fresh(image) for image in some]
        with transaction.atomic(), CaptureQueriesContext(connection) as captured:
            bring_up_to_date(loaded)
        return [each["sql"].split()[0] for each in captured]

    one, all_of_them = statements(images[-1:]), statements(images[:-1])
    if connection.vendor == "sqlite":
        # It takes so many values in one statement and no more.
        one, all_of_them = (list(dict.fromkeys(each)) for each in (one, all_of_them))
    assert sorted(one) == sorted(all_of_them)


def test_truths_take_four_statements_for_any_number_of_images(owner: User, recognized_image: MakeImage) -> None:
    images = [fresh(recognized_image(owner, f"{number}.jpg")) for number in range(5)]
    with CaptureQueriesContext(connection) as captured:
        assert len(truths(images)) == 5
    assert len(captured) <= 4


def test_recording_a_result_takes_a_bounded_number_of_statements(image: Image) -> None:
    with CaptureQueriesContext(connection) as captured:
        record_result(make_result(image))
    derived = re.compile(
        r'(FROM|INTO|UPDATE) "(moderation_\w+|images_currentlabel|images_detectorname)"|"merged_into_id" .*WHERE'
    )
    # Three of them are older than moderation.
    assert len([each for each in captured if derived.search(each["sql"])]) <= 3 + 5
