"""Several moderators at the same queue at the same moment, over HTTP, each request sent three times."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.images.models import CurrentLabel, Image
from portal.moderation.models import Annotation, AuditEntry, ReviewItem, Verb
from recognition.result import Box, Instance, Label
from tests.conftest import PASSWORD, MakeImage
from tests.portal.moderation.reviewing import moderator

IMAGES = 20
TIMES = 3
LABELS = (
    Label("Dog", 80, "onnx", instances=(Instance(80, Box(0.1, 0.2, 0.3, 0.4)),)),
    Label("Cat", 60, "onnx", instances=(Instance(60, Box(0.5, 0.5, 0.2, 0.2)),)),
)


class Desk:
    """One moderator's browser, which repeats every request: the network lost the answers."""

    def __init__(self, address: str, user: User) -> None:
        client = Client()
        assert client.login(username=user.username, password=PASSWORD)
        token = client.get("/admin/moderation/review/").cookies["csrftoken"].value
        cookies = {name: morsel.value for name, morsel in client.cookies.items()}
        self.host = urlsplit(address).netloc
        self.headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            "X-CSRFToken": token,
            "Content-Type": "application/json",
        }
        self.user = user
        self.passed: list[str] = []
        self.decided: list[str] = []
        self.answers: list[int] = []

    def post(self, path: str, body: Any = None) -> Any:
        """The last of the answers, which are all alike."""
        found = []
        for _ in range(TIMES):
            link = HTTPConnection(self.host, timeout=60)
            link.request("POST", f"/admin/moderation/{path}", json.dumps(body or {}), self.headers)
            response = link.getresponse()
            content = response.read()
            link.close()
            self.answers.append(response.status)
            found.append(json.loads(content) if content else None)
        assert found[0] is None or found[0].get("entry") == found[-1].get("entry")
        return found[-1]

    def decide(self, item: Any, verb: str, **others: Any) -> None:
        deed = str(uuid4())
        self.decided.append(deed)
        self.post(f"review/{item['id']}/decide/", {"id": deed, "verb": verb, **others})

    def clear(self, start: Barrier) -> None:
        """Review whatever comes until nothing does: a label is approved, the other rejected, the image completed."""
        start.wait()
        while (item := self.post("review/next/", {"mode": "newest"})["item"]) is not None:
            self.passed.append(item["id"])
            targets = {finding["label"]: finding["target"] for finding in item["findings"]}
            self.decide(item, "approve", target=targets["Dog"])
            self.decide(item, "reject", target=targets["Cat"])
            self.post(f"review/{item['id']}/renew/")
            self.decide(item, "complete", recognition=item["recognition"])


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("people", [2, 8])
def test_no_image_comes_twice_no_decision_is_lost_and_repetition_changes_nothing(
    live_server: Any, owner: User, recognized_image: MakeImage, people: int
) -> None:
    images = [recognized_image(owner, f"{number}.jpg", labels=LABELS) for number in range(IMAGES)]
    desks = [Desk(live_server.url, moderator(f"moderator-{number}")) for number in range(people)]
    start = Barrier(people)
    with ThreadPoolExecutor(people) as threads:
        for work in [threads.submit(desk.clear, start) for desk in desks]:
            work.result()

    assert {status for desk in desks for status in desk.answers} == {200, 204}
    passed = Counter(image for desk in desks for image in desk.passed)
    assert passed == {str(image.pk): 1 for image in images}
    _is_all_there(images, desks)


def _is_all_there(images: list[Image], desks: list[Desk]) -> None:
    """Every decision once, by whom the image came to."""
    assert ReviewItem.objects.filter(completed_at__isnull=False).count() == len(images)
    deeds = AuditEntry.objects.exclude(verb=Verb.LOOKED)
    assert {str(pk) for pk in deeds.values_list("pk", flat=True)} == {each for desk in desks for each in desk.decided}
    assert Counter(deeds.values_list("verb", flat=True)) == dict.fromkeys(
        ("approve", "reject", "complete"), len(images)
    )
    assert AuditEntry.objects.filter(verb=Verb.LOOKED).count() == len(images)
    said = Counter(Annotation.objects.values_list("label__name", "state"))
    assert said == {("Dog", "approved"): len(images), ("Cat", "rejected"): len(images)}
    for desk in desks:
        whose = Annotation.objects.filter(author=desk.user).values_list("image", flat=True)
        assert {str(image) for image in whose} == set(desk.passed)
    assert set(CurrentLabel.objects.values_list("name", "state")) == {("dog", "approved")}


@pytest.mark.django_db(transaction=True)
def test_two_who_decide_on_the_same_box_at_once_both_get_an_answer_and_one_word_holds(
    live_server: Any, owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner, labels=LABELS)
    desks = [Desk(live_server.url, moderator(f"moderator-{number}")) for number in range(4)]
    row = image.current.labels.get(label__name="Dog").instances.get()  # type: ignore[union-attr]
    start = Barrier(len(desks))

    def decide(desk: Desk) -> None:
        start.wait()
        verb = "approve" if desk.user.pk % 2 else "reject"
        desk.decide({"id": str(image.pk)}, verb, target={"kind": "instance", "id": str(row.pk)})

    with ThreadPoolExecutor(len(desks)) as threads:
        for work in [threads.submit(decide, desk) for desk in desks]:
            work.result()
    assert {status for desk in desks for status in desk.answers} == {200}
    assert AuditEntry.objects.exclude(verb=Verb.LOOKED).count() == len(desks)
    word = Annotation.objects.get()
    last = AuditEntry.objects.exclude(verb=Verb.LOOKED).first()
    assert last is not None
    assert (word.author, word.state) == (last.actor, {"approve": "approved", "reject": "rejected"}[last.verb])
