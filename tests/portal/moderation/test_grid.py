"""Crops of one label: which come, in which order, in which state, and what is done to hundreds of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import DetectorName, Image
from portal.images.models import Label as Word
from portal.images.recording import record_result
from portal.moderation import grid
from portal.moderation.access import REVIEW
from portal.moderation.grid import Place, WantedCrops, page
from portal.moderation.models import Annotation, AuditEntry, ReviewItem, Verb
from recognition.result import Box, Instance, Label
from tests.conftest import MakeImage, make_result
from tests.portal.moderation.reviewing import moderator

PLACES = (Box(0.1, 0.1, 0.2, 0.2), Box(0.5, 0.1, 0.2, 0.2), Box(0.5, 0.6, 0.2, 0.2), Box(0.1, 0.6, 0.2, 0.2))


def dogs(*confidences: float, name: str = "Dog", by: str = "onnx", whole: float | None = None) -> Label:
    """A label with a box of each confidence, in places of their own."""
    boxes = tuple(Instance(confidence, box) for confidence, box in zip(confidences, PLACES, strict=False))
    return Label(name, max(confidences) if whole is None else whole, by, instances=boxes)


@pytest.fixture
def anna(db: None) -> User:
    return moderator("anna")


@pytest.fixture
def browser(anna: User, client: Client) -> Client:
    client.force_login(anna)
    return client


def crops_of(user: User, label: str = "Dog", **wanted: Any) -> list[float]:
    """The confidences of all crops, page by page."""
    found: list[float] = []
    after: Place | None = None
    while True:
        shown = page(user, WantedCrops(label, **wanted), after)
        found += [crop.confidence for crop in shown.crops]
        if shown.after is None:
            return found
        after = Place.parse(str(shown.after))


def instances(user: User, label: str = "Dog", **wanted: Any) -> list[int]:
    return [crop.instance for crop in page(user, WantedCrops(label, **wanted)).crops]


def asked(client: Client, **query: Any) -> Any:
    return client.get("/admin/moderation/grid/", {"format": "json", **query})


def decided(client: Client, verb: str, ids: list[int], batch: str = "", **others: Any) -> Any:
    body = {"id": batch or str(uuid4()), "verb": verb, "instances": ids, **others}
    return client.post("/admin/moderation/grid/decide/", body, content_type="application/json")


# Which come ----------------------------------------------------------------------------------------------------------


def test_boxes_come_surest_first_and_of_the_label_alone(owner: User, anna: User, recognized_image: MakeImage) -> None:
    recognized_image(owner, labels=(dogs(50, 70), dogs(99, name="Cat")))
    recognized_image(owner, labels=(dogs(90),))
    recognized_image(owner, labels=(Label("Dog", 95, "onnx"),))
    assert crops_of(anna) == [90, 70, 50]
    assert crops_of(anna, "dog") == [90, 70, 50]
    assert crops_of(anna, "Cat") == [99]
    assert crops_of(anna, "Cow") == []


def test_between_two_confidences_unsure_boxes_of_sure_labels_come_too(
    owner: User, anna: User, recognized_image: MakeImage
) -> None:
    for confidences in ((95, 55, 30), (60,), (45,), (39, 38), (100, 99), (40,)):
        recognized_image(owner, labels=(dogs(*confidences),))
    recognized_image(owner, labels=(dogs(90, whole=50),))
    assert crops_of(anna, low=40, high=60) == [60, 50, 45, 40, 55]


def test_one_detectors_boxes_alone(owner: User, anna: User, recognized_image: MakeImage) -> None:
    recognized_image(owner, labels=(dogs(50), dogs(80, by="rekognition")))
    assert crops_of(anna, detector="onnx") == [50]


def test_pages_show_every_box_once(
    owner: User, anna: User, recognized_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid, "PAGE_SIZE", 3)
    for confidences in ((70, 60), (70,), (70,), (95, 50), (55, 54, 53, 52), (65,)):
        recognized_image(owner, labels=(dogs(*confidences),))
    everything = sorted([70, 60, 70, 70, 95, 50, 55, 54, 53, 52, 65])
    assert sorted(crops_of(anna)) == everything
    assert sorted(crops_of(anna, low=50, high=60)) == [50, 52, 53, 54, 55, 60]
    assert len(page(anna, WantedCrops("Dog")).crops) <= 6


def test_only_the_newest_recognition_of_an_image_counts(owner: User, anna: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner, labels=(dogs(50),))
    later = datetime.now(UTC) + timedelta(minutes=1)
    record_result(make_result(image, labels=(dogs(80),), recognized_at=later))
    assert crops_of(anna) == [80]


def test_what_words_mean_counts(owner: User, anna: User, recognized_image: MakeImage) -> None:
    labels = (
        dogs(50),
        dogs(60, name="Hound"),
        dogs(70, name="Canine", by="faces"),
        dogs(80, name="Canine", by="other"),
    )
    recognized_image(owner, labels=labels)
    dog = Word.objects.get(name="Dog")
    Word.objects.filter(name="Hound").update(merged_into=dog)
    canine = Word.objects.get(name="Canine")
    DetectorName.objects.create(detector="faces", label=canine, meaning=dog)

    assert sorted(crops_of(anna)) == [50, 60, 70]
    assert sorted(crops_of(anna, "Hound")) == [50, 60, 70]
    assert crops_of(anna, "Canine") == [80]
    dog.blocked = True
    dog.save()
    assert crops_of(anna) == []


def test_undecided_and_decided_boxes_come_as_asked_for(
    owner: User, anna: User, browser: Client, recognized_image: MakeImage
) -> None:
    recognized_image(owner, labels=(dogs(50, 60),))
    recognized_image(owner, labels=(dogs(70),))
    approved, corrected, _ = instances(anna, state="all")[::-1]
    decided(browser, "approve", [approved])
    decided(browser, "relabel", [corrected], label="Wolf")

    assert crops_of(anna) == [70]
    assert sorted(crops_of(anna, state="decided")) == [50, 60]
    assert sorted(crops_of(anna, state="all")) == [50, 60, 70]
    states = {crop.instance: (crop.state, crop.label) for crop in page(anna, WantedCrops("Dog", state="all")).crops}
    assert states[approved] == ("approved", "Dog")
    assert states[corrected] == ("corrected", "Wolf")

    ReviewItem.objects.update(completed_at=timezone.now())
    assert crops_of(anna) == []


def test_moderators_see_crops_of_what_they_may_see_and_each_look_is_recorded(
    owner: User, stranger: User, anna: User, recognized_image: MakeImage, settings: Any
) -> None:
    recognized_image(owner, labels=(dogs(50, 40),))
    shared = recognized_image(stranger, labels=(dogs(70),))
    Image.objects.filter(pk=shared.pk).update(shared=True)
    settings.MODERATION_SEES = "shared"
    assert crops_of(anna) == [70]
    assert [look.image_uuid for look in AuditEntry.objects.all()] == [shared.pk]

    settings.MODERATION_SEES = "all"
    assert len(crops_of(anna)) == len(crops_of(anna)) == 3
    assert AuditEntry.objects.filter(verb=Verb.LOOKED).count() == 2


def test_a_page_takes_the_same_queries_for_few_and_many(owner: User, anna: User, recognized_image: MakeImage) -> None:
    counts = []
    # Permissions are asked for once.
    anna.has_perm(REVIEW)
    for _ in range(2):
        for _ in range(5):
            recognized_image(owner, labels=(dogs(50, 40),))
        with CaptureQueriesContext(connection) as queries:
            page(anna, WantedCrops("Dog", state="all"))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 20


# What a browser needs to cut them out --------------------------------------------------------------------------------


def test_a_crop_says_where_it_is_in_which_picture(owner: User, browser: Client, recognized_image: MakeImage) -> None:
    image = recognized_image(
        owner, labels=(dogs(50), Label("Cat", 90, "onnx", instances=(Instance(90, Box(0, 0, 1, 1)),)))
    )
    (crop,) = asked(browser, label="Dog").json()["crops"]
    assert (crop["image"], crop["width"], crop["height"]) == (str(image.pk), 640, 480)
    # 15 % more on each side.
    assert crop["view_box"] == "44.8 33.6 166.4 124.8"
    assert crop["box"] == pytest.approx({"x": 64, "y": 48, "width": 128, "height": 96})
    assert crop["picture"] == f"/admin/moderation/review/{image.pk}/preview/"
    (large,) = asked(browser, label="Cat").json()["crops"]
    assert large["view_box"] == "0.0 0.0 640.0 480.0"
    assert large["picture"] == f"/admin/moderation/review/{image.pk}/thumbnail/"
    for picture in (crop["picture"], large["picture"]):
        assert browser.get(picture)["Content-Type"] == "image/jpeg"


def test_the_page_holds_its_first_crops_and_says_what_it_did_not_understand(
    owner: User, browser: Client, recognized_image: MakeImage
) -> None:
    recognized_image(owner, labels=(dogs(50, 70),))
    context = browser.get("/admin/moderation/grid/", {"label": "Dog", "from": "60"}).context
    assert [crop["confidence"] for crop in context["page"]["crops"]] == [70]
    assert (context["filters"]["label"], context["filters"]["from"]) == ("Dog", "60")
    assert context["problems"] == []

    context = browser.get("/admin/moderation/grid/", {"label": "Dog", "from": "much"}).context
    assert context["page"]["crops"] == []
    assert len(context["problems"]) == 1
    assert browser.get("/admin/moderation/grid/").context["page"] == {"crops": [], "after": None, "total": None}


@pytest.mark.parametrize(
    "query",
    [
        {"from": "-1"},
        {"to": "101"},
        {"to": "nan"},
        {"state": "odd"},
        {"after": "x"},
        {"after": "0_50.0"},
        {"after": "2_50.0_1"},
        {"after": "0_nan_1"},
        {"after": "0_50.0_99999999999999999999"},
        {"label": "x" * 201},
    ],
)
def test_what_is_malformed_is_refused(browser: Client, query: dict[str, str]) -> None:
    answer = asked(browser, **{"label": "Dog", **query})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")


# Deciding on many ----------------------------------------------------------------------------------------------------


def test_hundreds_are_decided_on_in_one_action_and_taken_back_in_one(
    owner: User, anna: User, browser: Client, recognized_image: MakeImage
) -> None:
    images = [recognized_image(owner, labels=(dogs(50, 60),)) for _ in range(5)]
    ids, batch = instances(anna), str(uuid4())
    assert len(ids) == 10
    for _ in range(3):
        answer = decided(browser, "reject", ids, batch)
        assert answer.json() == {"batch": batch, "decided": 10, "left_alone": 0}
    assert Annotation.objects.count() == 10
    assert AuditEntry.objects.filter(batch=batch).count() == len(images)
    assert crops_of(anna) == []

    undo = {"id": str(uuid4()), "batch": batch}
    for _ in range(3):
        answer = browser.post("/admin/moderation/review/undo/", undo, content_type="application/json")
        assert answer.json() == {"undone": len(images)}
    assert not Annotation.objects.exists()
    assert sorted(instances(anna)) == sorted(ids)


def test_what_was_decided_or_cannot_be_seen_is_left_alone(
    owner: User, stranger: User, anna: User, browser: Client, recognized_image: MakeImage, settings: Any
) -> None:
    recognized_image(owner, labels=(dogs(50, 60),))
    hidden = recognized_image(stranger, labels=(dogs(70),))
    ids = instances(anna)
    Image.objects.exclude(pk=hidden.pk).update(shared=True)
    settings.MODERATION_SEES = "shared"
    decided(browser, "reject", ids[1:2])
    answer = decided(browser, "approve", [*ids, ids[0], 10**12]).json()
    assert (answer["decided"], answer["left_alone"]) == (1, 3)
    assert sorted(Annotation.objects.values_list("state", flat=True)) == ["approved", "rejected"]
