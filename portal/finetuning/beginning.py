"""Asking for a training, stopping it, and having it tried again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from typing import Final

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Max
from django.utils import timezone

from portal.accounts.models import User
from portal.finetuning import orders, starts
from portal.finetuning.deciding import TRAIN, locked, record, refuse_strangers
from portal.finetuning.models import DatasetSnapshot, ModelVersion, Place, VersionState
from portal.finetuning.splitting import Split
from portal.finetuning.tasks import ask_to_train
from portal.images.workers import by_lambda
from portal.moderation.deeds import Refused

_TRIES = 5
_NEEDED: Final = ("torch", "transformers")

WITHOUT_PYTORCH: Final = (
    "PyTorch is not installed on this machine. Run “make training” once (it is large), and try again."
)
_USES: Final[Mapping[str, str]] = {
    Split.TRAIN: "to train on",
    Split.VALIDATION: "for validation",
    Split.TEST: "for testing",
}


def can_train_here() -> str:
    """Why this machine cannot train, in a sentence for the person; "" when it can. Imports nothing large."""
    if by_lambda():
        return "There is no machine of our own on AWS that could train: Amazon SageMaker does."
    return "" if all(find_spec(name) for name in _NEEDED) else WITHOUT_PYTORCH


def can_train_on_sagemaker() -> str:
    """Why SageMaker cannot be asked from here, in a sentence for the person; "" when it can."""
    if by_lambda():
        return ""
    return "SageMaker is asked from the portal on AWS; from here, “python -m training submit” does it."


def unfit(dataset: DatasetSnapshot) -> str:
    """Why nothing can be learnt from a dataset, in a sentence for the person; "" when something can."""
    if not dataset.is_ready:
        return f"The dataset {dataset} is not ready."
    counted = dict(dataset.images.order_by().values_list("split").annotate(Count("pk")))
    for split in Split:
        if not counted.get(split):
            return (
                f"The dataset {dataset} has no images {_USES[split]}. Make a new version of it with more images, "
                "or with another share for each use."
            )
    return ""


@transaction.atomic
def begin_training(version: ModelVersion, actor: User) -> ModelVersion:
    """Store what was asked for as the next version of its name, and have it trained once the transaction is done.

    `version` is unsaved, with name, dataset, start, place and options. Raises Refused, and then nothing is stored.
    """
    refuse_strangers(actor, TRAIN)
    _refuse_unable(version)
    try:
        version.clean_fields(exclude=["version", "author", "author_name", "dataset"])
    except ValidationError as error:
        raise Refused("invalid", " ".join(error.messages), 400) from error
    version.author, version.author_name = actor, actor.username
    version.state = VersionState.QUEUED
    _store_next(version)
    record(version, actor, "trained", start=version.start, place=version.place, options=version.options)
    _ask_for(version)
    return version


@transaction.atomic
def stop_training(version: ModelVersion, actor: User) -> ModelVersion:
    """Have a training end soon; what it has learnt is kept for `try_again`. Again, it changes nothing.

    Raises Refused when it has ended by itself.
    """
    refuse_strangers(actor, TRAIN)
    fresh = locked(version)
    if fresh.stop_requested or fresh.state == VersionState.STOPPED:
        return fresh
    if not fresh.is_active:
        raise Refused("not_active", f"The training of {fresh} has ended already.")
    fresh.stop_requested = True
    if fresh.place == Place.HERE and fresh.state == VersionState.QUEUED and fresh.claim is None:
        fresh.state, fresh.finished_at = VersionState.STOPPED, timezone.now()
    fresh.save(update_fields=["stop_requested", "state", "finished_at"])
    record(fresh, actor, "stopped")
    if fresh.place == Place.SAGEMAKER:
        transaction.on_commit(partial(orders.order_stop, fresh))
    return fresh


@transaction.atomic
def try_again(version: ModelVersion, actor: User) -> ModelVersion:
    """Have a training that failed or was stopped go on from where it was. One under way is left alone.

    Raises Refused when it has ended well, or nothing can be learnt from its dataset any more.
    """
    refuse_strangers(actor, TRAIN)
    fresh = locked(version)
    if fresh.is_active:
        return fresh
    if fresh.is_ready:
        raise Refused("ready", f"{fresh} is trained already. Begin another version instead.")
    _refuse_unable(fresh)
    fresh.state = VersionState.QUEUED
    fresh.stop_requested, fresh.error, fresh.finished_at = False, "", None
    fresh.claim, fresh.beat_at, fresh.seconds_left, fresh.job_name = None, timezone.now(), None, ""
    fresh.phase = ""
    fresh.save()
    record(fresh, actor, "tried again")
    _ask_for(fresh)
    return fresh


def register_again(version: ModelVersion, actor: User) -> None:
    """Have SageMaker's registry asked for a trained version once more. Raises Refused where it is there already."""
    refuse_strangers(actor, TRAIN)
    if not version.is_ready or version.place != Place.SAGEMAKER or version.package_arn:
        raise Refused("not_needed", f"{version} needs no registration.")
    record(version, actor, "registered again")
    orders.register_again(version)


def _refuse_unable(version: ModelVersion) -> None:
    if why := can_train_here() if version.place == Place.HERE else can_train_on_sagemaker():
        raise Refused("cannot_train", why)
    if why := unfit(version.dataset):
        raise Refused("unfit_dataset", why)
    if why := starts.refusal(version.start):
        raise Refused("no_start", why)


def _store_next(version: ModelVersion) -> None:
    for tried in range(1, _TRIES + 1):
        versions = ModelVersion.objects.filter(name=version.name)
        version.version = (versions.aggregate(last=Max("version"))["last"] or 0) + 1
        try:
            with transaction.atomic():
                version.save(force_insert=True)
                return
        except IntegrityError:  # somebody else has begun that version just now
            if tried == _TRIES:
                raise


def _ask_for(version: ModelVersion) -> None:
    if version.place == Place.HERE:
        ask_to_train(version)
    else:
        transaction.on_commit(partial(orders.order_training, version))
