"""A program at the API: through the HTTP API to images and labels, and webhooks back to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from standardwebhooks import Webhook

from tests.cloud.fake_rekognition import thing_in
from tests.cloud.people import Person, send_form
from tests.cloud.pictures import picture
from tests.cloud.receiver import INSIDE
from tests.cloud.stack import Cloud

_ALL = ("images:read", "images:write")


class Program(Person):
    """What a person has written: it knows a token and no password."""

    def __init__(self, person: Person, *scopes: str) -> None:
        super().__init__(person.cloud, person.name)
        asked = [argument for scope in scopes for argument in ("--scope", scope)]
        self.token = person.cloud.manage("create_token", person.name, *asked)["output"].strip()
        self.headers["Authorization"] = f"Bearer {self.token}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.request(method, f"{self.origin}/api/v1/{path}", timeout=60, **options)

    def read(self, path: str, **parameters: str) -> Any:
        answer = self.call("GET", path, params=parameters)
        assert answer.status_code == 200, answer.text[:2000]
        return answer.json()

    def upload(self, content: bytes, filename: str = "photo.jpg") -> str:
        """Announce a photo and send it where the answer says; returns the image's id."""
        document = {"filename": filename, "content_type": "image/jpeg", "size": len(content)}
        announced = self.call("POST", "images", json=document)
        assert announced.status_code == 201, announced.text[:2000]
        started = announced.json()
        assert started["status"] == "awaiting_upload"
        sent = send_form(started["upload"], content)
        assert sent.status_code == 204, sent.text
        identity: str = started["id"]
        return identity


def signed_up(cloud: Cloud, name: str) -> Person:
    person = Person(cloud, name)
    if cloud.database.rows("SELECT 1 FROM accounts_user WHERE username = %s", name):
        person.sign_in()
    else:
        person.sign_up()
    return person


def test_a_program_uploads_waits_reads_labels_lists_and_deletes(cloud: Cloud) -> None:
    program = Program(signed_up(cloud, "api-ada"), *_ALL)
    image = program.upload(picture(6001), "lamp.jpg")
    found = program.read(f"images/{image}", wait="20")
    assert (found["status"], found["filename"]) == ("recognized", "lamp.jpg")
    label = next(label for label in found["labels"] if label["name"] == thing_in(6001))
    assert label["detector"] == "rekognition"
    assert label["instances"][0]["box"] == {"left": 0.125, "top": 0.25, "width": 0.5, "height": 0.5}
    listed = program.read("images", label=thing_in(6001))
    assert [entry["id"] for entry in listed["results"]] == [image]
    for kind in ("original", "preview", "thumbnail"):
        answer = program.get(found["urls"][kind], timeout=30)
        assert answer.url.startswith(cloud.aws.endpoint), "S3 itself sends it"
        assert answer.content[:2] == b"\xff\xd8"
    assert program.read(f"images/{image}/result")["image_id"] == image
    assert {entry["name"] for entry in program.read("labels")["results"]} >= {thing_in(6001)}
    assert program.call("DELETE", f"images/{image}").status_code == 204
    assert program.call("GET", f"images/{image}").status_code == 404
    cloud.settle()


def test_a_token_that_was_made_through_the_function_is_in_no_log(cloud: Cloud) -> None:
    program = Program(signed_up(cloud, "api-log"), *_ALL)
    assert program.token.startswith("isft_")
    assert program.read("me")["username"] == "api-log"
    assert program.token not in json.dumps(cloud.functions.log)


def test_a_program_may_do_what_its_token_says_to_what_is_its_owner_s(cloud: Cloud) -> None:
    ada, eve = signed_up(cloud, "api-ada2"), signed_up(cloud, "api-eve2")
    mine, reader, hers = Program(ada, *_ALL), Program(ada, "images:read"), Program(eve, *_ALL)
    image = mine.upload(picture(6002))
    cloud.settle()
    assert reader.read(f"images/{image}", wait="20")["status"] == "recognized"
    refused = reader.call("DELETE", f"images/{image}")
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert refused.headers["Content-Type"].startswith("application/problem+json")
    for path in (f"images/{image}", f"images/{image}/result", f"images/{image}/original"):
        assert hers.call("GET", path, allow_redirects=False).status_code == 404
    assert hers.call("DELETE", f"images/{image}").status_code == 404
    assert hers.read("images")["results"] == []
    hers.headers["Authorization"] = "Bearer isft_" + "x" * 43
    unknown = hers.call("GET", "images")
    assert (unknown.status_code, unknown.headers["WWW-Authenticate"].split()[0]) == (401, "Bearer")
    assert mine.call("DELETE", f"images/{image}").status_code == 204
    cloud.settle()


