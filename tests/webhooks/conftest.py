"""Receivers of webhooks that the tests share."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.webhooks.receivers import NAME, Behaviour, Receiver, certify

StartReceiver = Callable[..., Receiver]


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartReceiver]:
    """Start servers over TLS, which this process trusts unless they are called something else."""
    started: list[Receiver] = []
    certificate, _ = certify(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    def start(*behaviours: Behaviour, name: str = NAME, secure: bool = True) -> Receiver:
        context = None
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            chain = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
            context.load_cert_chain(*(chain if name == NAME else certify(tmp_path, name)))
        started.append(Receiver(list(behaviours), context))
        return started[-1]

    yield start
    for each in started:
        each.close()
