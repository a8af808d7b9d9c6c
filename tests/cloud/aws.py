"""The moto server as a process, the administrator's clients for it, and its control addresses."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config

from tests.cloud.gateway import ADMINISTRATOR
from tests.cloud.requests_seen import ACCOUNT, REGION

ROOT = Path(__file__).resolve().parents[2]


class Aws:
    """One account in one region."""

    account = ACCOUNT
    region = REGION

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, **credentials: str) -> Any:
        """The administrator's, or one with the credentials given; made once."""
        given = credentials or {"aws_access_key_id": ADMINISTRATOR, "aws_secret_access_key": "any"}
        with self._lock:
            wanted = (service, given["aws_access_key_id"])
            if wanted not in self._clients:
                config = Config(retries={"total_max_attempts": 1}, max_pool_connections=30, read_timeout=900)
                self._clients[wanted] = boto3.Session(region_name=REGION).client(
                    service, endpoint_url=self.endpoint, config=config, **given
                )
            return self._clients[wanted]

    def control(self, action: str, **given: Any) -> Any:
        """Ask the server itself; see aws_server.Server for what it answers."""
        answer = requests.post(f"{self.endpoint}/moto-api/imagesift/{action}", json=given, timeout=30)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def running_aws(log: Path) -> Iterator[Aws]:
    """A fresh account, for as long as the context lasts. What goes wrong in the server is written to `log`."""
    environment = {**os.environ, "MOTO_DISABLE_GLOBAL_CORS": "true"}
    with log.open("w") as errors:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.cloud.aws_server"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert server.stdout is not None
    try:
        port = server.stdout.readline().strip()
        if not port:
            raise RuntimeError(f"moto did not start:\n{log.read_text()}")
        yield Aws(f"http://127.0.0.1:{port}")
    finally:
        server.kill()
        server.wait()
