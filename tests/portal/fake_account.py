"""An AWS account on loopback, as far as the doctor asks: moto has none of these operations but STS's."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_REST = {"/2016-08-19/account-settings": "GetAccountSettings", "/v2/email/account": "GetAccount"}
_CALLER = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/ada</Arn><UserId>AIDA</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


def refusal(code: str, status: int = 400) -> tuple[int, dict[str, Any]]:
    return status, {"__type": code, "message": f"{code} it is"}


def quotas(**a_second: float) -> list[dict[str, Any]]:
    named = "Transactions per second per account for the Amazon Rekognition Image operation {}"
    return [{"QuotaName": named.format(operation), "Value": value} for operation, value in a_second.items()]


class FakeAccount:
    """Answers by operation; each may be changed, and is a body or a status and a body. Quotas come a page each."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[str, Any] = {
            "GetCallerIdentity": _CALLER,
            "ListServiceQuotas": quotas(DetectLabels=50, DetectModerationLabels=50, DetectText=50, DetectFaces=1),
            "GetAccountSettings": {"AccountLimit": {"ConcurrentExecutions": 1000}},
            "GetAccount": {"ProductionAccessEnabled": True, "SendingEnabled": True},
            "DescribeEffectivePolicy": opt_out_policy(default="optOut"),
        }

    def answer(self, operation: str, body: bytes) -> tuple[int, Any]:
        found = self.answers.get(operation, refusal("UnknownOperationException"))
        if isinstance(found, tuple):
            return found
        if operation == "ListServiceQuotas":
            page = int(json.loads(body).get("NextToken", 0))
            following = {"NextToken": str(page + 1)} if page + 1 < len(found) else {}
            return 200, {"Quotas": found[page : page + 1], **following}
        return 200, found


def opt_out_policy(**services: str) -> dict[str, Any]:
    content = {"services": {name: {"opt_out_policy": choice} for name, choice in services.items()}}
    return {"EffectivePolicy": {"PolicyType": "AISERVICES_OPT_OUT_POLICY", "PolicyContent": json.dumps(content)}}


@contextmanager
def served_account() -> Iterator[FakeAccount]:
    account = FakeAccount()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            named = re.search(rb"Action=(\w+)", body)
            operation = target or (named.group(1).decode() if named else _REST.get(self.path.rstrip("/"), self.path))
            status, answer = account.answer(operation, body)
            sent = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/xml" if isinstance(answer, str) else "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    account.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield account
    finally:
        server.shutdown()
        server.server_close()
