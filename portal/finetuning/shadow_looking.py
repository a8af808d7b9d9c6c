"""One look of a candidate at an image that was recognised just now. It needs the imaging libraries.

It looks at the stored original, prepared as for the detectors: the same picture to the last pixel, which the smaller
preview is not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any, BinaryIO, Final, cast
from uuid import UUID

from django.core.files.storage import storages
from django.db import transaction

from portal.finetuning.candidate_models import CannotLook, candidate
from portal.finetuning.model_words import as_documents
from portal.finetuning.models import ModelVersion, ShadowRun, ShadowSeen
from portal.images.models import FlagVerdict, Image
from portal.images.recognizing import limits
from recognition.errors import PermanentError
from recognition.image import prepare

logger = logging.getLogger(__name__)

# Who serves a model of our own: the worker itself, or an endpoint.
OUR_OWN: Final = ("custom", "sagemaker")
WENT_WRONG: Final = "The candidate failed on this picture."


def look(run_id: int, image_id: UUID | str) -> None:
    """Have the candidate look at an image and note what it says, once. Never raises over the image or the model."""
    run = ShadowRun.objects.select_related("version").filter(pk=run_id, is_running=True).first()
    image = Image.objects.select_related("current").filter(pk=image_id).exclude(verdict=FlagVerdict.REMOVED).first()
    if run is None or image is None or image.current is None or run.seen.filter(image=image).exists():
        return
    try:
        values = _looked(run.version, image)
    except (CannotLook, PermanentError, FileNotFoundError) as error:
        values = {"problem": str(error)}
    except Exception:
        logger.exception("the candidate %s failed on the image %s", run.version, image.pk)
        values = {"problem": WENT_WRONG}
    ran = _duration_of_ours(image.current.document)
    _note(run, image, {**values, "recognition_id": image.current.pk, "running_duration_ms": ran})


def _looked(version: ModelVersion, image: Image) -> dict[str, Any]:
    detector = candidate(version)
    with storages["uploads"].open(image.upload_key) as original:
        prepared = prepare(cast(BinaryIO, original), limits())
    started = time.monotonic()
    findings = detector.detect(prepared)
    duration = round(1000 * (time.monotonic() - started))
    return {"labels": as_documents(findings.labels), "duration_ms": duration}


def _duration_of_ours(document: Mapping[str, Any]) -> int | None:
    runs = [run for run in document.get("detectors", []) if run["name"] in OUR_OWN and not run.get("failure")]
    return int(runs[0]["duration_ms"]) if runs else None


@transaction.atomic
def _note(run: ShadowRun, image: Image, values: dict[str, Any]) -> None:
    """Unless the image was deleted or removed meanwhile: whoever does so takes hold of it first."""
    there = Image.objects.select_for_update().filter(pk=image.pk).exclude(verdict=FlagVerdict.REMOVED)
    if there.exists():
        ShadowSeen.objects.get_or_create(run=run, image=image, defaults=values)
