"""What people said of labels, by API: first, whatever the threshold, and with what detectors had said beside it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from portal.images.models import FlagVerdict, Image, LabelState
from portal.images.models import Label as Word
from portal.moderation.effect import bring_up_to_date
from portal.moderation.models import Annotation
from recognition.result import Box, Instance, Label
from tests.conftest import MakeImage
from tests.portal.api.conftest import problem

LEFT, RIGHT = Box(0.1, 0.1, 0.2, 0.2), Box(0.6, 0.6, 0.2, 0.2)
FOUND = (
    Label("Dog", 70, "onnx", instances=(Instance(70, LEFT), Instance(41, RIGHT))),
    Label("Car", 55, "onnx"),
    Label("Tree", 52, "onnx"),
)


def decide(image: Image, state: LabelState, label: str, said: str = "", box: Box | None = None, **seen: Any) -> None:
    """What a moderator's decision leaves: `said` is the detector's word for it."""
    sides = {side: getattr(box, side) for side in ("left", "top", "width", "height")} if box else {}
    predicted = {f"predicted_{side}": value for side, value in sides.items()} if said else {}
    Annotation.objects.create(
        image=image,
        state=state,
        label=Word.objects.get_or_create(name=label)[0],
        predicted_label=Word.objects.get(name=said) if said else None,
        detector="onnx" if said else "",
        **{**sides, **predicted, **seen},
    )


def bring() -> None:
    with transaction.atomic():
        bring_up_to_date(list(Image.objects.select_for_update(of=("self",)).select_related("current")))


@pytest.fixture
def decided(owner: User, recognized_image: MakeImage) -> Image:
    """One dog is a wolf, one is a dog indeed, the car is not there, a bench is; nobody looked at the tree."""
    image = recognized_image(owner, labels=FOUND)
    decide(image, LabelState.CORRECTED, "Wolf", "Dog", LEFT, predicted_confidence=70)
    decide(image, LabelState.APPROVED, "Dog", "Dog", RIGHT, predicted_confidence=41)
    decide(image, LabelState.REJECTED, "Car", "Car", predicted_confidence=55)
    decide(image, LabelState.ADDED, "Bench")
    bring()
    return image


def labels_of(api: Client, image: Image, query: str = "") -> dict[str, dict[str, Any]]:
    shown = api.get(f"/api/v1/images/{image.pk}{query}").json()["labels"]
    assert len({label["name"] for label in shown}) == len(shown)
    return {label["name"]: label for label in shown}


def test_an_image_shows_the_word_of_people_first_and_what_they_refused_last(api: Client, decided: Image) -> None:
    labels = labels_of(api, decided)
    assert {name: (each["state"], each["confidence"], each["detector"]) for name, each in labels.items()} == {
        "Wolf": ("corrected", 100, "people"),
        "Bench": ("added", 100, "people"),
        "Dog": ("approved", 100, "onnx"),
        "Tree": ("predicted", 52, "onnx"),
        "Car": ("rejected", labels["Car"]["confidence"], "onnx"),
    }
    assert list(labels)[-2:] == ["Tree", "Car"]


def test_what_a_detector_had_said_stands_beside_what_people_decided(api: Client, decided: Image) -> None:
    labels = labels_of(api, decided)
    [wolf], [dog] = labels["Wolf"]["instances"], labels["Dog"]["instances"]
    left = {"left": 0.1, "top": 0.1, "width": 0.2, "height": 0.2}
    assert wolf == {
        "confidence": 100,
        "box": left,
        "state": "corrected",
        "predicted": {"label": "Dog", "confidence": 70, "detector": "onnx", "box": left},
    }
    assert (dog["state"], dog["predicted"]["confidence"]) == ("approved", 41)
    assert labels["Bench"]["predicted"] is None
    assert labels["Tree"]["predicted"] is None
    assert labels["Car"]["predicted"] == {"label": "Car", "confidence": 55, "detector": "onnx", "box": None}


def test_no_threshold_hides_what_people_said(api: Client, decided: Image) -> None:
    assert set(labels_of(api, decided, "?min_confidence=99")) == {"Wolf", "Bench", "Dog", "Car"}
    [summary] = api.get("/api/v1/images?min_confidence=99").json()["results"]
    assert {label["name"] for label in summary["labels"]} == {"Wolf", "Bench", "Dog"}


def test_lists_and_counts_have_what_is_true_and_nothing_that_was_refused(api: Client, decided: Image) -> None:
    [summary] = api.get("/api/v1/images").json()["results"]
    assert [(label["name"], label["state"], label["detector"]) for label in summary["labels"]] == [
        ("Bench", "added", "people"),
        ("Dog", "approved", "onnx"),
        ("Wolf", "corrected", "people"),
        ("Tree", "predicted", "onnx"),
    ]
    names = {label["name"] for label in api.get("/api/v1/labels").json()["results"]}
    assert names == {"Bench", "Dog", "Wolf", "Tree"}
    known = {"filename": "again.jpg", "content_type": "image/jpeg", "size": 1, "sha256": decided.sha256}
    batch = api.post("/api/v1/images/batch", {"images": [known]}, "application/json").json()
    assert batch["results"][0]["labels"] == summary["labels"]


def test_images_are_found_by_what_people_said(api: Client, decided: Image) -> None:
    def found(query: str) -> int:
        return len(api.get(f"/api/v1/images?{query}").json()["results"])

    assert (found("label=wolf"), found("label=Car"), found("detector=people")) == (1, 0, 1)
    assert (found("label=wolf&detector=people"), found("label=dog&detector=people")) == (1, 0)


def test_images_are_found_by_other_names_of_a_label(api: Client, decided: Image) -> None:
    Word.objects.filter(name="Wolf").update(aliases=["Canis lupus"])
    [image] = api.get("/api/v1/images?label=canis+lupus").json()["results"]
    assert image["id"] == str(decided.pk)


def test_the_result_stays_what_detectors_said(api: Client, decided: Image) -> None:
    result = api.get(f"/api/v1/images/{decided.pk}/result").json()
    assert {label["name"] for label in result["labels"]} == {"Dog", "Car", "Tree"}
    assert "state" not in result["labels"][0]["instances"][0] | result["labels"][0]


def test_many_decisions_cost_no_more_queries(api: Client, owner: User, recognized_image: MakeImage) -> None:
    found = tuple(Label(f"Label {number}", 60, "onnx") for number in range(40))
    for copy in range(3):
        image = recognized_image(owner, f"{copy}.jpg", labels=found)
        for number in range(0, 40, 2):
            decide(image, LabelState.CORRECTED, f"Other {number}", f"Label {number}")
    bring()
    many = "&".join(f"label=Other+{number}&label=Label+{number + 1}" for number in range(0, 10, 2))
    for address, most in ((f"/api/v1/images/{image.pk}", 8), (f"/api/v1/images?{many}", 8)):
        with CaptureQueriesContext(connection) as queries:
            assert api.get(address).status_code == 200
        assert len(queries) <= most, [query["sql"] for query in queries]


@pytest.mark.parametrize(
    ("verdict", "hidden"),
    [
        (FlagVerdict.NONE, set()),
        (FlagVerdict.ALLOWED, set()),
        (FlagVerdict.HIDDEN, {"preview", "thumbnail"}),
        (FlagVerdict.REMOVED, {"preview", "thumbnail", "original"}),
    ],
)
def test_what_a_moderator_hid_is_not_served(
    api: Client, owner: User, recognized_image: MakeImage, verdict: FlagVerdict, hidden: set[str]
) -> None:
    image = recognized_image(owner)
    Image.objects.filter(pk=image.pk).update(verdict=verdict, flagged=True)
    [listed] = api.get("/api/v1/images").json()["results"]
    urls = api.get(f"/api/v1/images/{image.pk}").json()["urls"]
    assert {name for name, address in urls.items() if address is None} == hidden
    assert listed["urls"] == urls
    for name in urls:
        answer = api.get(f"/api/v1/images/{image.pk}/{name}")
        if name in hidden:
            assert problem(answer) == (404, "hidden")
        else:
            assert answer.status_code == 200


def test_what_was_found_in_a_removed_image_is_told_nobody(
    api: Client, owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner)
    address = f"/api/v1/images/{image.pk}"
    assert api.get(address).json()["detectors"]
    assert api.get(f"{address}/result").status_code == 200
    Image.objects.filter(pk=image.pk).update(verdict=FlagVerdict.REMOVED)
    document = api.get(address).json()
    assert not any(document[name] for name in ("labels", "text", "moderation_labels", "properties", "detectors"))
    assert problem(api.get(f"{address}/result")) == (404, "hidden")
