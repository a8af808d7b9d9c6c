"""Stands in front of moto as AWS's front door: who asks, may they, and is their signature in order?

Moto stores the roles, their policies and the sessions; the decision is made here (see policies.py for why). The
administrator's key, which deploys and looks, may do everything. What moto does not have at all (Rekognition that
looks, the RDS Data API, functions that run) is handed to stand-ins in the test's process, after the same decision.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote

import requests
from botocore.credentials import Credentials
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.sts.models import sts_backends
from werkzeug.formparser import parse_form_data

from tests.cloud import policies
from tests.cloud.cors import cors_headers, preflight
from tests.cloud.refusals import refusal
from tests.cloud.requests_seen import REGION, Need, Seen, UnknownRequest, needs
from tests.cloud.signatures import Refused, check_post, check_presigned

ADMINISTRATOR = "AKIAADMINISTRATOR000"
SERVICE = "lambda"
"""The name of sessions in which the Lambda service acts with a function's role."""
Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


@dataclass
class Gateway:
    """A WSGI application around moto's. `denials` are (role, action, resource) that were refused."""

    moto: Wsgi
    stand_ins: dict[str, str] = field(default_factory=dict)
    denials: list[tuple[str, str, str]] = field(default_factory=list)
    uses: set[tuple[str, str, str]] = field(default_factory=set)
    """(role, action, resource) that were allowed."""
    isolated: set[str] = field(default_factory=set)
    """Roles of functions in the network, which reach nothing but S3, through its endpoint."""
    refuses_part: bool = False
    """Whether S3 refuses the next part of a large object."""
    seconds_ahead: float = 0
    """How far the clock that expiries are checked with runs ahead."""

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        request, key = _seen(environ, body)
        if request.method == "OPTIONS":
            return preflight(request, start_response)
        if key is None and request.path.startswith("/moto-api/"):
            return self.moto(environ, start_response)
        try:
            role = self._authorize(request, key, environ)
            if self.refuses_part and "partNumber" in request.query:
                self.refuses_part = False
                raise Refused(400, "EntityTooSmall", "Told to refuse this part.")
        except Refused as problem:
            return refusal(request, problem, start_response)
        environ["wsgi.input"] = io.BytesIO(body)
        stand_in = self.stand_ins.get(_stand_in_for(request))
        if stand_in is not None:
            return _hand_over(stand_in, request, role, start_response)
        return self._asked_of_moto(request, role, environ, start_response)

    def decide(self, role: str, need: Need) -> bool:
        """Whether the role may; what it may not is kept in `denials`."""
        if policies.allows(_policies_of(role), need.action, need.resource, {**_CONTEXT, **need.context}):
            self.uses.add((role, need.action, need.resource))
            return True
        self.denials.append((role, need.action, need.resource))
        return False

    def sign_in(self, token: str, user: str, cluster: str) -> str:
        """Check what Aurora checks of a token that stands for a password."""
        host, _, rest = token.partition("/")
        query = dict(parse_qsl(rest.lstrip("?")))
        key = query.get("X-Amz-Credential", "").partition("/")[0]
        session = _session(key)
        if session is None or query.get("Action") != "connect" or query.get("DBUser") != user:
            return "this is no token for this user"
        credentials = Credentials(key, session.secret_access_key, session.session_token)
        try:
            check_presigned(Seen("rds-db", "GET", "/", query, {"host": host}, b""), credentials, datetime.now(UTC))
        except Refused as problem:
            return problem.message
        account = f"arn:aws:rds-db:{REGION}:{DEFAULT_ACCOUNT_ID}:dbuser:{cluster}/{user}"
        allowed = self.decide(session.role_arn.rpartition("/")[2], Need("rds-db:connect", account))
        return "" if allowed else "the role may not connect"

    def _authorize(self, request: Seen, key: str | None, environ: Environ) -> str:
        """The role that asks ("" for the administrator). Raises Refused."""
        if key == ADMINISTRATOR:
            return ""
        session = _session(key)
        if session is None:
            raise Refused(403, "InvalidAccessKeyId", f"No session has the key {key}.")
        now = datetime.fromtimestamp(datetime.now(UTC).timestamp() + self.seconds_ahead, UTC)
        role = session.role_arn.rpartition("/")[2]
        wanted = _form_needs(request, environ, session.secret_access_key, now)
        if wanted is None:
            if "X-Amz-Signature" in request.query:
                credentials = Credentials(key, session.secret_access_key, session.session_token)
                check_presigned(request, credentials, now)
            else:
                self._check_route(role, session.session_name, request)
            wanted = self._needs(role, request)
        for need in wanted:
            if not self.decide(role, need) or _bucket_refuses(role, need):
                raise Refused(403, "AccessDenied", f"{role} is not allowed {need.action} on {need.resource}")
        return role

    def _check_route(self, role: str, session: str, request: Seen) -> None:
        """What the Lambda service does for a function, it does from outside the function's network."""
        if role not in self.isolated or session == SERVICE:
            return
        endpoints = ec2_backends[DEFAULT_ACCOUNT_ID][REGION].vpc_end_points.values()
        allowed = [json.loads(endpoint.policy_document) for endpoint in endpoints]
        for need in self._needs(role, request):
            if request.service == "s3" and policies.allows(allowed, need.action, need.resource, _CONTEXT, role):
                continue
            self.denials.append((role, need.action, f"no route from the network: {need.resource}"))
            raise Refused(403, "AccessDenied", "there is no route from the network")

    def _needs(self, role: str, request: Seen) -> list[Need]:
        try:
            return needs(request)
        except UnknownRequest as error:
            self.denials.append((role, "unknown", str(error)))
            raise Refused(403, "AccessDenied", str(error)) from error

    def _asked_of_moto(
        self, request: Seen, role: str, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        answer: list[Any] = []
        body = list(self.moto(environ, lambda *given: answer.extend(given)))
        missing = answer[0].startswith("404") and request.service == "s3" and request.method in ("GET", "HEAD")
        bucket, _, key = request.path.lstrip("/").partition("/")
        if role and missing and key and not self.decide(role, Need("s3:ListBucket", f"arn:aws:s3:::{bucket}")):
            # S3 tells only those who may list a bucket that something is not there.
            problem = Refused(403, "AccessDenied", f"{role} is not allowed s3:ListBucket on {bucket}")
            return refusal(request, problem, start_response)
        cors = cors_headers(request, request.method) if request.service == "s3" else []
        if answer[0].startswith("204") and _is_form(request, environ):
            environ["wsgi.input"] = io.BytesIO(request.body)
            _keep_checksum(bucket, environ)
        start_response(answer[0], [*answer[1], *cors])
        return body


# The loopback address stands for TLS.
_CONTEXT = {
    "aws:securetransport": "true",
    "aws:principalaccount": DEFAULT_ACCOUNT_ID,
    "aws:resourceaccount": DEFAULT_ACCOUNT_ID,
}


def _session(key: str | None) -> Any:
    sessions = sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assumed_roles
    return next((session for session in sessions if session.access_key_id == key), None)


def _seen(environ: Environ, body: bytes) -> tuple[Seen, str | None]:
    """The request, and the access key that it was signed with, in the header, the address or the form."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    credential = headers.get("authorization", "").partition("Credential=")[2].partition(",")[0]
    credential = credential or query.get("X-Amz-Credential", "")
    if not credential and environ.get("CONTENT_TYPE", "").startswith("multipart/form-data"):
        credential = _form(environ)[0].get("x-amz-credential", "")
        environ["wsgi.input"] = io.BytesIO(body)
    key, _, rest = credential.partition("/")
    service = rest.split("/")[2] if rest else ""
    path = environ["PATH_INFO"].encode("latin-1").decode()
    return Seen(service, environ["REQUEST_METHOD"], path, query, headers, body), key or None


def _form(environ: Environ) -> tuple[dict[str, str], bytes]:
    """The form's fields, names in lower case, and the file."""
    _, fields, files = parse_form_data(environ)
    content = b"".join(file.stream.read() for file in files.values())
    return {name.lower(): value for name, value in fields.items()}, content


def _is_form(request: Seen, environ: Environ) -> bool:
    """Whether it is a browser's signed POST to a bucket."""
    form = request.method == "POST" and environ.get("CONTENT_TYPE", "").startswith("multipart/form-data")
    return request.service == "s3" and form and "/" not in request.path.strip("/")


def _form_needs(request: Seen, environ: Environ, secret: str, now: datetime) -> list[Need] | None:
    """What a signed POST to a bucket needs, once its policy is satisfied; None for every other request."""
    if not _is_form(request, environ):
        return None
    bucket = request.path.strip("/")
    fields, content = _form(environ)
    check_post(bucket, fields, content, secret, now)
    return [Need("s3:PutObject", f"arn:aws:s3:::{bucket}/{fields['key']}")]


def _keep_checksum(bucket: str, environ: Environ) -> None:
    """S3 keeps the checksum that it has compared a file with."""
    fields, _ = _form(environ)
    if checksum := fields.get("x-amz-checksum-sha256"):
        key = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].get_object(bucket, fields["key"])
        key.checksum_algorithm, key.checksum_value = "SHA256", checksum


