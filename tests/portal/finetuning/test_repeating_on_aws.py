"""On AWS, where no worker is, S3's events recognise the history again: an original copied onto itself is one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.accounts.models import User
from portal.finetuning.models import Repeat, RepeatState
from portal.finetuning.repeating import begin_repeat, estimate, go_on, pause, served_as, step
from portal.images.models import Image, Recognition, Status
from portal.images.recording import record_result
from portal.images.sweeping import sweep
from portal.moderation.deeds import Refused
from recognition.result import DetectorRun
from tests.conftest import PIXEL, MakeImage, make_result
from tests.portal.finetuning.candidates import staff
from tests.portal.finetuning.versions import trainer
from tests.portal.test_lambda_queueing import events
from tests.portal.test_s3_storage import BUCKETS, keys, s3, s3_address

__all__ = ["events", "s3", "s3_address"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _by_lambda(s3: Any, settings: Any) -> None:
    settings.RECOGNIZED_BY = "lambda"
    settings.DETECTORS = ("rekognition", "sagemaker")


def by_endpoint(version: str) -> tuple[DetectorRun, ...]:
    return (DetectorRun("sagemaker", version, 80, fingerprint="a" * 16),)


@pytest.fixture
def history(owner: User, stored_image: MakeImage) -> list[Image]:
    images = [stored_image(owner, PIXEL + bytes([number])) for number in range(3)]
    for image in images:
        record_result(make_result(image, detectors=by_endpoint("shapes-v1-abc")))
        image.refresh_from_db()
    return images


def test_what_runs_is_what_the_newest_results_say(history: list[Image], owner: User) -> None:
    assert served_as() == "shapes-v1-abc"
    with pytest.raises(Refused, match="names shapes-v1-abc already"):
        begin_repeat(30, trainer(owner))


def test_polls_and_sweeps_queue_images_and_tell_s3(
    history: list[Image], owner: User, events: Any, client: Client
) -> None:
    record_result(make_result(history[0], detectors=by_endpoint("shapes-v2-def")))
    repeat = begin_repeat(3, trainer(owner))
    assert repeat.images_total == 2
    assert events() == 0
    Repeat.objects.update(stepped_at=timezone.now() - timedelta(seconds=21))
    staff(client, owner, "view_modelversion")
    answer = client.post(reverse("finetuning:repeat_progress", args=[repeat.pk])).json()
    assert (answer["state"], answer["percent"]) == ("running", 50)
    assert events() == 1
    Repeat.objects.update(stepped_at=timezone.now() - timedelta(minutes=1))
    sweep(1.0)
    repeat.refresh_from_db()
    assert repeat.state == RepeatState.DONE
    assert events() == 1
    assert Image.objects.filter(status=Status.QUEUED).count() == 2
    assert not DBTaskResult.objects.exists()


def test_the_page_says_how_it_gets_on_there(history: list[Image], owner: User, client: Client) -> None:
    record_result(make_result(history[0], detectors=by_endpoint("shapes-v2-def")))
    page = staff(client, owner, "view_modelversion", "promote_modelversion").get(reverse("finetuning:repeat"))
    assert "2 photos, not seen by shapes-v2-def" in page.content.decode()
    assert "fastest while this page is open" in page.content.decode()


def test_images_whose_originals_s3_has_removed_keep_their_results(
    history: list[Image], owner: User, s3: Any, events: Any, client: Client
) -> None:
    """As where `uploadsRetentionDays` is set."""
    record_result(make_result(history[0], detectors=by_endpoint("shapes-v2-def")))
    for key in keys(s3, BUCKETS["uploads"]):
        s3.delete_object(Bucket=BUCKETS["uploads"], Key=key)
    repeat = begin_repeat(6000, trainer(owner))
    Repeat.objects.update(stepped_at=timezone.now() - timedelta(minutes=1))
    assert step(repeat.pk) == 0
    repeat.refresh_from_db()
    assert (repeat.state, repeat.images_queued, repeat.images_left_alone) == (RepeatState.DONE, 0, 2)
    assert {image.status for image in Image.objects.all()} == {Status.RECOGNIZED}
    client.force_login(owner)
    assert "what was found stays" in client.get(f"/images/{history[1].pk}/").content.decode()
    assert estimate().images == 0, "they need not be asked for again"


def test_who_has_such_an_image_recognised_again_is_told_that_it_cannot_be(
    history: list[Image], owner: User, s3: Any, client: Client
) -> None:
    image = history[0]
    s3.delete_object(Bucket=BUCKETS["uploads"], Key=image.upload_key)
    client.force_login(owner)
    page = client.post(reverse("images:recognize", args=[image.pk]), follow=True)
    assert "not in our storage any more. So it cannot be recognised again" in page.content.decode()
    before = image.current
    image.refresh_from_db()
    assert (image.status, image.current) == (Status.RECOGNIZED, before)


def test_while_no_recent_result_names_a_model_it_waits(history: list[Image], owner: User, client: Client) -> None:
    record_result(make_result(history[0], detectors=by_endpoint("shapes-v2-def")))
    repeat = begin_repeat(6000, trainer(owner))
    Recognition.objects.update(document={"detectors": []})
    Repeat.objects.update(stepped_at=timezone.now() - timedelta(minutes=1))
    assert step(repeat.pk) == 0
    repeat.refresh_from_db()
    assert repeat.state == RepeatState.RUNNING
    staff(client, owner, "view_modelversion", "promote_modelversion")
    said = client.post(reverse("finetuning:repeat_progress", args=[repeat.pk])).json()["words"]
    assert said.endswith("No recent result names a model of your own, so nothing more is queued until one does.")
    assert "nothing more is queued until one does" in client.get(reverse("finetuning:repeat")).content.decode()
    pause(repeat.pk, trainer(owner))
    assert go_on(repeat.pk, trainer(owner)).state == RepeatState.RUNNING, "nothing says that it does not run"


def test_paused_as_another_model_runs_its_page_says_so(history: list[Image], owner: User, client: Client) -> None:
    record_result(make_result(history[0], detectors=by_endpoint("shapes-v2-def")))
    repeat = begin_repeat(6000, trainer(owner))
    record_result(make_result(history[1], detectors=by_endpoint("shapes-v3-abc")))
    staff(client, owner, "view_modelversion", "promote_modelversion")
    assert client.post(reverse("finetuning:repeat_progress", args=[repeat.pk])).json()["state"] == "paused"
    page = client.get(reverse("finetuning:repeat")).content.decode()
    assert "shapes-v3-abc runs by now, so nothing more is queued. Cancel this and begin anew." in page
    assert reverse("finetuning:repeat_decide", args=[repeat.pk, "go-on"]) not in page
