"""One attempt at one image: original in, derived files and a recorded result out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import BinaryIO, cast
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction
from django.db.models import Max

from portal.images.detecting import detectors
from portal.images.erasing import owe
from portal.images.models import Image, Recognition, Status
from portal.images.recording import record_result
from portal.images.spending import record_lost_spend, reserve
from recognition.detectors import Detector, fingerprint
from recognition.image import Limits
from recognition.recognizer import Recognition as Recognized
from recognition.recognizer import recognize
from recognition.result import Failure, Result, Source, failed
from recognition.result import Status as Outcome


def limits() -> Limits:
    """What an image may be, from the settings."""
    return Limits(max_pixels=settings.MAX_IMAGE_PIXELS, max_bytes=settings.MAX_UPLOAD_BYTES)


def recognize_claimed(image: Image, claim: UUID) -> None:
    """Recognise an image that this process holds under `claim`, and record what came of it.

    Without a budget for what it would cost, the image is put back to wait for one, and nothing is paid. Raises whatever
    may go better on another attempt. Of the result, nothing but its cost is recorded when the claim was lost meanwhile.
    """
    asked, previous = detectors(), _previous(image)
    if not reserve(image, claim, _cost_to_come(asked, previous)):
        return
    attempt = _recognize(image, asked, previous)
    recognized = Recognized(_after_earlier(image, attempt.result), attempt.prepared)
    _store_derived(image, recognized)
    with transaction.atomic():
        held = Image.objects.select_for_update().filter(pk=image.pk, status=Status.PROCESSING, claim=claim)
        if held.exists():
            record_result(recognized.result)
            return
        if not Image.objects.filter(pk=image.pk).exists():
            owe([("derived", image.derived_prefix)])
        record_lost_spend(image.owner_id, recognized.result)


def _cost_to_come(asked: Sequence[Detector], previous: Result | None) -> int:
    """Micro-dollars that these detectors will charge for the image when those that answered before need not again."""
    answered = {(run.name, run.fingerprint) for run in previous.detectors if not run.failure} if previous else set()
    prices = settings.RECOGNITION_PRICES
    return sum(prices.cost_of(each) for each in asked if (each.name, fingerprint(each)) not in answered)


def _after_earlier(image: Image, result: Result) -> Result:
    """The result, later than every other of its image: the newest is shown, and a clock may have been set back."""
    newest = image.recognitions.aggregate(newest=Max("recognized_at"))["newest"]
    if newest is None or result.recognized_at > newest:
        return result
    return replace(result, recognized_at=newest + timedelta(microseconds=1))


def _recognize(image: Image, asked: Sequence[Detector], previous: Result | None) -> Recognized:
    source = Source(storage="uploads", key=image.upload_key)
    try:
        original = storages["uploads"].open(image.upload_key)
    except FileNotFoundError:
        reason = Failure("file_missing", "The file of this image is not in our storage any more.", permanent=True)
        return Recognized(failed(image.pk, source, reason), None)
    with original:
        return recognize(
            cast(BinaryIO, original),
            image_id=image.pk,
            stored_as=source,
            detectors=asked,
            limits=limits(),
            timeout_s=settings.DETECTOR_TIMEOUT_SECONDS,
            previous=previous,
            prices=settings.RECOGNITION_PRICES,
        )


def _previous(image: Image) -> Result | None:
    """The newest result of the same content by the same owner, whose paid answers need not be paid again."""
    earlier = Recognition.objects.filter(
        image__owner=image.owner_id, content_sha256=image.sha256, status=Outcome.RECOGNIZED.value
    ).first()
    return earlier.result if earlier else None


def result_key(image: Image, result: Result) -> str:
    """Where the contract's JSON of one recognition lies in the `derived` storage."""
    moment = result.recognized_at.strftime("%Y%m%dT%H%M%S%fZ")
    return f"{image.derived_prefix}/results/{moment}.json"


def _store_derived(image: Image, recognized: Recognized) -> None:
    derived = storages["derived"]
    if recognized.prepared is not None:
        derived.save(image.preview_key, ContentFile(recognized.prepared.preview))
        derived.save(image.thumbnail_key, ContentFile(recognized.prepared.thumbnail))
    derived.save(result_key(image, recognized.result), ContentFile(recognized.result.to_json().encode()))
