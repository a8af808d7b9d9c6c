"""System checks: settings that are each valid and yet do not fit together, said before anybody runs into them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Info, Tags, register

from recognition.configuration import DetectorSettings

REKOGNITION_FEATURES = ("labels", "properties", "moderation", "text")


@register()
def check_detectors(app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Every name in DETECTORS and REKOGNITION_FEATURES is one that exists."""
    found: list[CheckMessage] = []
    try:
        DetectorSettings(names=settings.DETECTORS)
    except ValueError as error:
        found.append(Error(str(error), hint="Correct DETECTORS.", id="imagesift.E001"))
    unknown = sorted(set(settings.REKOGNITION_FEATURES) - set(REKOGNITION_FEATURES))
    if unknown:
        hint = f"Choose from {', '.join(REKOGNITION_FEATURES)}."
        found.append(Error(f"REKOGNITION_FEATURES names {', '.join(unknown)}.", hint=hint, id="imagesift.E002"))
    if not settings.DETECTORS:
        hint = "Set DETECTORS, or leave it out for those that need no account anywhere."
        found.append(
            checks.Warning("No detector is configured: nothing will be found.", hint=hint, id="imagesift.W003")
        )
    return found


@register()
def check_storages(app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Uploads and what is made from them lie apart, and both in the same kind of place."""
    uploads, derived = settings.UPLOADS_BUCKET, settings.DERIVED_BUCKET
    if uploads and uploads == derived:
        hint = "Name two buckets: an event for every upload must not come for every preview as well."
        return [Error("UPLOADS_BUCKET and DERIVED_BUCKET are the same.", hint=hint, id="imagesift.E004")]
    if bool(uploads) != bool(derived):
        hint = "Name both buckets, or neither to keep files in the data folder."
        return [Error("Only one of UPLOADS_BUCKET and DERIVED_BUCKET is set.", hint=hint, id="imagesift.E005")]
    return []


@register()
def check_quotas(app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Somebody with nothing stored yet can upload the largest file that is accepted."""
    if settings.BYTES_PER_USER >= settings.MAX_UPLOAD_BYTES:
        return []
    hint = "Raise BYTES_PER_USER or lower MAX_UPLOAD_BYTES."
    message = "BYTES_PER_USER is less than MAX_UPLOAD_BYTES: the largest files can never be uploaded."
    return [checks.Warning(message, hint=hint, id="imagesift.W006")]


# What the function on AWS that recognises holds.
LAMBDA_DETECTORS = ("rekognition", "sagemaker")


@register()
def check_lambda(app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Where S3's events start recognition there are buckets, their region, and detectors that run there."""
    if settings.RECOGNIZED_BY != "lambda":
        return []
    found: list[CheckMessage] = []
    if not (settings.UPLOADS_BUCKET and settings.DERIVED_BUCKET):
        hint = "Set UPLOADS_BUCKET and DERIVED_BUCKET, or RECOGNIZED_BY=worker."
        found.append(Error("RECOGNIZED_BY is lambda, and a bucket is not named.", hint=hint, id="imagesift.E020"))
    if not (settings.AWS_REGION or settings.S3_ENDPOINT):
        hint = "Set AWS_REGION to the buckets’ region; on AWS Lambda it is set already."
        found.append(Error("RECOGNIZED_BY is lambda, and no region is known.", hint=hint, id="imagesift.E021"))
    elsewhere = [name for name in settings.DETECTORS if name not in LAMBDA_DETECTORS]
    if elsewhere:
        hint = f"Choose from {', '.join(LAMBDA_DETECTORS)}, as the function that recognises does."
        message = f"RECOGNIZED_BY is lambda, and DETECTORS names {', '.join(elsewhere)}, which only workers have."
        found.append(Error(message, hint=hint, id="imagesift.E022"))
    return found


@register()
def check_database(app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """What signing in to Aurora needs is there, and nothing contradicts it."""
    if not settings.DATABASE_HOST:
        return []
    found: list[CheckMessage] = []
    if not settings.AWS_REGION:
        hint = "Set AWS_REGION to the cluster’s region; on AWS Lambda it is set already."
        found.append(Error("DATABASE_HOST is set, and no region is known.", hint=hint, id="imagesift.E023"))
    options = settings.DATABASES["default"].get("OPTIONS", {})
    certificates = options.get("sslrootcert")
    if options.get("sslmode") == "verify-full" and certificates and not Path(certificates).is_file():
        hint = "Set DATABASE_SSLROOTCERT to a file of certificate authorities that vouch for the database."
        found.append(Error(f"There is no file {certificates}.", hint=hint, id="imagesift.E024"))
    return found


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """What fits a laptop and not a server."""
    found: list[CheckMessage] = []
    if settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
        hint = "Set DATABASE_URL to a PostgreSQL server."
        found.append(
            checks.Warning("The database is SQLite, which one machine alone can use.", hint=hint, id="imagesift.W007")
        )
    if settings.DEFAULT_FROM_EMAIL.rstrip(">").endswith("@localhost"):
        hint = "Set DEFAULT_FROM_EMAIL to an address of your own domain."
        found.append(Info("Mail will be sent from an address at localhost.", hint=hint, id="imagesift.I008"))
    return found
