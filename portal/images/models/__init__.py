"""The rows behind the history: images, what was recognised in them and what it cost, and what is still to be done."""

from portal.images.models.exports import DataExport
from portal.images.models.image import Image, Status
from portal.images.models.money import Budget, Hold, MonthlySpend
from portal.images.models.operations import DailyUploads, StorageDeletion, WorkerHeartbeat
from portal.images.models.recognition import CurrentLabel, DetectedLabel, Instance, Label, Recognition

__all__ = [
    "Budget",
    "CurrentLabel",
    "DailyUploads",
    "DataExport",
    "DetectedLabel",
    "Hold",
    "Image",
    "Instance",
    "Label",
    "MonthlySpend",
    "Recognition",
    "Status",
    "StorageDeletion",
    "WorkerHeartbeat",
]
