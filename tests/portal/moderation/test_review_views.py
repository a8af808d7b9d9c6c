"""What the review page asks for, over HTTP: who may, what is refused, and what is told to the audit log."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import FlagVerdict, Image
from portal.images.serving import ADDRESS_SECONDS
from portal.moderation.models import Annotation, AuditEntry, ReviewItem, Verb
from recognition.result import Box, Instance, Label
from tests.conftest import PIXEL, MakeImage
from tests.portal.moderation.reviewing import moderator

DOG = Label("Dog", 80, "onnx", instances=(Instance(80, Box(0.1, 0.2, 0.3, 0.4)), Instance(55, Box(0.6, 0.5, 0.2, 0.2))))
SKY = Label("Sky", 60, "onnx")
FAINT = Label("Cloud", 30, "onnx")


@pytest.fixture
def anna(db: None) -> User:
    return moderator("anna")


@pytest.fixture
def image(owner: User, recognized_image: MakeImage) -> Image:
    return recognized_image(owner, labels=(DOG, SKY, FAINT))


@pytest.fixture
def page(anna: User, client: Client) -> Client:
    client.force_login(anna)
    return client


def post(client: Client, address: str, body: Any = None, **others: Any) -> Any:
    return client.post(f"/admin/moderation/{address}", body or {}, content_type="application/json", **others)


def item_of(client: Client, **body: Any) -> Any:
    response = post(client, "review/next/", body)
    assert response.status_code == 200, response.content
    return response.json()["item"]


def found(item: Any, label: str, number: int = 0) -> Any:
    return [finding for finding in item["findings"] if finding["label"] == label][number]


def decided(client: Client, item: Any, verb: str, **others: Any) -> Any:
    return post(client, f"review/{item['id']}/decide/", {"id": str(uuid4()), "verb": verb, **others})


def refused(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


# Who may -------------------------------------------------------------------------------------------------------------

PLACES = [
    ("get", "review/"),
    ("get", "words/"),
    ("get", "grid/"),
    ("post", "review/next/"),
    ("post", "review/undo/"),
    ("post", "grid/decide/"),
    ("get", "review/{id}/"),
    ("get", "review/{id}/preview/"),
    ("get", "review/{id}/thumbnail/"),
    ("post", "review/{id}/renew/"),
    ("post", "review/{id}/release/"),
    ("post", "review/{id}/skip/"),
    ("post", "review/{id}/decide/"),
]


def asked(client: Client, method: str, place: str, image: Image) -> Any:
    address = f"/admin/moderation/{place.format(id=image.pk)}"
    return client.get(address) if method == "get" else client.post(address, {}, content_type="application/json")


@pytest.mark.parametrize(("method", "place"), PLACES)
def test_nobody_but_moderators_gets_in(owner: User, image: Image, method: str, place: str) -> None:
    client = Client()
    assert asked(client, method, place, image)["Location"].startswith("/admin/login/")
    client.force_login(owner)
    assert asked(client, method, place, image)["Location"].startswith("/admin/login/")

    owner.is_staff = True
    owner.save()
    owner.user_permissions.set(Permission.objects.exclude(codename="review_images"))
    assert asked(client, method, place, image).status_code == 403
    assert ReviewItem.objects.get().leased_by is None
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("method", "place"), [(method, place) for method, place in PLACES if method == "post" or "{id}" not in place]
)
def test_each_address_takes_its_own_method_alone(page: Client, image: Image, method: str, place: str) -> None:
    assert asked(page, "get" if method == "post" else "post", place, image).status_code == 405


@pytest.mark.parametrize("place", [place for method, place in PLACES if method == "post"])
def test_nothing_is_done_for_another_sites_page(anna: User, image: Image, place: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(anna)
    assert asked(client, "post", place, image).status_code == 403

    token = client.get("/admin/moderation/review/").cookies["csrftoken"].value
    answer = post(client, "review/next/", headers={"X-CSRFToken": token})
    assert answer.status_code == 200


@pytest.mark.parametrize(("method", "place"), [each for each in PLACES if "{id}" in each[1]])
@pytest.mark.parametrize("sees", ["shared", "flagged_and_suggested"])
def test_what_the_setting_does_not_allow_is_as_if_it_were_not_there(
    page: Client, image: Image, settings: Any, method: str, place: str, sees: str
) -> None:
    settings.MODERATION_SEES = sees
    body = {"id": str(uuid4()), "verb": "complete"}
    address = f"/admin/moderation/{place.format(id=image.pk)}"
    missing = f"/admin/moderation/{place.format(id=uuid4())}"
    for each in (address, missing):
        answer = page.get(each) if method == "get" else page.post(each, body, content_type="application/json")
        assert answer.status_code == 404
    assert not AuditEntry.objects.exists()

    ReviewItem.objects.update(**({"flagged": True} if sees == "flagged_and_suggested" else {}))
    Image.objects.update(shared=sees == "shared")
    answer = page.get(address) if method == "get" else page.post(address, body, content_type="application/json")
    assert answer.status_code in (200, 204)


def test_what_is_being_reviewed_stays_visible_when_it_is_flagged_no_more(
    page: Client, image: Image, settings: Any
) -> None:
    settings.MODERATION_SEES = "flagged_and_suggested"
    ReviewItem.objects.update(flagged=True)
    item = item_of(page, mode="flagged")
    answer = decided(page, item, "flag", verdict="allowed").json()
    assert (answer["item"]["verdict"], answer["item"]["flagged"]) == ("allowed", False)
    assert decided(page, item, "complete").status_code == 200


# The document --------------------------------------------------------------------------------------------------------


def test_the_next_image_comes_with_all_that_was_found_in_it(page: Client, anna: User, image: Image) -> None:
    item = item_of(page)
    assert (item["id"], item["owner"], item["width"], item["height"]) == (str(image.pk), "owner", 640, 480)
    assert (item["recognition"], item["completed"], item["flagged"]) == (image.current_id, False, False)
    assert item["why"].endswith(".")
    assert item["lease_until"] == ReviewItem.objects.get(leased_by=anna).leased_until.isoformat()

    first, second = found(item, "Dog"), found(item, "Dog", 1)
    assert (first["state"], first["confidence"], first["detector"], first["shown"]) == ("predicted", 80, "onnx", True)
    assert first["box"] == {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}
    assert first["predicted"]["box"] == first["box"]
    row = image.current.labels.get(label__name="Dog").instances.get(confidence=55)  # type: ignore[union-attr]
    assert second["target"] == {"kind": "instance", "id": str(row.pk)}
    sky = found(item, "Sky")
    assert sky["target"] == {"kind": "label", "id": str(image.current.labels.get(label__name="Sky").pk)}  # type: ignore[union-attr]
    assert sky["box"] is None
    assert found(item, "Cloud")["shown"] is False


def test_boxes_that_say_the_very_same_are_still_told_apart(
    owner: User, page: Client, recognized_image: MakeImage
) -> None:
    twice = Instance(80, Box(0.1, 0.2, 0.3, 0.4))
    recognized_image(owner, labels=(Label("Dog", 80, "onnx", instances=(twice, twice)),))
    targets = [finding["target"]["id"] for finding in item_of(page)["findings"]]
    assert len(set(targets)) == 2


def test_a_document_takes_the_same_queries_for_one_label_and_for_many(
    owner: User, page: Client, recognized_image: MakeImage, django_assert_max_num_queries: Any
) -> None:
    many = tuple(
        Label(f"Thing {number}", 60, "onnx", instances=(Instance(60, Box(number / 100, 0.1, 0.1, 0.1)),))
        for number in range(60)
    )
    recognized_image(owner, labels=many)
    with django_assert_max_num_queries(25):
        assert len(item_of(page)["findings"]) == 60


def test_every_look_is_in_the_audit_log_once(page: Client, anna: User, owner: User, image: Image) -> None:
    item = item_of(page)
    for _ in range(3):
        assert item_of(page)["id"] == item["id"]
        assert page.get(item["preview"]).status_code == 200
        assert page.get(f"/admin/moderation/review/{image.pk}/thumbnail/").status_code == 200
        assert page.get(f"/admin/moderation/review/{image.pk}/").status_code == 200
    look = AuditEntry.objects.get()
    assert (look.actor, look.verb, look.image) == (anna, Verb.LOOKED, image)

    AuditEntry.objects.update(at=timezone.now() - timedelta(hours=2))
    page.get(item["preview"])
    assert AuditEntry.objects.count() == 2


def test_looking_at_ones_own_images_is_nobodys_business(page: Client, anna: User, recognized_image: MakeImage) -> None:
    recognized_image(anna)
    page.get(item_of(page)["preview"])
    assert not AuditEntry.objects.exists()


def test_a_preview_goes_to_one_browser_and_can_never_be_a_page(page: Client, image: Image) -> None:
    answer = page.get(f"/admin/moderation/review/{image.pk}/preview/")
    assert b"".join(answer.streaming_content) == PIXEL
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"].startswith("private, max-age")
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert page.get(answer.request["PATH_INFO"], headers={"If-None-Match": answer["ETag"]}).status_code == 304


def test_what_is_hidden_from_its_owner_is_shown_to_moderators(page: Client, image: Image) -> None:
    Image.objects.update(verdict=FlagVerdict.HIDDEN)
    assert page.get(f"/admin/moderation/review/{image.pk}/preview/").status_code == 200


def test_nothing_left_says_what_else_waits(page: Client, image: Image) -> None:
    assert post(page, "review/next/", {"mode": "flagged"}).json() == {
        "item": None,
        "waiting": {
            "mixed": 1,
            "uncertain": 1,
            "disagreement": 0,
            "rare": 1,
            "random": 1,
            "flagged": 0,
            "suggested": 0,
            "newest": 1,
        },
    }


# Deciding ------------------------------------------------------------------------------------------------------------


def test_a_moderator_decides_and_the_document_says_so(page: Client, anna: User, image: Image) -> None:
    item = item_of(page)
    answer = decided(page, item, "approve", target=found(item, "Dog")["target"])
    assert answer.status_code == 200, answer.content
    entry, item = answer.json()["entry"], answer.json()["item"]
    dog = found(item, "Dog")
    assert (dog["state"], dog["target"]) == (
        "approved",
        {"kind": "annotation", "id": str(Annotation.objects.get().pk)},
    )
    assert item["entries"][0] | {"at": ""} == {
        "id": entry,
        "at": "",
        "actor": "anna",
        "verb": "approve",
        "subject": "Dog",
        "undone": False,
    }

    item = decided(page, item, "reject", target=found(item, "Sky")["target"]).json()["item"]
    assert found(item, "Sky")["state"] == "rejected"
    item = decided(page, item, "relabel", target=found(item, "Dog", 1)["target"], label="Wolf").json()["item"]
    wolf = found(item, "Wolf")
    assert (wolf["state"], wolf["predicted"]["label"]) == ("corrected", "Dog")
    box = {"left": 0.5, "top": 0.5, "width": 0.25, "height": 0.25}
    item = decided(page, item, "redraw", target=wolf["target"], box=box).json()["item"]
    assert found(item, "Wolf")["box"] == box
    item = decided(page, item, "add", label="Bone", box=box).json()["item"]
    assert (found(item, "Bone")["state"], found(item, "Bone")["box"]) == ("added", box)
    item = decided(page, item, "add", label="Garden").json()["item"]
    assert found(item, "Garden")["box"] is None
    item = decided(page, item, "complete", recognition=item["recognition"]).json()["item"]
    assert item["completed"] is True
    assert item_of(page) is None
    assert decided(page, item, "reopen").json()["item"]["completed"] is False


def test_the_same_request_again_answers_the_same_and_changes_nothing(page: Client, image: Image) -> None:
    item = item_of(page)
    body = {"id": str(uuid4()), "verb": "reject", "target": found(item, "Dog")["target"]}
    answers = [post(page, f"review/{item['id']}/decide/", body).json() for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert Annotation.objects.count() == 1
    assert AuditEntry.objects.exclude(verb=Verb.LOOKED).count() == 1


def test_a_decision_is_taken_back_and_the_same_undo_again_changes_nothing(page: Client, image: Image) -> None:
    item = item_of(page)
    entry = decided(page, item, "approve", target=found(item, "Dog")["target"]).json()["entry"]
    body = {"id": str(uuid4()), "entry": entry}
    for _ in range(3):
        answer = post(page, "review/undo/", body)
        assert found(answer.json()["item"], "Dog")["state"] == "predicted"
    assert not Annotation.objects.exists()
    assert [each["undone"] for each in answer.json()["item"]["entries"]] == [False, True]
    assert refused(post(page, "review/undo/", {"id": str(uuid4()), "entry": str(uuid4())})) == (404, "not_found")


def test_what_others_decided_cannot_be_undone_where_it_cannot_be_seen(
    page: Client, owner: User, image: Image, settings: Any
) -> None:
    ben = Client()
    ben.force_login(moderator("ben"))
    entry = decided(page, item_of(page), "complete").json()["entry"]
    settings.MODERATION_SEES = "shared"
    assert refused(post(ben, "review/undo/", {"id": str(uuid4()), "entry": entry})) == (404, "not_found")
    assert ReviewItem.objects.get().completed_at is not None


def test_an_image_that_was_recognised_again_meanwhile_is_not_completed(page: Client, image: Image) -> None:
    item = item_of(page)
    answer = decided(page, item, "complete", recognition=item["recognition"] + 1)
    assert refused(answer) == (409, "recognized_again")


def test_what_is_removed_is_gone_from_the_queue(page: Client, image: Image) -> None:
    item = item_of(page)
    body = {"id": str(uuid4()), "verb": "flag", "verdict": "removed"}
    for _ in range(3):
        answer = post(page, f"review/{item['id']}/decide/", body)
        assert answer.status_code == 200
        assert (answer.json()["item"]["verdict"], answer.json()["item"]["completed"]) == ("removed", True)
    assert item_of(page) is None


# Leases over HTTP ----------------------------------------------------------------------------------------------------


def test_a_lease_is_renewed_given_back_and_left_to_others(page: Client, image: Image) -> None:
    ben = Client()
    ben.force_login(moderator("ben"))
    item = item_of(page)
    assert item_of(ben) is None
    for verb in ("renew", "release", "skip"):
        assert refused(post(ben, f"review/{item['id']}/{verb}/")) == (409, "leased")
    for _ in range(3):
        assert post(page, f"review/{item['id']}/renew/").status_code == 204
    for _ in range(3):
        assert post(page, f"review/{item['id']}/release/").status_code == 204
    assert item_of(ben)["id"] == item["id"]
    assert post(ben, f"review/{item['id']}/skip/").status_code == 204
    assert item_of(ben) is None
    assert item_of(page) is None


# What is malformed ---------------------------------------------------------------------------------------------------

ID = str(UUID(int=1))
BOX = {"left": 0.1, "top": 0.1, "width": 0.2, "height": 0.2}
MALFORMED: list[tuple[str, Any]] = [
    ("review/next/", "[]"),
    ("review/next/", "{"),
    ("review/next/", "[" * 50_000),
    ("review/next/", '{"label": "' + "x" * 70_000 + '"}'),
    ("review/next/", {"mode": "best"}),
    ("review/next/", {"mood": "mixed"}),
    ("review/next/", {"label": "x" * 201}),
    ("review/next/", {"label": "\0"}),
    ("review/next/", '{"label": "\\ud800"}'),
    ("review/next/", {"since": "yesterday"}),
    ("review/next/", {"until": "9999-12-31"}),
    ("review/next/", {"holding": ["1"]}),
    ("review/next/", {"holding": [ID] * 201}),
    ("review/{id}/decide/", {}),
    ("review/{id}/decide/", {"id": "1", "verb": "complete"}),
    ("review/{id}/decide/", {"id": ID, "verb": "praise"}),
    ("review/{id}/decide/", {"id": ID, "verb": "approve"}),
    ("review/{id}/decide/", {"id": ID, "verb": "approve", "target": {"kind": "image", "id": "1"}}),
    ("review/{id}/decide/", {"id": ID, "verb": "approve", "target": {"kind": "label", "id": "-1"}}),
    ("review/{id}/decide/", {"id": ID, "verb": "approve", "target": {"kind": "label", "id": "9" * 25}}),
    ("review/{id}/decide/", {"id": ID, "verb": "approve", "target": {"kind": "label", "id": "²"}}),
    ("review/{id}/decide/", {"id": ID, "verb": "approve", "target": {"kind": "annotation", "id": "1"}}),
    ("review/{id}/decide/", {"id": ID, "verb": "relabel", "target": {"kind": "label", "id": "1"}}),
    ("review/{id}/decide/", {"id": ID, "verb": "redraw", "target": {"kind": "instance", "id": "1"}}),
    ("review/{id}/decide/", {"id": ID, "verb": "add"}),
    ("review/{id}/decide/", {"id": ID, "verb": "add", "label": ""}),
    ("review/{id}/decide/", {"id": ID, "verb": "add", "label": "Dog", "box": {**BOX, "left": 0.9}}),
    ("review/{id}/decide/", {"id": ID, "verb": "add", "label": "Dog", "box": {**BOX, "left": -0.1}}),
    ("review/{id}/decide/", {"id": ID, "verb": "add", "label": "Dog", "box": {**BOX, "left": "0.1"}}),
    ("review/{id}/decide/", {"id": ID, "verb": "add", "label": "Dog", "box": {**BOX, "left": True}}),
    ("review/{id}/decide/", {"id": ID, "verb": "add", "label": "Dog", "box": {**BOX, "width": 1.9 / 640}}),
    ("review/{id}/decide/", {"id": ID, "verb": "add", "label": "Dog", "box": {**BOX, "height": 0}}),
    ("review/{id}/decide/", {"id": ID, "verb": "add", "label": "Dog", "box": {**BOX, "depth": 1}}),
    ("review/{id}/decide/", {"id": ID, "verb": "add", "label": "Dog", "box": {"left": 0.1}}),
    ("review/{id}/decide/", json.dumps({"id": ID, "verb": "add", "label": "a", "box": BOX}).replace("0.2", "NaN")),
    ("review/{id}/decide/", {"id": ID, "verb": "flag"}),
    ("review/{id}/decide/", {"id": ID, "verb": "flag", "verdict": ""}),
    ("review/{id}/decide/", {"id": ID, "verb": "complete", "recognition": 2**63}),
    ("review/undo/", {"id": ID}),
    ("review/undo/", {"id": ID, "entry": ID, "batch": ID}),
    ("grid/decide/", {"id": ID, "verb": "approve", "instances": []}),
    ("grid/decide/", {"id": ID, "verb": "approve", "instances": [0]}),
    ("grid/decide/", {"id": ID, "verb": "approve", "instances": list(range(1, 502))}),
    ("grid/decide/", {"id": ID, "verb": "relabel", "instances": [1]}),
    ("grid/decide/", {"id": ID, "verb": "complete", "instances": [1]}),
]


@pytest.mark.parametrize(("place", "body"), MALFORMED)
def test_what_is_malformed_is_refused_in_a_sentence(page: Client, image: Image, place: str, body: Any) -> None:
    answer = post(page, place.format(id=image.pk), body)
    assert refused(answer) == (400, "malformed")
    assert 5 < len(answer.json()["error"]["message"]) < 200
    assert not Annotation.objects.exists()
    assert not AuditEntry.objects.exclude(verb=Verb.LOOKED).exists()


def test_a_box_may_reach_the_edges_as_far_as_numbers_go(page: Client, image: Image) -> None:
    item = item_of(page)
    box = {"left": 0.1 + 0.2, "top": 0, "width": 0.7000000001, "height": 1}
    item = decided(page, item, "add", label="Bone", box=box).json()["item"]
    assert found(item, "Bone")["box"]["width"] == pytest.approx(0.7)
    assert found(item, "Bone")["box"]["left"] + found(item, "Bone")["box"]["width"] <= 1


# The page ------------------------------------------------------------------------------------------------------------


def test_the_page_knows_what_waits_and_ignores_what_it_does_not_understand(page: Client, image: Image) -> None:
    answer = page.get("/admin/moderation/review/", {"mode": "rare", "label": "Dog", "since": "soon", "image": image.pk})
    context = answer.context
    assert (context["filters"]["mode"], context["filters"]["label"]) == ("rare", "Dog")
    assert {mode["value"]: mode["count"] for mode in context["modes"]}["mixed"] == 1
    assert context["image"] == str(image.pk)
    assert len(context["problems"]) == 1
    assert "since" in context["problems"][0]
    assert page.get("/admin/moderation/review/", {"mode": "x", "image": "y"}).context["filters"]["mode"] == "mixed"


def test_words_are_offered_while_somebody_types(page: Client, image: Image) -> None:
    assert page.get("/admin/moderation/words/", {"q": "do"}).json() == {
        "words": [{"title": "Dog", "category": "", "aliases": []}]
    }


def test_on_aws_the_picture_comes_from_the_bucket(
    page: Client, image: Image, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: dict[str, Any] = {}

    def address(storage: str, key: str, **others: Any) -> str:
        asked_for.update(storage=storage, key=key, **others)
        return "https://bucket.example/picture"

    monkeypatch.setattr("portal.images.serving.by_lambda", lambda: True)
    monkeypatch.setattr("portal.images.serving.buckets.address", address)
    answer = page.get(reverse("moderation:preview", args=[image.pk]))
    assert (answer.status_code, answer["Location"]) == (302, "https://bucket.example/picture")
    assert (asked_for["key"], asked_for["seconds"]) == (image.preview_key, ADDRESS_SECONDS)
