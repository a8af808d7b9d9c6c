"""An instance's process: started as Lambda starts one, asked one event at a time."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.cloud.requests_seen import REGION

_BOOTSTRAP = Path(__file__).with_name("instance.py")


@dataclass(frozen=True)
class Deployed:
    """A function as the program deployed it; `timeout` in seconds, `memory` in MB, `code` its unpacked archive."""

    name: str
    arn: str
    role: str
    handler: str
    timeout: int
    memory: int
    environment: Mapping[str, str]
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    code: Path


class TimedOut(Exception):
    """The function did not answer in time; `lines` is what it had logged."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(lines)
        self.lines = lines


class Process:
    """`stream` is its log stream, `interface` its network interface if it is in a network."""

    def __init__(
        self,
        function: Deployed,
        credentials: Mapping[str, str],
        endpoint: str,
        folder: Path,
        interface: str | None,
    ) -> None:
        self.function = function
        self.interface = interface
        self.stream = f"{time.strftime('%Y/%m/%d')}/[$LATEST]{uuid4().hex}"
        self._lines: queue.Queue[str | None] = queue.Queue()
        scratch = tempfile.mkdtemp(dir=folder)
        environment = {**_sandboxed(function, scratch), **self._lambdas_own(endpoint, credentials)}
        asked_read, asked_write = os.pipe()
        told_read, told_write = os.pipe()
        self._process = subprocess.Popen(
            # Neither this repository nor the virtual environment: the archive and the standard library.
            [sys._base_executable, "-I", "-S", str(_BOOTSTRAP), str(asked_read), str(told_write)],
            env=environment,
            pass_fds=(asked_read, told_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        os.close(asked_read)
        os.close(told_write)
        self._asked, self._told = os.fdopen(asked_write, "w", buffering=1), os.fdopen(told_read)
        threading.Thread(target=self._read_log, daemon=True).start()

    def ask(self, event: Any, request_id: str, seconds: float) -> tuple[dict[str, Any], list[str]]:
        """The answer and what was logged meanwhile. Raises TimedOut."""
        deadline = time.time() + seconds
        asked = {"event": event, "request_id": request_id, "arn": self.function.arn, "deadline": deadline}
        self._asked.write(json.dumps(asked) + "\n")
        lines: list[str] = []
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.time()))
            except queue.Empty:
                raise TimedOut(lines) from None
            if line is None:
                return {"payload": json.dumps({"errorMessage": "the process ended"}), "error": "Unhandled"}, lines
            if line == f"END RequestId: {request_id}":
                return json.loads(self._told.readline()), lines
            lines.append(line)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for end in (self._asked, self._told):
            end.close()

    def _read_log(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _lambdas_own(self, endpoint: str, credentials: Mapping[str, str]) -> dict[str, str]:
        function = self.function
        return {
            **{name.upper(): value for name, value in credentials.items()},
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": self.stream,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "LAMBDA_TASK_ROOT": str(function.code),
            "_HANDLER": function.handler,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }


def _sandboxed(function: Deployed, scratch: str) -> dict[str, str]:
    """The program's variables; /var/task and /tmp, which every instance has to itself, are folders of the test."""
    return {
        name: scratch if value == "/tmp" else value.replace("/var/task", str(function.code))  # noqa: S108
        for name, value in function.environment.items()
    }
