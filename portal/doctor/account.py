"""The AWS account as the doctor asks it: short waits, and every refusal told in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from portal.doctor.findings import Finding, fine, note, to_do
from portal.doctor.stack import Stack

CREDENTIALS = "Credentials"
# A doctor that waits for minutes on one line is not asked again.
_CONFIG = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 2, "mode": "standard"})
_NOT_ALLOWED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AccessDeniedFault"}


class Account:
    """The account and region that the stack would be created in."""

    def __init__(self, stack: Stack, region: str | None = None) -> None:
        """BotoCoreError where the stack names a profile that this machine does not have."""
        self.session = boto3.Session(profile_name=stack.profile, region_name=region or stack.region)
        self.region = self.session.region_name

    def client(self, service: str) -> Any:
        return self.session.client(service, config=_CONFIG)  # type: ignore[call-overload]


def check_credentials(account: Account, stack: Stack) -> Finding:  # noqa: ARG001  (as every check)
    try:
        who = account.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        return to_do(
            CREDENTIALS, f"AWS does not know who asks ({_said(error)}). Sign in: aws configure, or aws sso login"
        )
    return fine(CREDENTIALS, f"account {who['Account']} as {who['Arn']}")


def asked(subject: str, check: Callable[[Account, Stack], Finding], account: Account, stack: Stack) -> Finding:
    """What `check` finds, or that it could not be asked: not every person who deploys may see everything."""
    try:
        return check(account, stack)
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_ALLOWED:
            return note(subject, f"not looked at: these credentials may not use {error.operation_name}")
        return note(subject, f"could not be looked at: {_said(error)}")
    except BotoCoreError as error:
        return note(subject, f"could not be looked at: {_said(error)}")


def _said(error: Exception) -> str:
    return " ".join(str(error).split())
