"""Images a second through the real worker, by detector, and what the pipeline adds to the detectors' own time.

The pipeline is all but the detectors: claim, read, decode, encode, store, record. Detectors run side by side, so their
time for an image is that of the slowest.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from typing import Any

ALONE = ("properties", "faces", "text", "onnx")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=40, help="images for each measurement (default: %(default)s)")
    parser.add_argument("--onnx-model", help="a model folder for the object detector (default: the installed model)")
    parser.add_argument("--detectors", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.detectors:
        print(json.dumps(measure(options.images)), flush=True)
        return
    for detectors in (*ALONE, ",".join(ALONE)):
        command = [sys.executable, "-m", "benchmarks.worker", "--images", str(options.images), "--detectors", detectors]
        with tempfile.TemporaryDirectory() as data:
            environment = {**os.environ, "IMAGESIFT_DATA": data, "DETECTORS": detectors, "LOG_LEVEL": "WARNING"}
            if options.onnx_model:
                environment["ONNX_MODEL"] = options.onnx_model
            environment.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
            subprocess.run(command, check=True, env=environment)


def measure(count: int) -> dict[str, Any]:
    """Queue `count` photos in the database of the environment, run the worker until it has none, and take the times."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from portal.images.detecting import missing

    if missing():
        return {"detectors": settings.DETECTORS, "left_out": missing()}
    call_command("migrate", verbosity=0)
    queue_photos(count)
    seconds, detector_seconds = drain()
    return {
        "detectors": settings.DETECTORS,
        "images": count,
        "images_per_second": round(count / seconds, 2),
        "detectors_ms_per_image": round(1000 * detector_seconds / count, 1),
        "pipeline_ms_per_image": round(1000 * (seconds - detector_seconds) / count, 1),
        "pipeline_share_of_detectors": round((seconds - detector_seconds) / detector_seconds, 3),
    }


def queue_photos(count: int) -> None:
    import hashlib

    from django.core.files.base import ContentFile
    from django.core.files.storage import storages

    from benchmarks.photos import distinct_jpegs
    from portal.accounts.models import User
    from portal.images.models import Image, Status
    from portal.images.queueing import queue

    owner = User.objects.create_user("benchmark", "benchmark@example.com")
    for content in distinct_jpegs(count):
        digest = hashlib.sha256(content).hexdigest()
        image = Image.objects.create(owner=owner, filename="a.jpg", byte_size=len(content), sha256=digest)
        storages["uploads"].save(image.upload_key, ContentFile(content))
        Image.objects.filter(pk=image.pk).update(status=Status.FAILED)
        queue(image)


def drain() -> tuple[float, float]:
    """Seconds from the first image's claim to the last one's record, and the sum of the slowest detectors' seconds."""
    from django.db.models import Max, Min
    from django_tasks_db.models import DBTaskResult

    from portal.images.models import Recognition
    from portal.images.working import work

    work("benchmark", until_empty=True)
    times = DBTaskResult.objects.aggregate(first=Min("started_at"), last=Max("finished_at"))
    detecting = sum(
        max(run["duration_ms"] for run in recognition.document["detectors"]) / 1000
        for recognition in Recognition.objects.iterator()
    )
    return (times["last"] - times["first"]).total_seconds(), detecting


if __name__ == "__main__":
    main()
