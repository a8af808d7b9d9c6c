"""SageMaker as moto has it, which keeps every request as it came, and answers as it is told where moto does not."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.lambdas.aws import Application

Answer = tuple[str, dict[str, Any]]
"""A status line and a JSON body."""


def refusal(code: str, message: str) -> Answer:
    return "400 Bad Request", {"__type": code, "message": message}


@dataclass
class SeenSageMaker:
    """`requests` are operations with their members; `answers` are given, by operation, in place of moto's."""

    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    # moto cannot stop a job.
    answers: dict[str, Answer] = field(default_factory=lambda: {"StopTrainingJob": ("200 OK", {})})

    def of(self, operation: str) -> list[dict[str, Any]]:
        return [members for name, members in self.requests if name == operation]

    def wrap(self, moto: Application) -> Application:
        def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")[2]
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            self.requests.append((operation, json.loads(body or b"{}")))
            if operation not in self.answers:
                return moto(environ, start_response)
            status, document = self.answers[operation]
            start_response(status, [("Content-Type", "application/x-amz-json-1.1")])
            return [json.dumps(document).encode()]

        return application
