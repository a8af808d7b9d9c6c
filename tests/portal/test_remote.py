"""`manage.py remote`: what goes to the function, what comes back, and a sentence for everything that can go wrong."""

from __future__ import annotations

import getpass
import io
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from portal.management.commands import remote

FUNCTION = "imagesift-dev-manage"


class FakeLambda:
    """Lambda's Invoke over HTTP: answers what it is told to, and keeps what it was sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {"ok": True, "output": "done\n", "error": ""}
        self.status = 200
        self.headers: dict[str, str] = {}
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fake.sent.append({"path": self.path, "payload": json.loads(body)})
                answer = json.dumps(fake.answer).encode()
                self.send_response(fake.status)
                for name, value in {**fake.headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def payload(self) -> dict[str, Any]:
        payload: dict[str, Any] = self.sent[-1]["payload"]
        return payload


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLambda]:
    fake = FakeLambda()
    thread = threading.Thread(target=fake.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{fake.server.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    yield fake
    fake.server.shutdown()
    thread.join()
    fake.server.server_close()


def run(*args: str) -> tuple[str, str, int]:
    output, errors = io.StringIO(), io.StringIO()
    try:
        call_command("remote", *args, stdout=output, stderr=errors)
    except SystemExit as left:
        return output.getvalue(), errors.getvalue(), int(str(left.code))
    return output.getvalue(), errors.getvalue(), 0


def test_the_command_goes_with_its_own_arguments_and_its_output_comes_back(function: FakeLambda) -> None:
    assert run("--function", FUNCTION, "replay_results", "--dry-run") == ("done\n", "", 0)
    assert function.sent[-1]["path"] == f"/2015-03-31/functions/{FUNCTION}/invocations"
    expected = {"command": "replay_results", "args": ["--dry-run"], "environment": {}, "raise_errors": False}
    assert function.payload == expected


def test_a_command_that_fails_ends_with_its_error_and_a_code(function: FakeLambda) -> None:
    function.answer = {"ok": False, "output": "half way\n", "error": "the rest is missing"}
    assert run("--function", FUNCTION, "sweep") == ("half way\n", "the rest is missing\n", 1)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What somebody types when asked for a password."""
    words = ["correct horse battery", "correct horse battery"]
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: words.pop(0))
    return words


def test_a_password_is_asked_for_here_and_sent_beside_the_arguments(function: FakeLambda, typed: list[str]) -> None:
    run("--function", FUNCTION, "createsuperuser", "--username", "root", "--email=root@example.com")
    assert function.payload["args"] == ["--username", "root", "--email=root@example.com"]
    assert function.payload["environment"] == {"DJANGO_SUPERUSER_PASSWORD": "correct horse battery"}


def test_what_is_missing_of_an_administrator_is_asked_for(
    function: FakeLambda, typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["root", "root@example.com"])
    monkeypatch.setattr("builtins.input", lambda _question: next(answers))
    run("--function", FUNCTION, "createsuperuser")
    assert function.payload["args"] == ["--username", "root", "--email", "root@example.com"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(["one thing", "another"], "not the same"), (["12345678", "12345678"], "too common"), (["root", "root"], "short")],
)
def test_a_password_that_will_not_do_is_not_sent(
    function: FakeLambda, typed: list[str], words: list[str], complaint: str
) -> None:
    typed[:] = words
    with pytest.raises(CommandError, match=complaint):
        run("--function", FUNCTION, "createsuperuser", "--username", "root", "--email", "root@example.com")
    assert function.sent == []


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (404, "ResourceNotFoundException", "There is no function imagesift-dev-manage"),
        (403, "AccessDeniedException", "may not call imagesift-dev-manage"),
        (403, "ExpiredTokenException", "credentials have expired"),
        (403, "UnrecognizedClientException", "does not know these credentials"),
        (400, "InvalidRuntimeException", "AWS refused to call imagesift-dev-manage"),
    ],
)
def test_a_refusal_of_lambda_is_explained(function: FakeLambda, status: int, code: str, sentence: str) -> None:
    function.status, function.headers = status, {"x-amzn-ErrorType": code}
    function.answer = {"Message": "no"}
    with pytest.raises(CommandError, match=sentence):
        run("--function", FUNCTION, "sweep")


def test_a_function_that_breaks_is_told(function: FakeLambda) -> None:
    function.headers = {"X-Amz-Function-Error": "Unhandled"}
    function.answer = {"errorMessage": "Task timed out after 900.00 seconds"}
    with pytest.raises(CommandError, match=r"Task timed out after 900\.00 seconds"):
        run("--function", FUNCTION, "sweep")


def test_an_answer_that_never_comes_is_told(function: FakeLambda, monkeypatch: pytest.MonkeyPatch) -> None:
    class Never:
        def invoke(self, **_order: Any) -> None:
            from botocore.exceptions import ReadTimeoutError

            raise ReadTimeoutError(endpoint_url="https://lambda.example")

    monkeypatch.setattr("portal.calling._client", Never)
    with pytest.raises(CommandError, match="No answer came within 15 minutes"):
        run("--function", FUNCTION, "sweep")


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "No AWS credentials were found"),
        (("AWS_SECRET_ACCESS_KEY",), "not complete"),
        (("AWS_DEFAULT_REGION",), "No AWS region is known"),
    ],
)
def test_what_is_missing_here_is_explained(
    function: FakeLambda, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...], sentence: str
) -> None:
    for name in missing:
        monkeypatch.delenv(name)
    if "AWS_DEFAULT_REGION" in missing:
        monkeypatch.delenv("AWS_ENDPOINT_URL_LAMBDA")
    with pytest.raises(CommandError, match=sentence):
        run("--function", FUNCTION, "sweep")


def test_the_function_is_found_in_the_stacks_output(
    function: FakeLambda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(f'#!/bin/sh\n[ "$*" = "stack output manage_function" ] && echo {FUNCTION}\n')
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    run("sweep")
    assert FUNCTION in function.sent[-1]["path"]
    pulumi.write_text("#!/bin/sh\nexit 255\n")
    with pytest.raises(CommandError, match="pulumi stack select"):
        run("sweep")


def test_without_a_function_it_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "function_of_stack", lambda _folder: "")
    with pytest.raises(CommandError, match="IMAGESIFT_MANAGE_FUNCTION"):
        run("sweep")