def _policies_of(role: str) -> list[dict[str, Any]]:
    backend = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    inline = [backend.get_role_policy(role, name)[1] for name in backend.list_role_policies(role)]
    attached = [policy.document for policy in backend.list_attached_role_policies(role)[0]]
    return [json.loads(document) for document in [*inline, *attached]]


def _bucket_refuses(role: str, need: Need) -> bool:
    if not need.action.startswith("s3:"):
        return False
    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(need.resource.rpartition(":::")[2].partition("/")[0])
    if bucket is None or not bucket.policy:
        return False
    return policies.denies([json.loads(bucket.policy)], need.action, need.resource, _CONTEXT, role)


def _stand_in_for(request: Seen) -> str:
    if request.service in ("lambda", "sagemaker") and request.path.endswith("/invocations"):
        return request.service
    return request.service if request.service in ("rekognition", "rds-data") else ""


def _hand_over(url: str, request: Seen, role: str, start_response: Callable[..., Any]) -> Iterable[bytes]:
    headers = {name: value for name, value in request.headers.items() if name.startswith("x-amz")}
    headers |= {"X-Role": role, "X-Service": request.service}
    answer = requests.request(
        request.method, f"{url}{quote(request.path)}", data=request.body, headers=headers, timeout=900
    )
    kept = [
        (name, value) for name, value in answer.headers.items() if name.lower().startswith(("x-amz", "content-type"))
    ]
    start_response(f"{answer.status_code} {answer.reason}", [*kept, ("Content-Length", str(len(answer.content)))])
    return [answer.content]
