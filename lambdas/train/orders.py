"""What the portal asks of SageMaker: `imagesift.training-order/1`, an object of the outbox."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

SCHEMA: Final = "imagesift.training-order/1"
FOLDER: Final = "outbox/training/"

_JOB: Final = re.compile(r"[0-9a-f]{12}-[0-9a-f]{8}")
_MODEL: Final = re.compile(r"models/[0-9a-f-]{36}/[0-9a-z./-]*")
_PICTURES: Final = re.compile(r"datasets/[0-9a-f-]{36}/images/")

ApprovalStatus = Literal["Approved", "Rejected"]


class OrderError(Exception):
    """An object that is no order; trying it again is of no use."""


@dataclass(frozen=True, slots=True)
class Order:
    """`job` is the end of the job's name: the version's, and another with each attempt. `stop` needs no more."""

    version_id: UUID
    job: str


@dataclass(frozen=True, slots=True)
class Train(Order):
    """Keys of the derived bucket: `folder` is the version's, `annotations` and `images` what is learnt from.

    `start` and `baseline` are folders of models, None where there is none to bring. `hyperparameters` are arguments of
    `python -m training train`.
    """

    folder: str
    annotations: str
    images: str
    start: str | None
    baseline: str | None
    hyperparameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stop(Order):
    """The job is to end; it leaves a checkpoint."""


@dataclass(frozen=True, slots=True)
class Register(Order):
    """`archive` is the packed model, `report` how it was measured; `about` is kept with the model."""

    archive: str
    report: str
    description: str
    about: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Decide(Order):
    """What somebody decided on a registered model."""

    package_arn: str
    status: ApprovalStatus
    reason: str


AnyOrder = Train | Stop | Register | Decide


def read_order(content: bytes) -> tuple[str, AnyOrder]:
    """The order's own word for what is wanted, and the order. Raises OrderError."""
    try:
        values: Any = json.loads(content)
        if values["schema"] != SCHEMA:
            raise OrderError("the outbox holds an order of a kind that is not known here")
        word = str(values["order"])
        return word, _READERS[word](UUID(values["version_id"]), _fits(_JOB, values["job"]), values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OrderError(f"the outbox holds an order that cannot be read: {error!r}") from None


def _train(version_id: UUID, job: str, values: Mapping[str, Any]) -> Train:
    start, baseline = values["start"], values["baseline"]
    return Train(
        version_id,
        job,
        folder=_fits(_MODEL, values["folder"]),
        annotations=_fits(_MODEL, values["annotations"]),
        images=_fits(_PICTURES, values["images"]),
        start=None if start is None else _fits(_MODEL, start),
        baseline=None if baseline is None else _fits(_MODEL, baseline),
        hyperparameters=_texts(values["hyperparameters"]),
    )


def _stop(version_id: UUID, job: str, _values: Mapping[str, Any]) -> Stop:
    return Stop(version_id, job)


def _register(version_id: UUID, job: str, values: Mapping[str, Any]) -> Register:
    return Register(
        version_id,
        job,
        archive=_fits(_MODEL, values["archive"]),
        report=_fits(_MODEL, values["report"]),
        description=str(values["description"]),
        about=_texts(values["about"]),
    )


def _decide(status: ApprovalStatus) -> Callable[[UUID, str, Mapping[str, Any]], Decide]:
    def read(version_id: UUID, job: str, values: Mapping[str, Any]) -> Decide:
        return Decide(version_id, job, str(values["package_arn"]), status, str(values["reason"]))

    return read


_READERS: Final[Mapping[str, Callable[[UUID, str, Mapping[str, Any]], AnyOrder]]] = {
    "train": _train,
    "stop": _stop,
    "register": _register,
    "approve": _decide("Approved"),
    "reject": _decide("Rejected"),
}


def _fits(pattern: re.Pattern[str], value: Any) -> str:
    if not pattern.fullmatch(value) or ".." in value:
        raise ValueError(f"not what an order says: {value!r}")
    return str(value)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in values.items()}
