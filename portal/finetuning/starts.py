"""What a training may start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from portal.finetuning.folders import local_folder
from portal.finetuning.models import ModelVersion, VersionState
from portal.finetuning.problems import CannotTrain

_NEWEST = 50


@dataclass(frozen=True, slots=True)
class Start:
    """One choice: `value` goes into ModelVersion.start; `words` and `minutes_hint` are for people."""

    value: str
    title: str
    words: str
    minutes_hint: str


PRETRAINED: Final = (
    Start(
        "rtdetr-v2-r18",
        "RT-DETRv2-R18, for photos",
        "Has seen 80 kinds of everyday things in many thousands of photos. The first training fetches it (80 MB).",
        "hours on this machine’s processor, minutes on a GPU",
    ),
    Start(
        "tiny-shapes",
        "The tiny detector of drawn shapes, for trying out",
        "Knows four drawn shapes and learns others in a minute. It is of no use on photos.",
        "about a minute",
    ),
)


def choices() -> list[Start]:
    """The pretrained models, and each version that is trained, the newest first."""
    ready = ModelVersion.objects.filter(state=VersionState.READY).select_related("dataset")[:_NEWEST]
    return [*PRETRAINED, *(_of(version) for version in ready)]


def refusal(start: str) -> str:
    """Why nothing can start from there, in a sentence; "" when it can."""
    if any(start == known.value for known in PRETRAINED):
        return ""
    version = _version(start)
    if version is None:
        return "There is no such model to start from."
    return "" if version.is_ready else f"{version} is not trained, so nothing can start from it."


def argument(start: str) -> str:
    """What the training on this machine is told: a pretrained model's name, or a folder. Raises CannotTrain."""
    version = _version(start)
    if version is None:
        return start
    folder = local_folder(version, "torch")
    if folder is None:
        raise CannotTrain(f"The files of {version}, which this training starts from, are gone.")
    return str(folder)


def _of(version: ModelVersion) -> Start:
    knows = ", ".join(category["name"] for category in version.dataset.categories)
    measured = f", mAP50 {version.map50:.2f}" if version.map50 is not None else ""
    words = f"Goes on from what {version} has learnt{measured}. It knows {knows}."
    return Start(str(version.pk), str(version), words, "as long as that one took")


def _version(start: str) -> ModelVersion | None:
    try:
        return ModelVersion.objects.filter(pk=UUID(start)).first()
    except ValueError:
        return None
