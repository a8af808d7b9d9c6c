"""Building: the same bytes for the same inputs, once, whoever builds; and one line where it cannot be done."""

from __future__ import annotations

import os
import re
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra import bundle
from infra.archives import bytecode, libraries
from infra.archives.errors import BundleError
from infra.archives.libraries import HOST
from tests.infra.archives import Archives, shared_archives


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Archives:
    return shared_archives(tmp_path_factory, worker_id)


def _names(archive: Path) -> set[str]:
    return set(zipfile.ZipFile(archive).namelist())


@pytest.mark.parametrize("target", ["recognize", "portal"])
def test_the_same_inputs_give_the_same_bytes_wherever_they_are_built(
    archives: Archives, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = archives.built(target, HOST)
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    before = os.umask(0o077)
    try:
        elsewhere = tmp_path / "a folder with a longer name"
        second = bundle.build(target, elsewhere, platform=HOST, certificates=archives.certificates())
    finally:
        os.umask(before)
    assert second.name == first.name
    assert _content(second) == _content(first)
    assert second.read_bytes() == first.read_bytes()


def _content(archive: Path) -> dict[str, int]:
    """By name, so that a difference is told by the file's."""
    return {entry.filename: entry.CRC for entry in zipfile.ZipFile(archive).infolist()}


def test_what_is_built_already_is_not_built_again(archives: Archives, monkeypatch: pytest.MonkeyPatch) -> None:
    built = archives.built("recognize", HOST)
    made = built.stat().st_mtime_ns
    monkeypatch.setattr(bundle, "install", _never)
    assert bundle.build("recognize", archives.shared, platform=HOST) == built
    assert built.stat().st_mtime_ns == made


def _never(*arguments: object) -> None:
    raise AssertionError(f"built again: {arguments}")


def test_several_may_build_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(4)

    def fill(stage: Path, _: object) -> None:
        together.wait(timeout=10)
        stage.mkdir()
        (stage / "module.py").write_text("x = 1\n")

    monkeypatch.setattr(bundle, "_fill", fill)
    with ThreadPoolExecutor(4) as threads:
        built = set(threads.map(lambda _: bundle.build("recognize", tmp_path, platform=HOST), range(4)))
    assert list(tmp_path.iterdir()) == list(built)
    assert _names(*built) == {"module.py"}


def test_archives_of_former_inputs_are_cleared_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    former = [tmp_path / f"recognize-host-{number:016}.zip" for number in range(5)]
    for age, path in enumerate(reversed(former)):
        path.touch()
        os.utime(path, (1e9 - age, 1e9 - age))
    other = tmp_path / "portal-host-0000000000000000.zip"
    other.touch()
    monkeypatch.setattr(bundle, "_fill", lambda stage, _: stage.mkdir())
    built = bundle.build("recognize", tmp_path, platform=HOST)
    assert {path.name for path in tmp_path.iterdir()} == {built.name, other.name, *(path.name for path in former[2:])}


def test_without_an_interpreter_of_that_version_sources_go_in_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bundle, "find_python", lambda _: None)
    names = _names(bundle.build("recognize", tmp_path, platform=HOST))
    assert "botocore/session.py" in names
    assert not [name for name in names if name.endswith(".pyc")]
    assert re.fullmatch(r"recognize: no Python 3\.\d+ here .*starts slower.*\n", capsys.readouterr().err)


def test_an_interpreter_of_another_version_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "python3.99"
    wrong.write_text("#!/bin/sh\necho 3.11.0\n")
    wrong.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bytecode.find_python("3.99") is None


def test_a_library_that_is_not_what_was_pinned_is_refused(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(BundleError, match=r"could not install requirements\.txt"):
        libraries.install(requirements, tmp_path / "libraries", HOST, "")


def test_without_uv_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(libraries.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(bundle, "FOLDER", tmp_path)
    assert bundle.main(["recognize", "--platform", HOST]) == 1
    assert re.fullmatch(r"error: uv is not installed: .*\n", capsys.readouterr().err)


def test_the_command_prints_where_the_archive_is_and_copies_it(
    archives: Archives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built = archives.built("recognize", HOST)
    monkeypatch.setattr(bundle, "FOLDER", archives.shared)
    output = tmp_path / "deep" / "recognize.zip"
    assert bundle.main(["recognize", "--platform", HOST, "--output", str(output)]) == 0
    assert capsys.readouterr().out.startswith(f"{output} (")
    assert output.read_bytes() == built.read_bytes()
