"""On AWS the portal has none of the imaging libraries, nor what fetches models: nothing it does may need them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from tests.portal.test_s3_storage import BUCKETS, s3, s3_address

__all__ = ["s3", "s3_address"]

ROOT = Path(__file__).resolve().parents[2]

# Runs by itself: refuses to import what is missing there, then does what people do.
SCRIPT = """
import json, os, sys

allowed = set(os.environ.pop("ALLOWED").split())


class Refuses:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top not in allowed and top in refused:
            raise ImportError(f"{top} is not in the archive")


refused = set(os.environ.pop("REFUSED").split())
sys.meta_path.insert(0, Refuses())

import lambdas.web.handler, lambdas.ingest.handler, lambdas.manage.handler
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment
from django.urls import URLPattern, URLResolver, get_resolver, reverse

setup_test_environment()
call_command("migrate", verbosity=0)
call_command("createcachetable", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)
call_command("check", fail_level="WARNING")

from portal.accounts.models import User
from portal.images.models import Image
from portal.images.recording import record_result
from recognition.result import Box, ImageInfo, Instance, Label, Properties, Result, Source, Status
from datetime import UTC, datetime

person = User.objects.create_superuser("somebody", "somebody@example.com", "a long enough password")


def addresses(resolver, prefix="/"):
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern).removeprefix("^").removesuffix("$").removesuffix(r"\\Z")
        if isinstance(entry, URLResolver):
            yield from addresses(entry, route)
        elif isinstance(entry, URLPattern) and not set(route) & set("<(^"):
            yield route


found = sorted(set(addresses(get_resolver())))
assert len(found) > 60, found
for client in (Client(), Client()):
    for address in found:
        answer = client.get(address)
        assert answer.status_code < 500, (address, answer.status_code)
        list(answer) if answer.streaming else answer.content
    client.force_login(person)
for address in found:
    if "logout" not in address:
        answer = client.get(address)
        assert answer.status_code < 500, (address, answer.status_code)

file = {"filename": "a.jpg", "content_type": "image/jpeg", "size": 5, "sha256": "a" * 64}
started = client.post("/uploads/", json.dumps(file), content_type="application/json")
assert started.status_code == 201, started.content
image = Image.objects.get()
dog = Label("Dog", 97.0, "rekognition", instances=(Instance(97.0, Box(0.1, 0.2, 0.3, 0.4)),))
record_result(Result(
    image.pk, Source("uploads", image.upload_key), Status.RECOGNIZED, datetime.now(UTC),
    image=ImageInfo("JPEG", 640, 480, 5, "a" * 64), labels=(dog,), properties=Properties(1, 2, 3),
))
for name in ("detail", "preview", "thumbnail", "original", "result"):
    answer = client.get(reverse(f"images:{name}", args=[image.pk]))
    assert answer.status_code in (200, 302), (name, answer.status_code)
assert client.get(f"/admin/images/image/{image.pk}/change/").status_code == 200
assert client.post(reverse("images:recognize", args=[image.pk])).status_code == 302
assert client.post(reverse("images:delete", args=[image.pk])).status_code == 302
call_command("sweep")
loaded = {name.split(".")[0] for name in sys.modules}
assert not loaded & refused, loaded & refused
print("fine")
"""


def installed_by(requirements: str) -> set[str]:
    """The import names of everything that a file of requirements installs."""
    lines = (ROOT / "requirements" / requirements).read_text().splitlines()
    names = {match[1] for line in lines if (match := re.match(r"([A-Za-z0-9._-]+)(\[.*\])?==", line))}
    return {top for name in names for top in _tops(name)}


def _tops(name: str) -> set[str]:
    try:
        files = distribution(name).files or []
    except ModuleNotFoundError:
        return set()
    tops = {str(file).split("/")[0].removesuffix(".py") for file in files}
    return {top for top in tops if top.isidentifier()}


def test_everything_works_without_imaging_libraries(s3: Any, s3_address: str, tmp_path: Path) -> None:
    allowed = installed_by("web.txt")
    refused = installed_by("portal.txt") - allowed
    assert {"numpy", "PIL", "cv2", "onnxruntime", "rapidocr", "pillow_heif", "rich", "filelock"} <= refused
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {
        **kept,
        "ALLOWED": " ".join(allowed),
        "REFUSED": " ".join(refused),
        "PYTHONPATH": str(ROOT),
        "IMAGESIFT_DATA": str(tmp_path),
        "RECOGNIZED_BY": "lambda",
        "DETECTORS": "rekognition,sagemaker",
        "ALLOWED_HOSTS": "testserver",
        "UPLOADS_BUCKET": BUCKETS["uploads"],
        "DERIVED_BUCKET": BUCKETS["derived"],
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": s3_address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.endswith("fine\n")


@pytest.mark.parametrize("module", ["portal.images.recognizing", "portal.images.warming"])
def test_the_script_would_notice(module: str) -> None:
    """What only workers load does need them: importing it in the script must fail."""
    script = SCRIPT[: SCRIPT.index("import lambdas.web")]
    script += f"import django; django.setup(); import {module}"
    environment = {**os.environ, "ALLOWED": "", "REFUSED": "numpy PIL", "PYTHONPATH": str(ROOT)}
    environment["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "is not in the archive" in done.stderr
