"""How a training on SageMaker goes: from its run folder in the bucket, and from what AWS says of its job."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.core.files.storage import storages
from django.db import transaction
from django.utils import timezone

from portal.finetuning.arriving import arrive, is_all_there
from portal.finetuning.copies import keys_under
from portal.finetuning.forgetting import forget_strangers
from portal.finetuning.models import Approval, ModelVersion, Place, VersionState
from portal.finetuning.outgoing import data_folder, job_of, run_folder, send
from portal.finetuning.problems import CannotTrain
from portal.finetuning.progress_lines import Progress, progress_of
from portal.images.erasing import keep, owe
from portal.moderation.models import AuditEntry, Verb

# SageMaker copies files in no order: after so long the last of them is there as well.
SETTLED: Final = timedelta(minutes=2)
# No answer for so long: the order is among the dead letters.
SILENCE: Final = timedelta(hours=6)
# No word of a job for so long: longer than a stack may let it take, with all waiting (infra/config.py).
JOB_SILENCE: Final = timedelta(days=11)
# Clocks differ, and S3 tells whole seconds.
_SKEW: Final = timedelta(seconds=10)
# How long a run can be gone on with, or looked into.
KEPT: Final = timedelta(days=30)

_ACTIVE: Final = (VersionState.QUEUED, VersionState.TRAINING)
_UNANSWERED: Final = (
    "SageMaker was asked for this training, and no answer came. Whoever runs the stack finds the reason in the log of "
    "the function “train”. Try again."
)
_TOO_LONG: Final = (
    "The training took longer than the stack lets it (trainingHours), or waited too long for a machine. What it has "
    "learnt is kept: try again to go on."
)
_NO_MACHINE: Final = (
    "AWS had no machine free for this training for too long. Try again later, or have the stack’s trainingInstanceType "
    "or trainingSpot changed."
)
_LOST_SIGHT: Final = (
    f"Nothing was heard of the training job for {JOB_SILENCE.days} days. Look it up in SageMaker’s console, then try "
    "again: it goes on from where it was."
)
_EMPTY_HANDED: Final = "The training ended, but what it left cannot be used: {why}"


def follow(version: ModelVersion) -> None:
    """Take over what the run folder says. Where the end of it was not heard of otherwise, end it."""
    progress = _progress(version)
    told_at = _told_at(version) if progress else None
    # AWS may have told of something later than this. An attempt finds no result, so one that is there is its own.
    is_done = progress is not None and progress.outcome == "done"
    if told_at and is_done and timezone.now() - told_at > SETTLED and is_all_there(version):
        _finish(version)
        return
    # What is older is of an earlier attempt; of the end of one that failed or was stopped AWS will tell us.
    is_news = told_at is not None and told_at > version.beat_at - _SKEW
    if progress and told_at and is_news and progress.outcome not in ("failed", "stopped"):
        heard = {"state": VersionState.TRAINING, "beat_at": max(told_at, version.beat_at)}
        _active(version).update(**progress.values(), **heard)
        _active(version).filter(started_at=None).update(started_at=timezone.now())
        return
    silence = timezone.now() - version.beat_at
    if silence > SILENCE and version.job_name == job_of(version.job_name):
        end(version, VersionState.FAILED, error=_UNANSWERED)
    elif silence > JOB_SILENCE:
        end(version, VersionState.FAILED, error=_LOST_SIGHT)


def take_event(job_name: str, *, status: str, secondary: str, reason: str) -> bool:
    """A training job has changed, as EventBridge says. False when nobody waits for that job (any more)."""
    version = _of_job(job_name)
    if version is None:
        return False
    if status == "Completed":
        _finish(version)
    elif status == "Failed":
        end(version, VersionState.FAILED, error=_why(version, reason))
    elif status == "Stopped" and secondary in ("MaxRuntimeExceeded", "MaxWaitTimeExceeded"):
        end(version, VersionState.FAILED, error=_TOO_LONG)
    elif status == "Stopped":
        end(version, VersionState.STOPPED)
    elif secondary not in ("Pending", "Starting"):
        _active(version).update(state=VersionState.TRAINING, job_name=job_name, beat_at=timezone.now())
    return True


def take_answer(version_id: UUID, *, order: str, job: str, job_name: str, package_arn: str, problem: str) -> bool:
    """What became of an order. False when it is about an attempt that is over, or a version that is gone."""
    version = ModelVersion.objects.select_related("dataset").filter(pk=version_id, place=Place.SAGEMAKER).first()
    if version is None or job_of(version.job_name) != job:
        return False
    if problem and order == "train":
        end(version, VersionState.FAILED, error=problem)
    elif problem:
        ModelVersion.objects.filter(pk=version.pk).update(error=problem)
    elif order == "train":
        ModelVersion.objects.filter(pk=version.pk).update(job_name=job_name)
    elif order == "stop" and not job_name and not is_all_there(version):
        end(version, VersionState.STOPPED)
    elif order == "register":
        _registered(version, package_arn)
    return True


@transaction.atomic
def take_approval(package_arn: str, status: str) -> bool:
    """Somebody decided on a registered model, maybe in AWS's console: that counts where nobody here has decided yet.

    The gate's word counts there too. False when nothing changes.
    """
    approval = {"Approved": Approval.APPROVED, "Rejected": Approval.REJECTED}.get(status)
    undecided = ModelVersion.objects.select_for_update().filter(approval=Approval.PENDING)
    version = undecided.filter(package_arn=package_arn).first()
    if version is None or approval is None or (approval == Approval.APPROVED and not version.has_passed):
        return False
    version.approval = approval
    version.save(update_fields=["approval"])
    did = {"did": approval.value, "version": str(version.pk)}
    AuditEntry.objects.create(actor_name="Amazon SageMaker", verb=Verb.MODEL, subject=str(version), after=did)
    return True


def end(version: ModelVersion, state: VersionState, **values: Any) -> bool:
    """The training is over, and what it read goes; what it has learnt is kept for a while. False when it was before."""
    now = timezone.now()
    with transaction.atomic():
        over = {"state": state, "finished_at": now, "beat_at": now, "seconds_left": None}
        if not _active(version).update(**{**values, **over}):
            return False
        # SageMaker keeps copies of its own, which nobody reads; of a result the version's folder has what is kept.
        over_with = (data_folder(version), f"{version.folder}/output", _result(version))
        owe(("derived", folder) for folder in over_with)
        owe([("derived", run_folder(version))], after=now + KEPT)
        if state == VersionState.READY:
            forget_strangers(version.pk)
        return True


def forget_result(version: ModelVersion) -> None:
    """Of an earlier attempt: the next one makes it anew."""
    for key in keys_under(f"{_result(version)}/"):
        storages["derived"].delete(key)
    keep([("derived", _result(version))])


def _finish(version: ModelVersion) -> None:
    """Take in what a training has left, and have it registered."""
    progress = _progress(version)
    try:
        values = arrive(version)
    except CannotTrain as problem:
        end(version, VersionState.FAILED, error=_EMPTY_HANDED.format(why=problem))
        return
    # Before it is ready: whatever happens in between, it is ordered again, and registered once.
    send(version, "register", **_registering(version, values))
    end(version, VersionState.READY, **{**(progress.values() if progress else {}), **values, "error": ""})


def register_again(version: ModelVersion) -> None:
    """Once more, where SageMaker's registry refused it or nobody heard the order: there is one package all the same."""
    ModelVersion.objects.filter(pk=version.pk).update(error="")
    send(
        version,
        "register",
        **_registering(version, {"report": version.report, "verdict": version.verdict, "served_as": version.served_as}),
    )


