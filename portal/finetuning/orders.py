"""What is asked of SageMaker for a model version, and what is heard of it.

Orders leave through the outbox; answers and changes come in through the `ingest` function, and how far a training is
lies in the bucket, where whoever looks finds it.
"""

from __future__ import annotations

import time
from typing import Final

from django.utils import timezone

from portal.finetuning.channels import collect_pictures, write_lists
from portal.finetuning.copies import keys_under
from portal.finetuning.following import (
    end,
    follow,
    forget_result,
    register_again,
    take_answer,
    take_approval,
    take_event,
)
from portal.finetuning.models import ModelVersion, Place, VersionState
from portal.finetuning.outgoing import data_folder, new_job, run_folder, send
from portal.finetuning.problems import CannotTrain
from portal.finetuning.promoting import running
from portal.finetuning.starts import PRETRAINED
from portal.images.erasing import keep, owe

__all__ = [
    "look",
    "order_approval",
    "order_stop",
    "order_training",
    "register_again",
    "take_answer",
    "take_approval",
    "take_event",
]

# While the pictures are put together; of a look, which may be part of somebody's request.
PICTURES: Final = "pictures"
ORDERED: Final = "ordered"
# Before anything was ordered.
PREPARING: Final = ("", PICTURES)
FIRST_SECONDS: Final = 4.0
LOOK_SECONDS: Final = 2.0


def order_training(version: ModelVersion) -> None:
    """Have a version trained: first its pictures are put together, here and whenever somebody looks."""
    # Of two that look at once, one orders it.
    waiting = ModelVersion.objects.filter(pk=version.pk, state=VersionState.QUEUED, job_name="", stop_requested=False)
    total = version.dataset.images.count()
    about = {"phase": PICTURES, "steps_done": 0, "steps_total": total, "beat_at": timezone.now()}
    if waiting.update(job_name=new_job(version), **about):
        # It is gone on with.
        keep([("derived", run_folder(version))])
        forget_result(version)
        version.refresh_from_db()
        _go_on(version, FIRST_SECONDS)


def order_stop(version: ModelVersion) -> None:
    """Have its job end; where none was asked for yet, none will be."""
    version.refresh_from_db()
    if _is_preparing(version):
        end(version, VersionState.STOPPED)
        # It may have got its name just now, and be ordered by whoever gave it.
        version.refresh_from_db()
    if version.job_name:
        send(version, "stop")


def order_approval(version: ModelVersion, approved: bool) -> None:
    """Say in the registry what was decided. Before it is registered, nothing: that is said once it is."""
    if version.package_arn:
        order = "approve" if approved else "reject"
        send(version, order, package_arn=version.package_arn, reason="Decided in the portal.")


def look(version: ModelVersion) -> None:
    """Read how far a training on SageMaker is, and do what there is to do next. Any number of times, from anywhere."""
    fresh = ModelVersion.objects.select_related("dataset").filter(pk=version.pk, place=Place.SAGEMAKER).first()
    if fresh is None or not fresh.is_active:
        return
    if fresh.stop_requested and _is_preparing(fresh):
        # Whoever was to stop it has died.
        order_stop(fresh)
    elif not fresh.job_name:
        # Whoever was to order it has died.
        order_training(fresh)
    elif _is_preparing(fresh):
        _go_on(fresh, LOOK_SECONDS)
    else:
        follow(fresh)


def _go_on(version: ModelVersion, seconds: float) -> None:
    """Put pictures together for about so many seconds; when all are there, order the job."""
    arrived, is_done = collect_pictures(version.dataset, time.monotonic() + seconds)
    mine = ModelVersion.objects.filter(
        pk=version.pk, state=VersionState.QUEUED, phase=PICTURES, job_name=version.job_name
    )
    if not mine.filter(stop_requested=False).update(steps_done=arrived, beat_at=timezone.now()) or not is_done:
        return
    try:
        wanted = _wanted(version)
        write_lists(version, data_folder(version))
    except CannotTrain as problem:
        end(version, VersionState.FAILED, error=str(problem))
        return
    send(version, "train", **wanted)
    if not mine.update(phase=ORDERED, steps_done=0, steps_total=None, beat_at=timezone.now()):
        version.refresh_from_db(fields=["state"])
        if not version.is_active:
            # Stopped meanwhile: the order to stop undoes this one, and nobody will read the lists.
            owe([("derived", data_folder(version))])


def _is_preparing(version: ModelVersion) -> bool:
    return version.state == VersionState.QUEUED and version.phase in PREPARING


def _wanted(version: ModelVersion) -> dict[str, object]:
    """What the function that makes the job must know. Raises CannotTrain when what it is compared with is gone."""
    is_known = any(version.start == known.value for known in PRETRAINED)
    compared = running()
    if compared and not keys_under(f"{compared.folder}/model/"):
        raise CannotTrain(f"The files of {compared}, which runs now, are gone: there is nothing to compare with.")
    return {
        "folder": f"{version.folder}/",
        "annotations": f"{data_folder(version)}/annotations/",
        "images": f"{version.dataset.folder}/images/",
        "start": None if is_known else f"models/{version.start}/torch/",
        "baseline": f"{compared.folder}/model/" if compared else None,
        "hyperparameters": _arguments(version) | ({"start": version.start} if is_known else {}),
    }


def _arguments(version: ModelVersion) -> dict[str, str]:
    """Of `python -m training train`."""
    options = {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in version.options.items()
    }
    return {"name": version.name, "model_version": str(version.version), **options}