def test_an_owner_says_by_api_that_a_label_is_another(cloud: Cloud) -> None:
    program = Program(signed_up(cloud, "api-says"), *_ALL, "labels:write")
    image = program.upload(picture(6005))
    label = program.read(f"images/{image}", wait="20")["labels"][0]
    assert (label["state"], label["predicted"]) == ("predicted", None)
    said = {"label": label["name"], "kind": "instead", "instead": "Wolf"}
    assert program.call("PUT", f"images/{image}/suggestions", json=said).status_code == 200
    assert [each["instead"] for each in program.read(f"images/{image}/suggestions")["results"]] == ["Wolf"]
    taken_back = program.call("DELETE", f"images/{image}/suggestions", params={"label": label["name"]})
    assert taken_back.status_code == 204
    assert program.call("DELETE", f"images/{image}").status_code == 204
    cloud.settle()


def test_the_document_of_the_api_is_there_though_nothing_makes_it_there(cloud: Cloud) -> None:
    assert Program(signed_up(cloud, "api-says"), *_ALL).read("schema")["openapi"].startswith("3.1")


def test_an_image_is_told_of_to_a_webhook_signed_and_tried_again(cloud: Cloud) -> None:
    ada = signed_up(cloud, "api-hook")
    secret = ada.add_webhook(cloud.receiver.url)
    cloud.receiver.answers.append(500)
    image = ada.upload(picture(6003), "boat.jpg")
    cloud.settle()
    first, second = cloud.receiver.got
    told = Webhook(secret).verify(second.body, second.headers)
    assert (told["type"], told["data"]["id"], told["data"]["status"]) == ("image.recognized", image, "recognized")
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert Program(ada, *_ALL).get(told["data"]["url"], timeout=30).json()["filename"] == "boat.jpg"
    query = "SELECT number, status_code FROM webhooks_attempt WHERE delivery_id = %s ORDER BY number"
    assert cloud.database.rows(query, second.headers["webhook-id"]) == [(1, 500), (2, 204)]
    assert cloud.keys("derived_bucket", "outbox/webhooks/") == []


@pytest.mark.parametrize("url", ["https://127.0.0.1/hook", "https://169.254.169.254/latest", "http://example.net/"])
def test_an_address_that_no_webhook_can_have_is_refused_at_once(cloud: Cloud, url: str) -> None:
    person = signed_up(cloud, "api-odd")
    person.open("/account/webhooks/add/")
    answer = person.submit("/account/webhooks/add/", {"url": url, "events": ["image.recognized"]})
    assert answer.url.endswith("/add/"), "the form once more"


def test_nothing_is_delivered_to_a_name_that_leads_inside(cloud: Cloud) -> None:
    eve = signed_up(cloud, "api-inside")
    eve.add_webhook(f"https://{INSIDE}/hook")
    eve.upload(picture(6004))
    cloud.settle()
    assert cloud.receiver.got == []
    query = """SELECT delivery.state, attempt.number, attempt.status_code, attempt.problem
               FROM webhooks_attempt attempt JOIN webhooks_delivery delivery ON delivery.id = attempt.delivery_id
               JOIN webhooks_webhook webhook ON webhook.id = delivery.webhook_id
               WHERE webhook.url LIKE %s ORDER BY attempt.number"""
    problem = "The name leads to an address that is not one of the public internet."
    expected = [("failed", number, None, problem) for number in range(1, 8)]
    assert cloud.database.rows(query, f"%{INSIDE}%") == expected
    assert cloud.keys("derived_bucket", "outbox/webhooks/") == []
