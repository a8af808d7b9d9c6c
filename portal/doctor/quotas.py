"""Whether the account's region and quotas have room for the stack."""

from __future__ import annotations

import re

from botocore.exceptions import ClientError, EndpointConnectionError

from portal.doctor.account import Account
from portal.doctor.findings import Finding, fine, note, to_do
from portal.doctor.stack import Stack

REGION = "Rekognition in the region"
RATE = "Rekognition requests"
CONCURRENCY = "Lambda concurrency"

# Beside the recognitions: pages, ingest, mail, the sweep.
_OTHER_FUNCTIONS = 20
# AWS refuses a reservation that leaves less than this for everything else.
_NEVER_RESERVED = 100


def check_region(account: Account, stack: Stack) -> Finding:  # noqa: ARG001  (as every check)
    """The list that boto3 brings says yes; a region that is younger than boto3 is asked itself."""
    if account.region in account.session.get_available_regions("rekognition"):
        return fine(REGION, f"{account.region} offers it")
    try:
        account.client("rekognition").list_collections(MaxResults=1)
    except EndpointConnectionError:
        return to_do(REGION, f"{account.region} has none: choose another with pulumi config set aws:region …")
    except ClientError:
        # Whatever it says, there is one to say it.
        pass
    return fine(REGION, f"{account.region} answers")


def check_rate(account: Account, stack: Stack) -> Finding:
    """Every image costs one call of each operation, so the smallest quota is the rate that there is."""
    quotas = _requests_per_second(account)
    known = {operation: quotas[operation] for operation in stack.operations if operation in quotas}
    if not known:
        return note(RATE, "the quota is not listed; look for DetectLabels in the console of Service Quotas")
    operation, quota = min(known.items(), key=lambda item: item[1])
    if quota < stack.requests_per_second:
        return to_do(
            RATE,
            f"{operation} may be called {quota:g} times a second and the stack is set to "
            f"{stack.requests_per_second:g}: pulumi config set imagesift:rekognitionRequestsPerSecond {quota:g}, "
            "or ask for more in Service Quotas",
        )
    spare = (
        "" if quota == stack.requests_per_second else " (imagesift:rekognitionRequestsPerSecond may be raised to it)"
    )
    return fine(RATE, f"{operation} may be called {quota:g} times a second{spare}")


def _requests_per_second(account: Account) -> dict[str, float]:
    """Quotas by operation. Their codes differ by region and are nowhere listed; each one's name names its operation."""
    found: dict[str, float] = {}
    for page in (
        account.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="rekognition")
    ):
        for quota in page["Quotas"]:
            named = re.search(r"second.*\b(Detect\w+)", quota["QuotaName"])
            if named:
                found[named.group(1)] = quota["Value"]
    return found


def check_concurrency(account: Account, stack: Stack) -> Finding:
    limit = account.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    needed = stack.recognized_at_once + _OTHER_FUNCTIONS
    if stack.reserved_for_pages:
        needed = max(needed, stack.reserved_for_pages + _NEVER_RESERVED)
    if limit < needed:
        return to_do(
            CONCURRENCY,
            f"{limit} functions may run at once and the stack wants {needed} (new accounts have 10): ask for 1000 "
            "“Concurrent executions” of AWS Lambda in Service Quotas; it is free",
        )
    return fine(CONCURRENCY, f"{limit} functions may run at once, the stack wants {needed}")
