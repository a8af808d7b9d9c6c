"""Checks what moto lets through unseen: signed POST policies and presigned addresses, as S3 does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from botocore.auth import S3SigV4QueryAuth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.cloud.requests_seen import Seen


class Refused(Exception):
    """S3's answer: (HTTP status, code, message)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


# Fields that no condition has to mention.
_FREE = {"policy", "x-amz-signature", "file"}


def check_post(bucket: str, fields: Mapping[str, str], content: bytes, secret: str, now: datetime) -> None:
    """Raises Refused unless the form is signed, in time, and exactly what its policy allows. `fields` in lower case."""
    if not hmac.compare_digest(_post_signature(fields, secret), fields.get("x-amz-signature", "")):
        raise Refused(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.")
    policy = json.loads(base64.b64decode(fields["policy"]))
    if now >= datetime.fromisoformat(policy["expiration"].replace("Z", "+00:00")):
        raise Refused(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
    sent = {**fields, "bucket": bucket}
    mentioned = {"bucket"}
    for condition in policy["conditions"]:
        mentioned.add(_check_condition(condition, sent, len(content)))
    extra = {name for name in fields if name not in _FREE | mentioned and not name.startswith("x-ignore-")}
    if extra:
        raise Refused(403, "AccessDenied", f"Invalid according to Policy: Extra input fields: {sorted(extra)}")
    checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
    if fields.get("x-amz-checksum-sha256", checksum) != checksum:
        raise Refused(400, "BadDigest", "The SHA256 you specified did not match the calculated checksum.")


def _check_condition(condition: Any, sent: Mapping[str, str], size: int) -> str:
    """The name of the field that the condition is about."""
    if isinstance(condition, dict):
        ((name, wanted),) = condition.items()
        operator = "eq"
    else:
        operator, name, wanted = condition[0], str(condition[1]).removeprefix("$"), condition[2]
    if operator == "content-length-range":
        if not int(condition[1]) <= size <= int(condition[2]):
            code = "EntityTooLarge" if size > int(condition[2]) else "EntityTooSmall"
            raise Refused(400, code, f"The file has {size} bytes; the policy allows {condition[1]} to {condition[2]}.")
        return ""
    found = sent.get(name.lower(), "")
    if found != wanted if operator == "eq" else not found.startswith(wanted):
        raise Refused(403, "AccessDenied", f"Invalid according to Policy: Policy Condition failed: {condition}")
    return name.lower()


def _post_signature(fields: Mapping[str, str], secret: str) -> str:
    _, date, region, service, _ = fields["x-amz-credential"].split("/")
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request", fields["policy"]):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def check_presigned(request: Seen, credentials: Credentials, now: datetime) -> None:
    """Raises Refused unless the address was signed with these credentials, as it stands, and has not expired."""
    signed = datetime.strptime(request.query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if now >= signed + timedelta(seconds=int(request.query["X-Amz-Expires"])):
        raise Refused(403, "AccessDenied", "Request has expired")
    kept = {name: value for name, value in request.query.items() if name != "X-Amz-Signature"}
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in kept.items())
    region, service = request.query["X-Amz-Credential"].split("/")[2:4]
    signer = S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth
    auth = signer(credentials, service, region)
    address = f"http://{request.headers['host']}{quote(request.path, safe='/-_.~')}?{query}"
    rebuilt = AWSRequest(method=request.method, url=address, headers={"host": request.headers["host"]})
    rebuilt.context["timestamp"] = request.query["X-Amz-Date"]
    wanted = auth.signature(auth.string_to_sign(rebuilt, auth.canonical_request(rebuilt)), rebuilt)
    if not hmac.compare_digest(wanted, request.query["X-Amz-Signature"]):
        raise Refused(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.")
