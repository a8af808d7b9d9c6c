"""Signing in: where the token is kept, which portal sees it, and what is refused."""

from __future__ import annotations

import io
import json
import stat
import sys
from pathlib import Path

import pytest

from imagesift import account
from imagesift.__main__ import main
from imagesift.errors import NotSignedIn, UsageError
from tests.client.fake_portal import TOKEN, FakePortal

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def only_config(portal: FakePortal, monkeypatch: pytest.MonkeyPatch) -> FakePortal:
    """A portal that the environment does not name."""
    monkeypatch.delenv("IMAGESIFT_URL")
    monkeypatch.delenv("IMAGESIFT_TOKEN")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{TOKEN}\n"))
    return portal


def test_a_token_is_checked_and_kept_where_nobody_else_reads_it(
    only_config: FakePortal, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["login", f"{only_config.url}/", "--token-stdin"]) == 0
    path = tmp_path / "config" / "imagesift" / "config.json"
    assert json.loads(path.read_text()) == {"url": only_config.url, "token": TOKEN}
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert TOKEN not in "".join(capsys.readouterr())
    assert main(["whoami"]) == 0
    assert "owner at" in capsys.readouterr().out


def test_a_token_that_the_portal_refuses_is_not_kept(
    only_config: FakePortal, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("isft_wrong\n"))
    assert main(["login", only_config.url, "--token-stdin"]) == 4
    assert not account.config_path().exists()
    assert capsys.readouterr().err.startswith("imagesift: This token was revoked.")


def test_a_token_from_a_windows_pipe_is_taken(only_config: FakePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"\ufeff{TOKEN}\r\n"))
    assert main(["login", only_config.url, "--token-stdin"]) == 0


def test_after_logout_nobody_is_signed_in(only_config: FakePortal, capsys: Capture) -> None:
    main(["login", only_config.url, "--token-stdin"])
    assert main(["logout"]) == 0
    assert main(["whoami"]) == 4
    assert "run `imagesift login`" in capsys.readouterr().err
    assert main(["logout"]) == 0


def test_the_kept_token_is_not_shown_to_another_portal(
    only_config: FakePortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["login", only_config.url, "--token-stdin"])
    monkeypatch.setenv("IMAGESIFT_URL", "https://photos.example")
    with pytest.raises(NotSignedIn):
        account.current()


def test_the_environment_beats_what_is_kept(only_config: FakePortal, monkeypatch: pytest.MonkeyPatch) -> None:
    main(["login", only_config.url, "--token-stdin"])
    monkeypatch.setenv("IMAGESIFT_TOKEN", "isft_another")
    assert account.current() == account.Account(only_config.url, "isft_another")


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("photos.example", "https://photos.example"),
        ("https://photos.example/sift/", "https://photos.example/sift"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("localhost:8000", "http://localhost:8000"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("http://photos.example", "http://photos.example"),
    ],
)
def test_addresses_are_taken_as_people_type_them(typed: str, address: str) -> None:
    assert account.portal_address(typed) == address


@pytest.mark.parametrize("typed", ["", "ftp://photos.example", "https://user:secret@photos.example", "https://", "a b"])
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(UsageError):
        account.portal_address(typed)


def test_a_portal_that_is_not_there_is_one_line_and_status_5(only_config: FakePortal, capsys: Capture) -> None:
    assert main(["login", "http://127.0.0.1:9", "--token-stdin"]) == 5
    error = capsys.readouterr().err
    assert error.startswith("imagesift: http://127.0.0.1:9 does not answer")
    assert error.count("\n") == 1


def test_a_broken_file_says_what_to_do(only_config: FakePortal, capsys: Capture) -> None:
    account.config_path().parent.mkdir(parents=True)
    account.config_path().write_text("{")
    assert main(["whoami"]) == 4
    assert "run `imagesift login` again" in capsys.readouterr().err


def test_what_is_no_portal_is_one_line(
    only_config: FakePortal, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_config.no_portal = True
    assert main(["login", only_config.url, "--token-stdin"]) == 5
    assert capsys.readouterr().err == f"imagesift: What answers at {only_config.url} is not an ImageSift portal.\n"
