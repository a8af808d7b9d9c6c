"""The rows behind the history: images, what was recognised in them, and what the queue and the storages still owe."""

from portal.images.models.image import Image, Status
from portal.images.models.operations import DailyUploads, StorageDeletion, WorkerHeartbeat
from portal.images.models.recognition import DetectedLabel, Instance, Label, Recognition

__all__ = [
    "DailyUploads",
    "DetectedLabel",
    "Image",
    "Instance",
    "Label",
    "Recognition",
    "Status",
    "StorageDeletion",
    "WorkerHeartbeat",
]
