"""The functions' archives, unpacked for this machine, and an interpreter that sees nothing else."""

from __future__ import annotations

import platform
import sys
import zipfile
from pathlib import Path

import botocore

from infra import bundle
from infra.archives.bytecode import find_python
from infra.archives.libraries import HOST

FUNCTIONS = {
    "recognize": ("recognize", "dead_letters", "mail", "webhooks", "database_role"),
    "portal": ("ingest", "web", "manage"),
}
# No benchmark connects to Aurora; these certificates take about as much room as its own.
STAND_IN = Path(botocore.__file__).parent / "cacert.pem"
# What functions are told; nothing of it is reached by importing them.
ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "IMAGESIFT_MODE": "production",
    "RECOGNIZED_BY": "lambda",
    "SECRET_KEY": "benchmark" * 8,
    "ALLOWED_HOSTS": "localhost",
    "CSRF_TRUSTED_ORIGINS": "https://localhost",
    "UPLOADS_BUCKET": "uploads",
    "DERIVED_BUCKET": "derived",
    "DATABASE_HOST": "database.invalid",
    "DATABASE_PORT": "5432",
    "DATABASE_NAME": "imagesift",
    "DATABASE_USER": "imagesift",
    "EMAIL_URL": "consolemail://",
    "DEFAULT_FROM_EMAIL": "ImageSift <imagesift@localhost>",
    "DETECTORS": "rekognition",
    "RECOGNITIONS_PER_SECOND": "5",
    "RECOGNIZE_QUEUE_URL": "https://sqs.invalid/recognize",
    "INGEST_QUEUE_URL": "https://sqs.invalid/ingest",
    "WEBHOOKS_QUEUE_URL": "https://sqs.invalid/webhooks",
    "LEDGER_TABLE": "ledger",
    "DATABASE_CLUSTER_ARN": "arn:aws:rds:eu-west-1:123456789012:cluster:imagesift",
    "DATABASE_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:imagesift",
    "POWERTOOLS_SERVICE_NAME": "benchmark",
}


def unpacked(target: str, folder: Path) -> tuple[Path, Path]:
    """Unpack `target` into `folder`: where it is, and an interpreter for it, of the functions' version if possible."""
    found = find_python(bundle.LAMBDA_PYTHON)
    if sys.platform == "linux" and found:
        built = bundle.build(target, platform=f"{platform.machine()}-manylinux_2_28", certificates=STAND_IN)
        interpreter = found[0]
    else:
        built = bundle.build(target, platform=HOST)
        interpreter = Path(getattr(sys, "_base_executable", sys.executable))
    unpacked_to = folder / target
    zipfile.ZipFile(built).extractall(unpacked_to)
    return unpacked_to, interpreter


def isolated(folder: Path, interpreter: Path, program: str, *options: str) -> list[str]:
    """A command that runs `program` on the unpacked archive and the standard library alone."""
    return [str(interpreter), *options, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(folder)!r})\n{program}"]
