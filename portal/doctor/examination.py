"""All checks, in the order in which one depends on another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from botocore.exceptions import BotoCoreError

from portal.doctor.account import CREDENTIALS, Account, asked, check_credentials
from portal.doctor.consents import MAIL, OPT_OUT, check_mail, check_opt_out
from portal.doctor.findings import Finding, State, to_do
from portal.doctor.machine import check_pulumi, check_tools
from portal.doctor.quotas import CONCURRENCY, RATE, REGION, check_concurrency, check_rate, check_region
from portal.doctor.runtime import check_runtime
from portal.doctor.stack import Stack

_ACCOUNT_CHECKS = (
    (REGION, check_region),
    (RATE, check_rate),
    (CONCURRENCY, check_concurrency),
    (MAIL, check_mail),
    (OPT_OUT, check_opt_out),
)


def examine(stack: Stack, region: str | None, root: Path, today: date) -> Iterator[Finding]:
    """One finding after the other; `region` beats the stack's, `root` is the repository."""
    yield check_pulumi()
    yield from check_tools(root)
    yield check_runtime(today)
    yield from _examine_account(stack, region)


def _examine_account(stack: Stack, region: str | None) -> Iterator[Finding]:
    try:
        account = Account(stack, region)
    except BotoCoreError as error:
        yield to_do(CREDENTIALS, f"{error}: aws configure --profile, or pulumi config set aws:profile …")
        return
    if account.region is None:
        yield to_do("Region", "none is chosen: pulumi config set aws:region …")
        return
    known = check_credentials(account, stack)
    yield known
    if known.state is State.FINE:
        for subject, check in _ACCOUNT_CHECKS:
            yield asked(subject, check, account, stack)
