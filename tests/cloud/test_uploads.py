"""What an upload form lets its holder do, and for how long; addresses of pictures that expire."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud.people import Person, send_form
from tests.cloud.pictures import picture
from tests.cloud.stack import Cloud

CONTENT = picture(4001)
HOUR = 3600.0


@pytest.fixture
def sam(cloud: Cloud) -> Iterator[Person]:
    person = Person(cloud, "sam")
    if cloud.database.rows("SELECT 1 FROM accounts_user WHERE username = 'sam'"):
        person.sign_in()
    else:
        person.sign_up()
    yield person
    later(cloud, 0)
    # Tests here send what S3 must refuse; nothing else may have been refused.
    refused = {action for _, action, _ in cloud.denials()}
    assert refused == set()


def later(cloud: Cloud, seconds: float) -> None:
    """Move the clock that S3 checks signatures with."""
    cloud.aws.control("clock", second=cloud.second, ahead=seconds)


def policy_of(upload: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(base64.b64decode(upload["fields"]["policy"]))
    return document


def test_the_policy_document_admits_exactly_this_upload(sam: Person) -> None:
    started = sam.announce(CONTENT)
    upload = started["upload"]
    conditions = policy_of(upload)["conditions"]
    ((owner,),) = sam.cloud.database.rows("SELECT id FROM accounts_user WHERE username = 'sam'")
    key = f"uploads/{owner}/{started['id']}"
    assert ["content-length-range", len(CONTENT), len(CONTENT)] in conditions
    assert {"key": key} in conditions
    assert {"bucket": sam.cloud.outputs["uploads_bucket"]} in conditions
    assert {"Content-Type": "application/octet-stream"} in conditions
    assert not any(isinstance(condition, list) and condition[0] == "starts-with" for condition in conditions)
    assert upload["fields"]["key"] == key


@pytest.mark.parametrize(
    ("content", "changes", "status", "reason"),
    [
        (CONTENT + b"x", {}, 400, "EntityTooLarge"),
        (CONTENT[:-1], {}, 400, "EntityTooSmall"),
        (CONTENT, {"key": "uploads/1/somebody-elses"}, 403, "Policy Condition failed"),
        (CONTENT, {"key": "../derived/settings/budgets.json"}, 403, "Policy Condition failed"),
        (CONTENT, {"Content-Type": "text/html"}, 403, "Policy Condition failed"),
        (CONTENT, {"acl": "public-read"}, 403, "Extra input fields"),
        (CONTENT, {"x-amz-signature": "0" * 64}, 403, "SignatureDoesNotMatch"),
    ],
)
def test_s3_refuses_every_other_upload(
    sam: Person, content: bytes, changes: dict[str, str], status: int, reason: str
) -> None:
    started = sam.announce(CONTENT)
    answer = send_form(started["upload"], content, **changes)
    assert (answer.status_code, reason in answer.text) == (status, True), answer.text
    assert send_form(started["upload"], CONTENT).status_code == 204


def test_s3_compares_the_file_with_the_checksum_that_was_announced(sam: Person) -> None:
    content = picture(4004)
    started = sam.announce(content, sha256=hashlib.sha256(content).hexdigest())
    other = bytes([*content[:-1], content[-1] ^ 1])
    assert "BadDigest" in send_form(started["upload"], other).text
    assert send_form(started["upload"], content).status_code == 204


def test_an_expired_form_is_renewed_for_the_same_image(sam: Person) -> None:
    content = picture(4002)
    started = sam.announce(content)
    later(sam.cloud, HOUR * 24)
    expired = send_form(started["upload"], content)
    assert expired.status_code == 403
    assert "Policy expired" in expired.text
    later(sam.cloud, 0)
    renewed = sam.submit(started["renew_url"]).json()
    assert renewed["upload"]["fields"]["key"] == started["upload"]["fields"]["key"]
    assert send_form(renewed["upload"], content).status_code == 204
    sam.submit(started["arrived_url"])
    sam.cloud.settle()
    assert "recognized" in sam.open(f"/images/{started['id']}/").text


def test_an_expired_picture_address_is_renewed_by_the_page_s_own(sam: Person) -> None:
    image = sam.upload(picture(4003))
    sam.cloud.settle()
    own = f"{sam.origin}/images/{image}/preview/"
    first = sam.get(own, allow_redirects=False, timeout=30)
    assert first.status_code == 302
    later(sam.cloud, HOUR * 24)
    assert sam.get(first.headers["Location"], timeout=30).status_code == 403
    later(sam.cloud, 0)
    assert sam.open(f"/images/{image}/preview/").content[:2] == b"\xff\xd8"
    # The browser may keep the redirect for less long than the address is good for.
    kept = int(first.headers["Cache-Control"].partition("max-age=")[2].partition(",")[0])
    lives = int(first.headers["Location"].partition("X-Amz-Expires=")[2].partition("&")[0])
    assert "private" in first.headers["Cache-Control"]
    assert 0 <= kept < lives
