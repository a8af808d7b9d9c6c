"""Which images of the history match, and in what pages they come."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.images.counting import detector_names, label_counts
from portal.images.history import (
    Cursor,
    Filters,
    bounded_count,
    in_pages,
    matching,
    page_after,
)
from portal.images.models import Image, Status
from portal.images.recording import record_result
from recognition.result import Box, Label, Text, TextKind
from tests.conftest import MakeImage, make_result
from tests.portal.bare_images import bare_images


def parsed(query: str) -> Filters:
    return Filters.parse(QueryDict(query))


def names(owner: User, query: str = "") -> list[str]:
    return [image.filename for image in matching(owner, parsed(query))]


def labelled(name: str, confidence: float = 90, detector: str = "onnx") -> Label:
    return Label(name, confidence, detector)


# Reading the address -------------------------------------------------------------------------------------------------


def test_filters_survive_the_way_into_an_address_and_back() -> None:
    query = (
        "q=red+dog&label=Dog&label=Person&confidence=72.5&since=2026-01-02&until=2026-03-04&status=failed&detector=onnx"
    )
    filters = parsed(query)

    assert filters.problems == ()
    assert filters.labels == ("Dog", "Person")
    assert filters.since == date(2026, 1, 2)
    assert filters.query_string() == query


def test_filters_at_their_defaults_leave_the_address_empty() -> None:
    assert parsed("q=&label=&confidence=50&since=&until=&status=&detector=").query_string() == ""


@pytest.mark.parametrize(
    "bad",
    [
        "confidence=high",
        "confidence=nan",
        "confidence=101",
        "since=yesterday",
        "until=2026-02-30",
        "until=9999-12-31",
        "status=awaiting_upload",
        "status=happy",
        "detector=" + "x" * 65,
        "q=" + "x" * 201,
        "q=nul%00byte",
        "label=nul%00byte",
        "label=" + "x" * 201,
        "detector=nul%00byte",
    ],
)
def test_a_bad_value_is_named_and_ignored_while_the_other_filters_stay(client: Client, owner: User, bad: str) -> None:
    bare_images(owner, 1)
    other = "status=recognized" if not bad.startswith("status") else "q=photo"
    filters = parsed(f"{bad}&{other}")

    assert len(filters.problems) == 1
    assert filters.problems[0].endswith("It was ignored.")
    assert filters == parsed(other)
    client.force_login(owner)
    response = client.get(f"{reverse('images:history')}?{bad}&{other}")
    assert response.status_code == 200
    assert filters.problems[0] in response.content.decode()


def test_a_period_that_ends_before_it_begins_is_said_to_match_nothing() -> None:
    assert parsed("since=2026-02-01&until=2026-01-01").problems == (
        "The first day comes after the last day, so nothing can match.",
    )


@pytest.mark.parametrize("text", ["", "12", "x-y", f"{10**30}-{uuid.UUID(int=1)}", f"-5-{uuid.UUID(int=1)}"])
def test_a_damaged_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Cursor.parse(text)


# What matches --------------------------------------------------------------------------------------------------------


def test_images_whose_file_never_arrived_are_not_history(owner: User) -> None:
    bare_images(owner, 1, status=Status.AWAITING_UPLOAD)
    assert names(owner) == []


def test_the_label_filter_counts_the_current_recognition_only(owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner, labels=(labelled("Dog"),))
    record_result(make_result(image, labels=(labelled("Cat"),), recognized_at=datetime.now(UTC) + timedelta(minutes=1)))

    assert names(owner, "label=Cat") == ["photo.jpg"]
    assert names(owner, "label=Dog") == []


def test_the_confidence_decides_whether_a_label_counts(owner: User, recognized_image: MakeImage) -> None:
    recognized_image(owner, labels=(labelled("Dog", 60),))
    assert names(owner, "label=Dog&confidence=60") == ["photo.jpg"]
    assert names(owner, "label=Dog&confidence=61") == []
    assert names(owner, "confidence=99") == ["photo.jpg"]


def test_a_label_from_two_detectors_gives_one_image(owner: User, recognized_image: MakeImage) -> None:
    recognized_image(owner, labels=(labelled("Dog"), labelled("Dog", 80, "rekognition")))
    assert names(owner, "label=Dog") == ["photo.jpg"]
    assert [(count.name, count.images) for count in label_counts(owner, 50)] == [("Dog", 1)]


def test_labels_add_up_and_the_case_of_their_letters_does_not_matter(owner: User, recognized_image: MakeImage) -> None:
    recognized_image(owner, "both.jpg", labels=(labelled("Dog"), labelled("Person")))
    recognized_image(owner, "dog.jpg", labels=(labelled("Dog"),))

    assert names(owner, "label=dog&label=PERSON") == ["both.jpg"]
    assert names(owner, "label=dog") == ["dog.jpg", "both.jpg"]
    assert names(owner, "label=dog&label=Unheard") == []


def test_the_detector_filter_asks_for_the_same_label_as_the_label_filter(
    owner: User, recognized_image: MakeImage
) -> None:
    recognized_image(owner, labels=(labelled("Dog", 90, "onnx"), labelled("Face", 90, "faces")))
    assert names(owner, "detector=faces") == ["photo.jpg"]
    assert names(owner, "detector=faces&label=Face") == ["photo.jpg"]
    assert names(owner, "detector=faces&label=Dog") == []
    assert names(owner, "detector=rekognition") == []
    assert detector_names(owner, 50) == ["faces", "onnx"]


def test_the_search_wants_every_word_in_labels_parents_text_or_file_name(
    owner: User, recognized_image: MakeImage
) -> None:
    stop = Text("STOP here", TextKind.LINE, 95, Box(0, 0, 1, 1))
    recognized_image(owner, "Holiday.jpg", text=(stop,))

    assert names(owner, "q=dog+animal+stop+holiday") == ["Holiday.jpg"]
    assert names(owner, "q=dog+cat") == []
    assert names(owner, "q=100%25") == []


def test_the_search_finds_file_names_before_anything_is_recognised(owner: User) -> None:
    bare_images(owner, 2, status=Status.QUEUED)
    assert names(owner, "q=PHOTO-1") == ["photo-1.jpg"]


def test_days_are_included_from_their_first_to_their_last_moment(owner: User) -> None:
    bare_images(owner, 1, created_at=datetime(2026, 3, 4, 23, 59, 59, 999_999, tzinfo=UTC))
    assert names(owner, "since=2026-03-04&until=2026-03-04") == ["photo-0.jpg"]
    assert names(owner, "since=2026-03-05") == []
    assert names(owner, "until=2026-03-03") == []


def test_the_status_filter_shows_that_state_only(owner: User) -> None:
    failed = bare_images(owner, 3)[1]
    Image.objects.filter(pk=failed.pk).update(status=Status.FAILED)
    assert names(owner, "status=failed") == ["photo-1.jpg"]


def test_counting_stops_after_a_thousand(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.images.history.COUNTED_AT_MOST", 3)
    bare_images(owner, 5)
    assert bounded_count(matching(owner, Filters())) == 4


# Pages ---------------------------------------------------------------------------------------------------------------


def test_pages_show_every_image_once_even_at_the_same_moment_and_while_new_ones_come_in(owner: User) -> None:
    bare_images(owner, 7, created_at=datetime(2026, 1, 1, tzinfo=UTC))
    images = matching(owner, Filters())
    first = page_after(images, None, 3)
    bare_images(owner, 1)
    assert first.next is not None
    second = page_after(images, Cursor.parse(str(first.next)), 3)
    third = page_after(images, second.next, 3)

    seen = [image.pk for page in (first, second, third) for image in page.images]
    assert len(seen) == len(set(seen)) == 7
    assert third.next is None


def test_a_full_last_page_leads_nowhere(owner: User) -> None:
    bare_images(owner, 3)
    assert page_after(matching(owner, Filters()), None, 3).next is None


def test_in_pages_yields_all_images_in_order(owner: User) -> None:
    bare_images(owner, 5)
    pages = [[image.filename for image in page] for page in in_pages(matching(owner, Filters()), 2)]
    assert pages == [["photo-0.jpg", "photo-1.jpg"], ["photo-2.jpg", "photo-3.jpg"], ["photo-4.jpg"]]
