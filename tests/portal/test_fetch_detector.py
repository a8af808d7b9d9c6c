from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from portal.images.detecting import model_folder
from recognition import hub
from tests.recognition.fake_hub import FakeHub, fake_hub, tiny_model

TINY = tiny_model()
ADDRESS = f"{TINY.repository}@{TINY.revision}:{TINY.file}"
KEPT_GOING = (
    "Faces, text and colours are recognised all the same; "
    "try again later with: .venv/bin/python manage.py fetch_detector"
)


def run(tmp_path: Path, endpoint: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "fetch_detector", "--cache", str(tmp_path / "models"), *arguments]
    changed = {"IMAGESIFT_DATA": str(tmp_path), "HF_ENDPOINT": endpoint, "DATABASE_URL": "sqlite:////nowhere/at/all"}
    return subprocess.run(
        command,
        cwd=django_settings.BASE_DIR,
        env={**os.environ, **changed, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def known(settings: Any, monkeypatch: pytest.MonkeyPatch) -> hub.ModelRef:
    """The tiny model as the one that the portal is set to use."""
    monkeypatch.setattr(hub, "MODELS", {"tiny": TINY})
    settings.ONNX_MODEL = "tiny"
    return TINY


def install(cache: Path) -> Path:
    with fake_hub() as served:
        return hub.fetch(TINY, cache, endpoint=served.address)


def test_the_command_says_where_the_model_is_and_needs_no_database(tmp_path: Path) -> None:
    with fake_hub() as served:
        ended = run(tmp_path, served.address, "--model", ADDRESS, "--sha256", TINY.sha256)
    folder = tmp_path / "models" / hub.parse(ADDRESS, TINY.sha256).folder_name
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"The object detector is in {folder}. Start the portal with ONNX_MODEL={folder} to use it.\n"
    assert (folder / "model.onnx").is_file()


def test_a_wrong_hash_ends_with_one_line_and_status_1(tmp_path: Path) -> None:
    with fake_hub() as served:
        ended = run(tmp_path, served.address, "--model", ADDRESS, "--sha256", "0" * 64)
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("The object detector could not be fetched: the file that came is not the expected one")


def test_without_a_network_the_background_fetch_says_that_the_rest_works(tmp_path: Path) -> None:
    ended = run(tmp_path, "http://127.0.0.1:9", "--if-missing")
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("The object detector could not be fetched (no connection to 127.0.0.1:9: ")
    assert line.endswith(f"). {KEPT_GOING}")


def test_offline_mode_is_honoured_and_named(tmp_path: Path) -> None:
    with fake_hub() as served:
        ended = run(tmp_path, served.address, "--model", ADDRESS, "--sha256", TINY.sha256, HF_HUB_OFFLINE="1")
        assert served.asked == []
    assert ended.stderr == "The object detector could not be fetched: HF_HUB_OFFLINE is set.\n"


def test_the_model_in_use_is_picked_up_without_a_restart(known: hub.ModelRef, settings: Any) -> None:
    folder = install(settings.MODELS_DIR)
    said = StringIO()
    call_command("fetch_detector", stdout=said)
    assert said.getvalue() == f"The object detector is in {folder}. The worker picks it up without a restart.\n"
    assert model_folder() == folder


def test_if_missing_does_nothing_where_the_model_is_there(known: hub.ModelRef, settings: Any) -> None:
    install(settings.MODELS_DIR)
    said = StringIO()
    call_command("fetch_detector", "--if-missing", stdout=said, stderr=said)
    assert said.getvalue() == ""


@pytest.mark.parametrize("use", ["a folder of one's own", "no object detector"])
def test_if_missing_fetches_nothing_that_the_portal_would_not_use(
    use: str, known: hub.ModelRef, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if use == "a folder of one's own":
        settings.ONNX_MODEL = str(tmp_path)
    else:
        settings.DETECTORS = ("faces",)
    fetched: list[hub.ModelRef] = []
    monkeypatch.setattr(hub, "fetch", lambda model, *_, **__: fetched.append(model))
    call_command("fetch_detector", "--if-missing")
    assert fetched == []


def test_a_model_outside_the_list_is_refused_without_its_hash() -> None:
    with pytest.raises(CommandError, match="needs its SHA-256"):
        call_command("fetch_detector", "--model", ADDRESS)


def test_a_known_model_is_refused_with_another_hash(known: hub.ModelRef) -> None:
    with pytest.raises(CommandError, match="leave --sha256 out"):
        call_command("fetch_detector", "--model", "tiny", "--sha256", "0" * 64)


def test_the_help_names_the_known_models(known: hub.ModelRef, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("fetch_detector", "--help")
    assert "known models: tiny\n" in capsys.readouterr().out


def test_a_cut_off_in_the_background_is_gone_on_with_by_hand(tmp_path: Path) -> None:
    model = ("--model", ADDRESS, "--sha256", TINY.sha256)
    with fake_hub(FakeHub(cut_after=1000, cuts=99)) as served:
        assert run(tmp_path, served.address, "--if-missing", *model).returncode == 1
        served.cuts = 0
        served.asked.clear()
        assert run(tmp_path, served.address, *model).returncode == 0
        assert served.asked_for(TINY.file)[0].range is not None
