"""`record_result`: the one way from a result to rows, for the laptop's worker and for every event on AWS."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from portal.images.models import DetectedLabel, FlagVerdict, Hold, Image, Instance, Label, Recognition, Status
from portal.images.signals import image_settled
from portal.images.spending import record_spend
from portal.moderation.effect import derive
from recognition import result as contract
from recognition.result import Result


@transaction.atomic
def record_result(result: Result) -> Recognition | None:
    """Store a result and bring its image up to date. Recording the same result again changes nothing.

    Results may come in any order: the image shows the newest. An image that waits is settled by a known result too:
    nothing better was found, as nothing has changed since. One that a moderator removed stays as it is: the result is
    kept, and shown to nobody. Returns None when the image was deleted meanwhile.
    """
    image = Image.objects.select_for_update().filter(pk=result.image_id).first()
    if image is None:
        return None
    recognition, created = Recognition.objects.get_or_create(
        image=image,
        configuration=result.configuration,
        recognized_at=result.recognized_at,
        defaults={
            "content_sha256": result.image.sha256 if result.image else image.sha256,
            "status": result.status.value,
            "cost_micro_usd": result.cost_micro_usd,
            "document": result.to_dict(),
        },
    )
    if result.image is not None and not image.sha256:
        Image.objects.filter(pk=image.pk).update(sha256=result.image.sha256)
    if created:
        _record_labels(recognition, result.labels)
    newest = image.recognitions.first()
    shows = newest == recognition if created else not image.is_settled
    if shows and image.verdict != FlagVerdict.REMOVED:
        _show(image, newest or recognition)
    if created:
        record_spend(image.owner_id, result.cost_micro_usd, result.recognized_at)
    return recognition


def _record_labels(recognition: Recognition, found: Iterable[contract.Label]) -> None:
    surest: dict[tuple[str, str], contract.Label] = {}
    for label in found:
        known = surest.get((label.name, label.detector))
        if known is None or label.confidence > known.confidence:
            surest[label.name, label.detector] = label
    Label.objects.bulk_create([Label(name=name) for name, _ in surest], ignore_conflicts=True)
    ids = dict(Label.objects.filter(name__in=[name for name, _ in surest]).values_list("name", "pk"))
    rows = DetectedLabel.objects.bulk_create(
        DetectedLabel(recognition=recognition, label_id=ids[name], detector=detector, confidence=label.confidence)
        for (name, detector), label in surest.items()
    )
    Instance.objects.bulk_create(
        Instance(detected_label=row, confidence=instance.confidence, **_box(instance.box))
        for row, label in zip(rows, surest.values(), strict=True)
        for instance in label.instances
    )


def _box(box: contract.Box) -> dict[str, float]:
    return {"left": box.left, "top": box.top, "width": box.width, "height": box.height}


def _show(image: Image, recognition: Recognition) -> None:
    """Make the newest result what the image's owner sees; after a failure the last success stays visible."""
    result = recognition.result
    changes: dict[str, Any] = {
        "claim": None,
        "claimed_by": "",
        "claimed_until": None,
        "not_before": None,
        "hold": Hold.NONE,
        "failure_code": "",
        "failure_message": "",
        "failure_permanent": False,
    }
    if result.failure is not None:
        changes |= {
            "status": Status.FAILED,
            "failure_code": result.failure.code,
            "failure_message": result.failure.message,
            "failure_permanent": result.failure.permanent,
        }
    else:
        changes |= _recognized(image, recognition, result)
        changes |= _derived(image, recognition)
    Image.objects.filter(pk=image.pk).update(**changes)
    for name, value in changes.items():
        setattr(image, name, value)
    image_settled.send(Image, image=image, at=result.recognized_at)


def _recognized(image: Image, recognition: Recognition, result: Result) -> dict[str, Any]:
    if result.image is None:
        raise contract.ContractError("a recognized result says what image it is of")
    return {
        "status": Status.RECOGNIZED,
        "recognized_at": result.recognized_at,
        "current": recognition,
        "format": result.image.format,
        "width": result.image.width,
        "height": result.image.height,
        "content_flag_confidence": max((flag.confidence for flag in result.moderation_labels), default=0),
        # Results from before there were any say nothing of it.
        "perceptual_hash": result.image.perceptual_hash or image.perceptual_hash,
    }


def _derived(image: Image, recognition: Recognition) -> dict[str, Any]:
    """What people see of it, their own decisions first."""
    image.current = recognition
    derive([image])
    return {"flagged": image.flagged, "search_text": image.search_text}
