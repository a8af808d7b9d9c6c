"""Stands in for the model server around AWS's sagemaker-inference toolkit: a program of its own, which sees what an
endpoint's container would see.

One request a line on stdin (JSON: body in base64, content_type, accept), one answer a line on stdout. The last line
says where the code came from.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any


class Request:
    """Multi Model Server's side of one request: https://github.com/awslabs/multi-model-server, mms/context.py."""

    def __init__(self, properties: dict[str, str]) -> None:
        self._properties = properties
        self.status = 200

    def get_request_properties(self) -> dict[str, str]:
        return self._properties


class Context:
    """One for the server's whole life; each request replaces `request_processor`."""

    def __init__(self, folder: str) -> None:
        self.system_properties = {"model_dir": folder}
        self.request_processor: list[Request] = []
        self.content_type = ""

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        assert "\n" not in phrase
        self.request_processor[idx].status = code

    def set_response_content_type(self, _request_id: int, value: str) -> None:
        self.content_type = value


def main() -> None:
    from sagemaker_inference.default_handler_service import DefaultHandlerService

    context = Context(sys.argv[1])
    service = DefaultHandlerService()
    service.initialize(context)
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        context.request_processor = [Request({"Content-Type": request["content_type"], "Accept": request["accept"]})]
        (body,) = service.handle([{"body": bytearray(base64.b64decode(request["body"]))}], context)
        answer = {"status": context.request_processor[0].status, "body": body, "content_type": context.content_type}
        sys.stdout.write(json.dumps(answer) + "\n")
    import recognition

    sys.stdout.write(json.dumps({"code": recognition.__file__, "modules": sorted(sys.modules)}) + "\n")


if __name__ == "__main__":
    main()
