"""`imagesift upload` against a server that is slow, refuses, fails, hangs up, and forgets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from imagesift import uploading
from imagesift.__main__ import main
from imagesift.commands import upload
from imagesift.finding import Found
from tests.client.fake_portal import FakePortal, Trouble

Capture = pytest.CaptureFixture[str]


def contents(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in folder.iterdir()}


def test_a_folder_is_uploaded_and_the_second_time_nothing_is_sent(
    portal: FakePortal, folder: Path, capsys: Capture
) -> None:
    assert main(["upload", str(folder)]) == 0
    assert set(portal.stored) == contents(folder)
    assert "5 files: 5 uploaded, 0 there already." in capsys.readouterr().out
    assert main(["upload", str(folder)]) == 0
    assert "5 files: 0 uploaded, 5 there already." in capsys.readouterr().out
    assert portal.seen["upload"] == 5


def test_the_token_is_not_shown_to_where_files_go(portal: FakePortal, folder: Path) -> None:
    main(["upload", str(folder)])
    assert len(portal.upload_headers) == 5
    assert not [headers for headers in portal.upload_headers if "Authorization" in headers]


def test_the_same_content_under_two_names_is_sent_once(portal: FakePortal, folder: Path, capsys: Capture) -> None:
    (folder / "copy.jpg").write_bytes((folder / "0.jpg").read_bytes())
    assert main(["upload", str(folder)]) == 0
    assert "6 files: 5 uploaded, 1 there already." in capsys.readouterr().out
    assert len(portal.images) == 5


@pytest.mark.parametrize("kind", ["batch", "upload"])
@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(status=500),
        Trouble(status=503, headers={"Retry-After": "0"}),
        Trouble(status=429, code="rate_limited", headers={"Retry-After": "1"}),
        Trouble(cut=True),
        Trouble(cut_after=True),
        Trouble(seconds=0.5),
    ],
    ids=["fails", "is waking up", "is asked too often", "hangs up half-way", "hangs up after it did it", "is slow"],
)
def test_a_server_in_trouble_is_asked_again_and_has_every_file_once(
    portal: FakePortal, folder: Path, kind: str, trouble: Trouble
) -> None:
    portal.trouble[kind].append(trouble)
    started = time.monotonic()
    assert main(["upload", str(folder)]) == 0
    assert sorted(portal.stored) == sorted(contents(folder))
    assert len(portal.images) == 5
    if trouble.status == 429:
        assert time.monotonic() - started > 1, "it did not wait for as long as it was asked to"


def test_a_file_that_is_never_taken_fails_and_the_others_go_on(
    portal: FakePortal, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "_ATTEMPTS", 3)
    portal.trouble["upload"].extend(Trouble(status=500) for _ in range(3))
    assert main(["upload", str(folder), "--concurrency", "1"]) == 1
    output = capsys.readouterr()
    assert "4 uploaded, 0 there already, 1 failed" in output.out
    assert "There is trouble." in output.err
    assert len(portal.stored) == 4


def test_a_portal_that_is_gone_ends_the_upload(portal: FakePortal, folder: Path, capsys: Capture) -> None:
    portal.trouble["batch"].extend(Trouble(cut=True) for _ in range(20))
    assert main(["upload", str(folder)]) == 5
    output = capsys.readouterr()
    assert "5 not come to" in output.out
    assert "run it again: imagesift" in output.err


def test_a_form_that_has_expired_is_renewed(portal: FakePortal, folder: Path) -> None:
    portal.expired_forms = 1
    assert main(["upload", str(folder)]) == 0
    assert set(portal.stored) == contents(folder)
    assert portal.seen["renew"] == 5


def test_what_a_killed_run_announced_is_taken_up(portal: FakePortal, folder: Path) -> None:
    portal.trouble["upload"].extend(Trouble(status=400, code="form_invalid") for _ in range(5))
    assert main(["upload", str(folder)]) == 1
    announced = set(portal.images)
    assert len(announced) == 5
    assert main(["upload", str(folder)]) == 0
    assert set(portal.images) == announced
    assert set(portal.stored) == contents(folder)


def test_what_was_deleted_before_its_file_came_is_announced_anew(portal: FakePortal, folder: Path) -> None:
    portal.trouble["upload"].append(Trouble(status=404, code="image_gone"))
    assert main(["upload", str(folder)]) == 0
    assert set(portal.stored) == contents(folder)
    assert portal.seen["single"] == 1


def test_files_that_cannot_be_uploaded_are_named_with_the_reason(
    portal: FakePortal, folder: Path, capsys: Capture
) -> None:
    (folder / "empty.jpg").touch()
    (folder / "large.jpg").write_bytes(b"x" * 1_000_001)
    (folder / "notes.txt").write_text("not an image")
    assert main(["upload", str(folder), str(folder / "missing.jpg")]) == 1
    output = capsys.readouterr()
    assert "8 files: 5 uploaded, 0 there already, 3 failed." in output.out
    assert "empty.jpg: This file is empty: it has 0 bytes." in output.err
    assert "large.jpg: This file is too large." in output.err
    assert "missing.jpg: It cannot be read: No such file or directory." in output.err
    assert "notes.txt (not an image, by its name)" in output.err


def test_a_file_that_cannot_be_read_any_more_fails_alone(
    portal: FakePortal, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = upload.find

    def found_then_gone(*arguments: Any, **options: Any) -> Found:
        found = real(*arguments, **options)
        (folder / "0.jpg").unlink()
        return found

    monkeypatch.setattr(upload, "find", found_then_gone)
    assert main(["upload", str(folder)]) == 1
    assert "0.jpg: It cannot be read: No such file or directory." in capsys.readouterr().err
    assert len(portal.stored) == 4


@pytest.mark.parametrize("change", [b"other" * 70, b"longer" * 200, b""], ids=["same size", "longer", "shorter"])
def test_a_file_that_changes_meanwhile_is_never_stored(
    portal: FakePortal, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, change: bytes
) -> None:
    real = uploading.announce

    def announced_then_changed(*arguments: Any) -> Any:
        places = real(*arguments)
        (folder / "3.jpg").write_bytes(change)
        return places

    monkeypatch.setattr(uploading, "announce", announced_then_changed)
    assert main(["upload", str(folder)]) == 1
    assert "3.jpg: The file changed while it was being uploaded." in capsys.readouterr().err
    assert len(portal.stored) == 4


def test_the_daily_allowance_ends_the_upload_early(portal: FakePortal, folder: Path, capsys: Capture) -> None:
    portal.images_left = 3
    assert main(["upload", str(folder)]) == 3
    output = capsys.readouterr()
    assert "3 uploaded, 0 there already, 2 not come to." in output.out
    assert "You have used your daily allowance." in output.err


def test_a_token_that_is_refused_ends_the_upload(
    portal: FakePortal, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGESIFT_TOKEN", "isft_other")
    assert main(["upload", str(folder)]) == 4
    assert "This token was revoked. Run `imagesift login`." in capsys.readouterr().err


def test_a_form_that_leads_elsewhere_is_not_followed(portal: FakePortal, folder: Path, capsys: Capture) -> None:
    portal.trouble["upload"].extend(Trouble(status=307, headers={"Location": "http://127.0.0.1:9/"}) for _ in range(5))
    assert main(["upload", str(folder)]) == 1
    assert "sends the file elsewhere: refused." in capsys.readouterr().err


def test_waiting_tells_what_could_not_be_recognised(portal: FakePortal, folder: Path, capsys: Capture) -> None:
    main(["upload", str(folder)])
    next(iter(portal.images.values())).failure = "This file is cut off half-way."
    assert main(["upload", str(folder), "--wait"]) == 1
    output = capsys.readouterr()
    assert "4 recognised, 1 failed." in output.out
    assert "0.jpg: This file is cut off half-way." in output.err


def test_a_dry_run_asks_nobody(portal: FakePortal, folder: Path, capsys: Capture) -> None:
    assert main(["upload", str(folder), "--dry-run"]) == 0
    assert "5 files, 1.8 kB." in capsys.readouterr().out
    assert not portal.seen


def test_a_file_more_leaves_the_lists_behind_it_as_they_were(portal: FakePortal, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(300):
        (folder / f"b{number:03}.jpg").write_bytes(f"photo {number}".encode())
    assert main(["upload", str(folder), "--quiet"]) == 0
    before = list(portal.keys)
    (folder / "a.jpg").write_bytes(b"one more")
    assert main(["upload", str(folder), "--quiet"]) == 0
    after = portal.keys[len(before) :]
    assert len(before) >= 4
    assert len(set(before) & set(after)) >= len(before) // 2
