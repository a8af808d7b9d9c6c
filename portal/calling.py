"""Calling the `manage` function of a deployed stack from a person's own computer, with their AWS credentials."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

FUNCTION_VARIABLE = "IMAGESIFT_MANAGE_FUNCTION"
# What the Pulumi program exports.
STACK_OUTPUT = "manage_function"
# The function's own limit, and a little.
_ANSWER_SECONDS = 930


@dataclass(frozen=True, slots=True)
class Answer:
    ok: bool
    output: str
    error: str


def function_of_stack(folder: Path) -> str:
    """The function's name as the Pulumi stack in `folder` knows it; empty where that cannot be found out."""
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        return ""
    asked = subprocess.run(  # noqa: S603 - a fixed command
        [pulumi, "stack", "output", STACK_OUTPUT], cwd=folder, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() if asked.returncode == 0 else ""


def call(function: str, command: str, args: Sequence[str], environment: Mapping[str, str]) -> Answer:
    """Have the function run a command, and wait for its answer.

    Raises CommandError, with a sentence that says what to do, when there is none.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    order = {"command": command, "args": list(args), "environment": dict(environment), "raise_errors": False}
    try:
        answer = _client().invoke(FunctionName=function, Payload=json.dumps(order).encode())
        document = json.loads(answer["Payload"].read())
    except ClientError as error:
        raise CommandError(_refusal(function, error)) from error
    except BotoCoreError as error:
        raise CommandError(_failure(error)) from error
    if "FunctionError" in answer:
        raise CommandError(f"{function} failed: {document.get('errorMessage') or document}")
    return Answer(bool(document["ok"]), str(document["output"]), str(document["error"]))


def _client() -> Any:
    import boto3
    from botocore.config import Config

    # Never again by itself: a command that was begun must not be begun twice.
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=_ANSWER_SECONDS)
    return boto3.Session().client("lambda", config=config)


def _refusal(function: str, error: Any) -> str:
    code, said = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    reasons = {
        "ResourceNotFoundException": f"There is no function {function} in this account and region. "
        "Check --function and AWS_DEFAULT_REGION.",
        "AccessDeniedException": f"These credentials may not call {function}: {said}",
        "UnrecognizedClientException": "AWS does not know these credentials. Check AWS_PROFILE.",
        "ExpiredTokenException": "These credentials have expired. Sign in again, for example with `aws sso login`.",
    }
    return reasons.get(code, f"AWS refused to call {function}: {said or code}")


def _failure(error: Exception) -> str:
    reasons = {
        "NoCredentialsError": "No AWS credentials were found. Set AWS_PROFILE, or sign in with `aws sso login`.",
        "PartialCredentialsError": f"The AWS credentials are not complete: {error}",
        "NoRegionError": "No AWS region is known. Set AWS_DEFAULT_REGION to the stack's region.",
        "ReadTimeoutError": "No answer came within 15 minutes. The command may still have done its work: see the logs.",
        "EndpointConnectionError": f"AWS cannot be reached: {error}",
    }
    return reasons.get(type(error).__name__, f"The function could not be called: {error}")