def _registering(version: ModelVersion, values: dict[str, Any]) -> dict[str, Any]:
    measured = values["report"].get("candidate", {}).get("map50")
    about = {
        "name": version.name,
        "version": str(version.version),
        "served_as": values["served_as"],
        "verdict": str(values["verdict"].get("verdict", "")),
        "map50": f"{measured[0]:.4f}" if measured else "not measured",
        "dataset": str(version.dataset),
    }
    description = f"{version}, trained on {version.dataset}: the gate {about['verdict']} it"
    places = {"archive": f"{version.folder}/model.tar.gz", "report": f"{version.folder}/report.json"}
    return {**places, "description": description, "about": about}


def _registered(version: ModelVersion, package_arn: str) -> None:
    # An earlier order may have been refused.
    ModelVersion.objects.filter(pk=version.pk).update(package_arn=package_arn, error="")
    version.refresh_from_db()
    if version.approval != Approval.PENDING:
        # Decided before there was anything to tell.
        order = "approve" if version.approval == Approval.APPROVED else "reject"
        send(version, order, package_arn=package_arn, reason="Decided in the portal.")


def _of_job(job_name: str) -> ModelVersion | None:
    versions = ModelVersion.objects.filter(place=Place.SAGEMAKER, state__in=_ACTIVE).select_related("dataset")
    return versions.filter(job_name__in=[job_name, job_of(job_name)]).first()


def _active(version: ModelVersion) -> Any:
    """The row, as long as this attempt is under way."""
    same = ModelVersion.objects.filter(pk=version.pk, state__in=_ACTIVE)
    return same.filter(job_name__endswith=job_of(version.job_name))


def _why(version: ModelVersion, reason: str) -> str:
    """The training's own sentence, where it came to say one."""
    if "capacity" in reason.lower():
        # It never began: what the run folder says is of an earlier attempt.
        return _NO_MACHINE
    progress = _progress(version)
    if progress and progress.outcome == "failed" and progress.message:
        return progress.message
    return f"The training job failed. SageMaker says: “{reason}”" if reason else "The training job failed."


def _progress(version: ModelVersion) -> Progress | None:
    try:
        with storages["derived"].open(f"{run_folder(version)}/progress.jsonl") as file:
            return progress_of(file.read())
    except FileNotFoundError:
        return None


def _told_at(version: ModelVersion) -> datetime:
    """When the training last said how far it is."""
    return storages["derived"].get_modified_time(f"{run_folder(version)}/progress.jsonl")


def _result(version: ModelVersion) -> str:
    return f"{run_folder(version)}/result"
