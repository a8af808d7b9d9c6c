"""What AWS or the organisation has to agree to: mail to anybody, and that photos train nobody else's models."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from portal.doctor.account import Account
from portal.doctor.findings import Finding, fine, note, to_do
from portal.doctor.stack import Stack

MAIL = "Mail"
OPT_OUT = "Photos and Amazon's models"

_WHY = "Amazon may keep what Rekognition sees to improve it"
_HOW = "docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_ai-opt-out.html"


def check_mail(account: Account, stack: Stack) -> Finding:
    if not stack.sends_mail:
        return fine(MAIL, "imagesift:mailFrom is not set, so the portal sends none")
    ses = account.client("sesv2").get_account()
    if not ses["ProductionAccessEnabled"]:
        return to_do(
            MAIL,
            f"SES is in its sandbox in {account.region} and delivers to verified addresses alone: ask for production "
            "access in the console of SES (about a day)",
        )
    if not ses["SendingEnabled"]:
        return to_do(MAIL, f"AWS has paused the account's mail in {account.region}: see the console of SES")
    return fine(MAIL, "SES delivers to everybody")


def check_opt_out(account: Account, stack: Stack) -> Finding:  # noqa: ARG001  (as every check)
    """No reason not to deploy, so never more than a note: one account alone cannot even change it."""
    try:
        found = account.client("organizations").describe_effective_policy(PolicyType="AISERVICES_OPT_OUT_POLICY")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "AWSOrganizationsNotInUseException":
            return note(OPT_OUT, f"{_WHY}; an account in no organisation opts out by making one: {_HOW}")
        if code == "EffectivePolicyNotFoundException":
            return note(OPT_OUT, f"{_WHY}; the organisation has no policy against it yet: {_HOW}")
        raise
    if _opted_out(json.loads(found["EffectivePolicy"]["PolicyContent"])):
        return fine(OPT_OUT, "the organisation opted out: Amazon keeps nothing of them")
    return note(OPT_OUT, f"{_WHY}; the organisation's policy does not opt out of Rekognition: {_HOW}")


def _opted_out(policy: dict[str, Any]) -> bool:
    """Rekognition's own entry beats the default's."""
    services = policy.get("services", {})
    entry = services.get("rekognition", services.get("default", {})).get("opt_out_policy")
    return (entry.get("@@assign") if isinstance(entry, dict) else entry) == "optOut"
