from portal.finetuning.models.datasets import SILENCE, DatasetImage, DatasetSnapshot, SnapshotState, file_name
from portal.finetuning.models.differences import DifferenceImage, DifferenceRun
from portal.finetuning.models.repeats import Repeat, RepeatState
from portal.finetuning.models.shadows import ShadowRun, ShadowSeen
from portal.finetuning.models.versions import TRAINING_SILENCE, Approval, ModelVersion, Place, Promotion, VersionState

__all__ = [
    "SILENCE",
    "TRAINING_SILENCE",
    "Approval",
    "DatasetImage",
    "DatasetSnapshot",
    "DifferenceImage",
    "DifferenceRun",
    "ModelVersion",
    "Place",
    "Promotion",
    "Repeat",
    "RepeatState",
    "ShadowRun",
    "ShadowSeen",
    "SnapshotState",
    "VersionState",
    "file_name",
]
