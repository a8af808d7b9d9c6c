"""The page of one image."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import Image, Status
from portal.images.recording import record_result
from recognition.result import Box, DetectorRun, Failure, Instance, Label, ModerationLabel, Text, TextKind
from recognition.result import Status as Outcome
from tests.conftest import MakeImage, make_result

HIDDEN_ROW = re.compile(r"<li class=\"finding[^>]*\bhidden\b")
HIDDEN_BOX = re.compile(r"<g class=\"box[^>]*\bhidden\b")


@pytest.fixture
def page(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def text_of(client: Client, image: Image, query: str = "") -> str:
    response = client.get(image.get_absolute_url() + query)
    assert response.status_code == 200
    return response.content.decode()


def test_a_stranger_gets_404(client: Client, owner: User, stranger: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner)
    client.force_login(stranger)
    assert client.get(image.get_absolute_url()).status_code == 404


def test_who_is_not_signed_in_is_sent_to_sign_in(client: Client, owner: User, recognized_image: MakeImage) -> None:
    response = client.get(recognized_image(owner).get_absolute_url())
    assert response.status_code == 302
    assert "/login/" in response["Location"]


def test_a_label_is_shown_with_its_box_chips_and_reason(page: Client, owner: User, recognized_image: MakeImage) -> None:
    html = text_of(page, recognized_image(owner))
    assert 'data-key="label-0" data-confidence="97.0"' in html
    assert 'x="10.000%" y="20.000%" width="30.000%" height="40.000%"' in html
    assert 'href="/history/?q=Animals%20and%20Pets"' in html
    assert "(onnx test-1)" in html
    assert "took 12 ms" in html


def test_what_is_below_the_threshold_is_there_but_hidden(
    page: Client, owner: User, recognized_image: MakeImage
) -> None:
    places = (Instance(30, Box(0.1, 0.1, 0.1, 0.1)),)
    html = text_of(page, recognized_image(owner, labels=(Label("Cat", 30, "onnx", instances=places),)))
    assert HIDDEN_ROW.search(html)
    assert HIDDEN_BOX.search(html)
    assert "All 1 are below 50 %." in html


def test_what_detectors_read_is_escaped(page: Client, owner: User, recognized_image: MakeImage) -> None:
    evil = "<script>alert(1)</script>"
    image = recognized_image(
        owner,
        name="<b>.jpg",
        labels=(Label(evil, 90, "onnx", instances=(Instance(90, Box(0, 0, 1, 1)),)),),
        text=(Text(evil, TextKind.LINE, 90, Box(0, 0, 1, 1)),),
    )
    html = text_of(page, image)
    assert evil not in html
    assert "<b>.jpg" not in html


def test_a_flagged_photo_is_veiled_until_asked_for(page: Client, owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner, moderation_labels=(ModerationLabel("Violence", "", 88, 1),))
    html = text_of(page, image)
    assert "photo--veiled" in html
    assert "Violence · 88 %" in html
    assert "photo--veiled" not in text_of(page, image, "?show=1")


def test_a_faintly_flagged_photo_is_not_veiled(page: Client, owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner, moderation_labels=(ModerationLabel("Violence", "", 20, 1),))
    assert "photo--veiled" not in text_of(page, image)


def test_a_detector_that_failed_is_named(page: Client, owner: User, recognized_image: MakeImage) -> None:
    failure = Failure("timeout", "It took longer than 60 seconds.", permanent=False)
    html = text_of(page, recognized_image(owner, detectors=(DetectorRun("text", "1", 60_000, failure=failure),)))
    assert "The text detector failed:</strong> It took longer than 60 seconds." in html


def test_an_older_recognition_can_be_looked_at(page: Client, owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner)
    older = record_result(
        make_result(image, labels=(Label("Wolf", 90, "onnx"),), recognized_at=datetime.now(UTC) - timedelta(days=1))
    )
    assert older is not None
    current, chosen = text_of(page, image), text_of(page, image, f"?recognition={older.pk}")
    assert "Wolf" not in current
    assert "older recognition" not in current
    assert "Wolf" in chosen
    assert "older recognition" in chosen


@pytest.mark.parametrize("wanted", ["0", "-1", "x", "", "9" * 40])
def test_a_recognition_that_the_image_does_not_have_is_404(
    page: Client, owner: User, recognized_image: MakeImage, wanted: str
) -> None:
    image = recognized_image(owner)
    assert page.get(f"{image.get_absolute_url()}?recognition={wanted}").status_code == 404


def test_the_recognition_of_another_image_is_404(page: Client, owner: User, recognized_image: MakeImage) -> None:
    image, other = recognized_image(owner), recognized_image(owner)
    assert page.get(f"{image.get_absolute_url()}?recognition={other.current_id}").status_code == 404


def test_a_failed_image_says_why_and_offers_another_try(page: Client, owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner)
    failure = Failure("truncated_image", "It is cut off half-way.", permanent=True)
    record_result(make_result(image, labels=(), status=Outcome.FAILED, failure=failure, image=None, properties=None))
    html = text_of(page, image)
    assert "It is cut off half-way." in html
    assert "Trying again with this same file is not likely to help." in html
    assert f'action="{image.get_absolute_url()}recognize/"' in html


def test_a_failure_that_may_pass_does_not_discourage(page: Client, owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner, status=Status.FAILED)
    Image.objects.filter(pk=image.pk).update(failure_message="Something broke.")
    html = text_of(page, image)
    assert "Something broke." in html
    assert "Try again</button>" in html
    assert "not likely to help" not in html


@pytest.mark.parametrize(
    ("status", "waits"), [(Status.QUEUED, True), (Status.PROCESSING, True), (Status.FAILED, False)]
)
def test_an_image_on_its_way_is_waited_for(
    page: Client, owner: User, stored_image: MakeImage, status: Status, waits: bool
) -> None:
    html = text_of(page, stored_image(owner, status=status))
    assert ("data-waiting" in html) is waits


def test_an_earlier_result_stays_visible_while_the_image_is_recognised_again(
    page: Client, owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner)
    Image.objects.filter(pk=image.pk).update(status=Status.QUEUED)
    html = text_of(page, image)
    assert "data-waiting" in html
    assert "Dog" in html


def test_a_file_that_never_arrived_is_not_offered_for_download(
    page: Client, owner: User, stored_image: MakeImage
) -> None:
    html = text_of(page, stored_image(owner, status=Status.AWAITING_UPLOAD))
    assert "The file has not arrived." in html
    assert "/original/" not in html
    assert "/recognize/" not in html


def test_neighbours_are_the_owners_own_and_arrived(
    page: Client, owner: User, stranger: User, stored_image: MakeImage
) -> None:
    now = timezone.now()

    def made(whose: User, minutes: int, status: Status = Status.QUEUED) -> Image:
        image = stored_image(whose, content=str((whose.pk, minutes)).encode(), status=status)
        Image.objects.filter(pk=image.pk).update(created_at=now + timedelta(minutes=minutes))
        return image

    older, image, newer = made(owner, -10), made(owner, 0), made(owner, 10)
    made(stranger, 1)
    made(stranger, -1)
    made(owner, 5, Status.AWAITING_UPLOAD)
    html = text_of(page, image)
    assert f'rel="prev" href="{newer.get_absolute_url()}"' in html
    assert f'rel="next" href="{older.get_absolute_url()}"' in html
    assert 'rel="prev"' not in text_of(page, newer)
    assert 'rel="next"' not in text_of(page, older)


def test_images_of_one_moment_all_have_their_place_in_the_order(
    page: Client, owner: User, stored_image: MakeImage
) -> None:
    images = [stored_image(owner, content=str(number).encode()) for number in range(3)]
    Image.objects.update(created_at=timezone.now())
    in_order = sorted(images, key=lambda image: image.pk)
    html = text_of(page, in_order[1])
    assert f'rel="prev" href="{in_order[2].get_absolute_url()}"' in html
    assert f'rel="next" href="{in_order[0].get_absolute_url()}"' in html


def test_the_page_keeps_to_the_content_security_policy(page: Client, owner: User, recognized_image: MakeImage) -> None:
    response = page.get(recognized_image(owner).get_absolute_url())
    assert "unsafe-inline" not in response["Content-Security-Policy"]
    html = response.content.decode()
    assert " style=" not in html
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"\son[a-z]+=", html)
