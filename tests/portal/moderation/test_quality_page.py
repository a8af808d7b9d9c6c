"""The quality page, its CSV, and what the administration's first page says of moderation."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import LabelState
from portal.moderation.groups import make_moderator
from portal.moderation.models import AuditEntry, ReviewItem, Suggestion, Verb
from portal.moderation.quality.intervals import clopper_pearson
from tests.portal.bare_images import bare_images
from tests.portal.moderation.test_quality import MakeReviewed, approve, reject, reviewed, say
from tests.portal.test_admin import signed_in, staff

__all__ = ["reviewed", "staff"]

PAGE = "/admin/moderation/quality/"
CSV = "/admin/moderation/quality.csv"


@pytest.fixture
def moderator(stranger: User) -> Client:
    make_moderator(stranger)
    return signed_in(User.objects.get(pk=stranger.pk))


def rows_of(client: Client, **query: str) -> list[dict[str, str]]:
    response: Any = client.get(CSV, query)
    assert response.streaming
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def test_the_page_is_for_moderators_alone(moderator: Client, staff: User, owner: User) -> None:
    for address in (PAGE, CSV):
        assert moderator.get(address).status_code == 200
        assert moderator.post(address).status_code == 405
        assert signed_in(staff).get(address).status_code == 403
        assert signed_in(owner).get(address).status_code == 302
        assert Client().get(address).status_code == 302


def test_without_a_sample_it_says_how_to_get_one(moderator: Client) -> None:
    html = moderator.get(PAGE).content.decode()
    assert "Nothing is measured yet" in html
    assert f'href="{reverse("moderation:review")}?mode=random"' in html
    assert "Nobody decided anything in this period." in html


def test_precision_is_shown_with_its_interval_as_words_and_as_a_whisker(
    moderator: Client, reviewed: MakeReviewed
) -> None:
    images = reviewed(20)
    for image in images[:18]:
        approve(image, "Dog")
    for image in images[18:]:
        reject(image, "Dog")
    say(images[0], LabelState.ADDED, "Cat")
    html = moderator.get(PAGE).content.decode()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    assert "Dog onnx 1 18 of 20 90 % 68.3 – 98.8 %" in text
    assert "Cat 1" in text
    # From 68.3 to 98.8 % of 190 units, beginning at 5.
    assert '<line class="whisker__line" x1="134.8" x2="192.7"' in html
    assert '<circle class="whisker__mark" cx="176.0"' in html


def test_a_sample_of_which_much_is_missing_is_warned_of(moderator: Client, reviewed: MakeReviewed) -> None:
    for image in reviewed(9):
        approve(image, "Dog")
    reviewed(1, completed_at=None)
    warning = "what stands below is too good"
    assert warning not in moderator.get(PAGE).content.decode()
    reviewed(1, completed_at=None)
    html = moderator.get(PAGE).content.decode()
    assert warning in html
    assert "2 drawn images are not completed" in html


def test_the_period_is_chosen_and_anything_else_is_the_shortest(
    moderator: Client, reviewed: MakeReviewed, stranger: User
) -> None:
    for days, name in ((1, "Dog"), (50, "Cat"), (200, "Tree")):
        at = timezone.now() - timedelta(days=days)
        approve(*reviewed(1, created_at=at), name)
        AuditEntry.objects.create(actor=stranger, actor_name="stranger", verb=Verb.APPROVED, at=at)
    expected = {"30": 1, "90": 2, "all": 3, "never": 1}
    for period, count in expected.items():
        context = moderator.get(PAGE, {"period": period}).context
        assert len(context["labels"]) == context["decisions"] == count, period
        assert len(context["bars"]) == (30 if period in ("30", "never") else 90)


def test_the_csv_holds_what_the_page_shows(moderator: Client, reviewed: MakeReviewed, stranger: User) -> None:
    one, other = reviewed(2)
    approve(one, "=Dog")
    reject(other, "=Dog")
    say(other, LabelState.ADDED, "Cat")
    now = timezone.now()
    for _ in range(3):
        AuditEntry.objects.create(actor=stranger, actor_name="stranger", verb=Verb.APPROVED, at=now)
    detector, label, missed, person = rows_of(moderator)
    interval = clopper_pearson(1, 2)
    assert (detector["what"], detector["name"], detector["version"]) == ("precision of a detector", "onnx", "1")
    assert (label["what"], label["name"], label["detector"]) == ("precision of a label", "'=Dog", "onnx")
    for row in (detector, label):
        assert (row["count"], row["of"], row["percent"]) == ("1", "2", "50.00")
        assert row["low_percent"] == f"{100 * interval.low:.2f}"
        assert row["high_percent"] == f"{100 * interval.high:.2f}"
    assert (missed["what"], missed["name"], missed["count"], missed["of"]) == ("added by people", "Cat", "1", "2")
    assert (person["name"], person["count"], person["hours"], person["per_hour"]) == ("stranger", "3", "1", "3.0")


@pytest.mark.parametrize(("sees", "sentence"), [("shared", "that their owners share"), ("all", "")])
def test_it_says_of_which_images_it_speaks(moderator: Client, settings: Any, sees: str, sentence: str) -> None:
    settings.MODERATION_SEES = sees
    html = moderator.get(PAGE).content.decode()
    assert ("so all of this is of those images alone" in html) == bool(sentence)
    assert sentence in html


def test_nothing_on_it_is_inline(moderator: Client, reviewed: MakeReviewed) -> None:
    for image in reviewed(3):
        approve(image, "Dog")
    html = moderator.get(PAGE).content.decode()
    assert re.findall(r"<style|<script(?![^>]*\bsrc=)(?![^>]*application/json)|\sstyle=|\son[a-z]+=", html) == []


def test_the_first_page_counts_what_waits_for_moderators(
    moderator: Client, reviewed: MakeReviewed, owner: User, stranger: User
) -> None:
    first, *_ = bare_images(owner, 2)
    for image in owner.images.all():
        ReviewItem.objects.create(image=image, owner=owner, created_at=image.created_at, flagged=image == first)
    Suggestion.objects.create(image=first, author=owner, label="Dog", kind="wrong")
    AuditEntry.objects.create(actor=stranger, actor_name="stranger", verb=Verb.APPROVED)
    response = moderator.get("/admin/")
    numbers = response.context["moderation"]
    assert [number.count for number in numbers] == [2, 1, 1, 1]
    for number in numbers:
        assert moderator.get(number.address).status_code == 200, number.name
        assert number.address in response.content.decode()
    assert "overview" not in response.context


def test_the_first_page_says_nothing_of_moderation_to_others(staff: User) -> None:
    response = signed_in(staff).get("/admin/")
    assert "moderation" not in response.context
    assert "Images nobody has completed" not in response.content.decode()
