"""The API as strangers use it: by a client that a public generator makes of its document."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from skimage import data
from skimage.io import imsave

from tests.e2e.conftest import Portal

CREATE_PERSON = "from portal.accounts.models import User; User.objects.create_user('client', 'client@example.com')"


@pytest.fixture(scope="module")
def token(portal: Portal) -> str:
    portal.manage("shell", "--verbosity=0", "--command", CREATE_PERSON, check=True)
    scopes = ["--scope", "images:read", "--scope", "images:write"]
    return portal.manage("create_token", "client", *scopes, check=True).stdout.strip()


@pytest.fixture
def generated(portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a package that openapi-python-client made of the portal's own document."""
    document, config = tmp_path / "openapi.json", tmp_path / "config.yml"
    document.write_bytes(httpx.get(f"{portal.url}/api/v1/schema").raise_for_status().content)
    config.write_text("post_hooks: []\n")
    name = "generated_imagesift_client"
    options = ["--path", document, "--output-path", tmp_path / name, "--meta", "none", "--config", config]
    command = [sys.executable, "-m", "openapi_python_client", "generate", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]


def test_a_generated_client_uploads_a_photo_and_reads_its_labels(
    generated: str, portal: Portal, token: str, tmp_path: Path
) -> None:
    def operation(name: str) -> Any:
        return import_module(f"{generated}.api.images.{name}").sync

    models = import_module(f"{generated}.models")
    client = import_module(generated).AuthenticatedClient(base_url=portal.url, token=token, timeout=httpx.Timeout(60))
    photo = tmp_path / "astronaut.png"
    imsave(photo, data.astronaut())
    content = photo.read_bytes()

    announced = models.Announcement(
        filename=photo.name, size=len(content), content_type="image/png", sha256=hashlib.sha256(content).hexdigest()
    )
    started = operation("images_create")(client=client, body=announced)
    form = started.upload
    sent = httpx.post(form.url, data=form.fields.to_dict(), files={form.file_field: content}, timeout=60)
    assert sent.is_success

    image = operation("images_get")(image_id=started.id, client=client, wait=20)
    while image.status in ("queued", "processing"):
        image = operation("images_get")(image_id=started.id, client=client, wait=20)
    assert image.status == "recognized"
    (face,) = [label for label in image.labels if label.name == "Face"]
    assert 0.2 < face.instances[0].box.left < 0.5
    listed = operation("images_list")(client=client, label=["Face"])
    assert [entry.id for entry in listed.results] == [started.id]
