"""The certificates of Aurora are fetched, checked and kept; never does a build go on without."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra import bundle
from infra.archives import truststore
from infra.archives.errors import BundleError
from tests.certificates import authorities

Publisher = Callable[[bytes], str]
PUBLISHED = authorities(20)


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    """A server that publishes the given bytes, and its address."""
    monkeypatch.delenv(truststore.VARIABLE, raising=False)
    servers: list[ThreadingHTTPServer] = []

    def start(content: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: Any) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/global-bundle.pem"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


NOWHERE = "http://127.0.0.1:9/global-bundle.pem"


def _outdate(cache: Path) -> None:
    long_ago = (cache / truststore.FILE_NAME).stat().st_mtime - 31 * 24 * 3600
    os.utime(cache / truststore.FILE_NAME, (long_ago, long_ago))


def test_what_is_published_is_fetched_once_and_kept(publish: Publisher, tmp_path: Path) -> None:
    assert truststore.truststore(tmp_path / "cache", url=publish(PUBLISHED)) == PUBLISHED
    assert truststore.truststore(tmp_path / "cache", url=NOWHERE) == PUBLISHED


def test_what_was_kept_for_a_month_is_fetched_again(publish: Publisher, tmp_path: Path) -> None:
    truststore.truststore(tmp_path, url=publish(PUBLISHED))
    _outdate(tmp_path)
    newer = authorities(21)
    assert truststore.truststore(tmp_path, url=publish(newer)) == newer


def test_what_was_kept_for_a_month_still_serves_where_nothing_can_be_fetched(
    publish: Publisher, tmp_path: Path
) -> None:
    truststore.truststore(tmp_path, url=publish(PUBLISHED))
    _outdate(tmp_path)
    assert truststore.truststore(tmp_path, url=NOWHERE) == PUBLISHED


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<html>Sign in to the network</html>", "no certificate in it"),
        (PUBLISHED[:-400], "19 certificates came"),
        (authorities(2), "2 certificates came"),
        (PUBLISHED.replace(b"MIIB", b"AAAA"), "cannot be read"),
        (b"", "no certificate in it"),
    ],
    ids=["a login page", "cut off", "too few", "garbled", "nothing"],
)
def test_what_is_not_the_published_certificates_is_refused_and_not_kept(
    publish: Publisher, tmp_path: Path, content: bytes, why: str
) -> None:
    with pytest.raises(BundleError, match=why):
        truststore.truststore(tmp_path, url=publish(content))
    assert list(tmp_path.iterdir()) == []


def test_a_named_file_is_taken_without_asking_anybody(
    publish: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "company.pem"
    # Bundles of other makers name each in its own language.
    named.write_bytes("# Főtanúsítvány\n".encode() + authorities(1))
    assert truststore.truststore(tmp_path, named, url=NOWHERE) == named.read_bytes()
    monkeypatch.setenv(truststore.VARIABLE, str(named))
    assert truststore.truststore(tmp_path, url=NOWHERE) == named.read_bytes()


def test_a_named_file_without_certificates_is_refused(publish: Publisher, tmp_path: Path) -> None:
    named = tmp_path / "company.pem"
    named.write_text("nothing of the kind")
    with pytest.raises(BundleError, match=r"company\.pem, which holds no usable certificates"):
        truststore.truststore(tmp_path, named, url=NOWHERE)


def test_where_nothing_can_be_fetched_one_line_says_what_to_do(
    publish: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bundle, "FOLDER", tmp_path)
    monkeypatch.setattr(truststore.truststore, "__defaults__", (None, NOWHERE))
    assert bundle.main(["portal"]) == 1
    said = capsys.readouterr().err
    assert re.fullmatch(rf"error: .*could not be fetched.*{truststore.VARIABLE}\n", said)
    assert list(tmp_path.iterdir()) == []
