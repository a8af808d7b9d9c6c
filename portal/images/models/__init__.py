"""The rows behind the history: images, what was recognised in them and what it cost, and what is still to be done."""

from portal.images.models.exports import DataExport
from portal.images.models.image import FlagVerdict, Image, Status
from portal.images.models.money import Budget, Hold, MonthlySpend
from portal.images.models.operations import DailyUploads, StorageDeletion, WorkerHeartbeat
from portal.images.models.recognition import CurrentLabel, DetectedLabel, Instance, LabelState, Recognition
from portal.images.models.vocabulary import DetectorName, Label

__all__ = [
    "Budget",
    "CurrentLabel",
    "DailyUploads",
    "DataExport",
    "DetectedLabel",
    "DetectorName",
    "FlagVerdict",
    "Hold",
    "Image",
    "Instance",
    "Label",
    "LabelState",
    "MonthlySpend",
    "Recognition",
    "Status",
    "StorageDeletion",
    "WorkerHeartbeat",
]
