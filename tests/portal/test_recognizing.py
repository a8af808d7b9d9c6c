"""One attempt at one image, with the real detectors that need no model."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import storages
from django.utils import timezone
from PIL import Image as PILImage

from portal.accounts.models import User
from portal.images.deletion import delete_images
from portal.images.erasing import erase_due
from portal.images.models import Image, Status
from portal.images.queueing import recognize_again
from portal.images.recognizing import recognize_claimed
from portal.images.recording import record_result
from portal.images.sweeping import release
from portal.images.tasks import claim_period, recognize_image
from recognition.result import Result
from tests.conftest import MakeImage, make_result


@pytest.fixture(autouse=True)
def _properties_only(settings: Any) -> None:
    settings.DETECTORS = ("properties",)


def picture(color: str = "teal") -> bytes:
    encoded = io.BytesIO()
    PILImage.new("RGB", (120, 80), color).save(encoded, "PNG")
    return encoded.getvalue()


def test_an_image_ends_with_rows_pictures_and_the_result_in_the_storage(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner, picture())
    recognize_image.call(str(image.pk))
    image.refresh_from_db()
    assert (image.status, image.width, image.height) == (Status.RECOGNIZED, 120, 80)
    derived = storages["derived"]
    for key in (image.preview_key, image.thumbnail_key):
        with PILImage.open(derived.open(key)) as made:
            assert made.format == "JPEG"
    _, (name,) = derived.listdir(f"{image.derived_prefix}/results")
    stored = Result.from_json(derived.open(f"{image.derived_prefix}/results/{name}").read())
    assert stored == image.current.result


def test_recognising_again_keeps_both_results(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner, picture())
    recognize_image.call(str(image.pk))
    image.refresh_from_db()
    assert recognize_again(image)
    recognize_image.call(str(image.pk))
    assert image.recognitions.count() == 2


def test_an_image_is_recognised_again_though_the_clock_was_set_back(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner, picture())
    tomorrow = timezone.now() + timedelta(days=1)
    record_result(make_result(image, recognized_at=tomorrow))
    image.refresh_from_db()
    assert recognize_again(image)
    recognize_image.call(str(image.pk))
    image.refresh_from_db()
    assert image.status == Status.RECOGNIZED
    assert image.recognitions.count() == 2
    assert image.current.recognized_at > tomorrow


def test_a_task_that_comes_twice_recognises_once(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner, picture())
    recognize_image.call(str(image.pk))
    recognize_image.call(str(image.pk))
    assert image.recognitions.count() == 1


def test_a_worker_that_lost_its_claim_records_nothing(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner, picture())
    claim = image.take("slow", timezone.now() + claim_period())
    release("slow")
    recognize_claimed(image, claim)
    assert not image.recognitions.exists()


def test_an_image_deleted_while_it_is_recognised_leaves_no_file(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner, picture())
    claim = image.take("worker", timezone.now() + claim_period())
    original = storages["uploads"].open(image.upload_key).read()
    delete_images(Image.objects.all())
    erase_due()
    storages["uploads"].save(image.upload_key, io.BytesIO(original))
    recognize_claimed(image, claim)
    erase_due()
    assert not storages["derived"].exists(image.preview_key)


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg_not_supported"), (picture()[:60], "truncated_image")],
)
def test_a_file_that_is_no_photo_fails_with_its_reason(
    owner: User, stored_image: MakeImage, content: bytes, code: str
) -> None:
    image = stored_image(owner, content)
    recognize_image.call(str(image.pk))
    image.refresh_from_db()
    assert (image.status, image.failure_code, image.failure_permanent) == (Status.FAILED, code, True)
    assert image.failure_message.endswith(".")


def test_a_missing_original_is_a_failure_with_a_sentence(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner, picture())
    storages["uploads"].delete(image.upload_key)
    recognize_image.call(str(image.pk))
    image.refresh_from_db()
    assert (image.status, image.failure_code) == (Status.FAILED, "file_missing")
