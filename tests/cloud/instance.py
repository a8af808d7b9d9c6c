"""One instance of a Lambda function: `python -I -S instance.py READ WRITE`, its folder in LAMBDA_TASK_ROOT.

Runs without anything of this repository but the unpacked archive. Reads one event a line from READ, and writes one
answer a line to WRITE (file descriptors); what the function prints goes to its log.

NAMES stands in for the internet: it gives names of servers there, by the address that a look-up answers with, and
where a connection to that address ends.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
import time
import traceback


class Context:
    """What Lambda tells a handler of the call."""

    def __init__(self, request_id, arn, deadline):
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = self.client_context = None
        self._deadline = deadline

    def get_remaining_time_in_millis(self):
        return max(0, int((self._deadline - time.time()) * 1000))


def answer(handle, asked):
    context = Context(asked["request_id"], asked["arn"], asked["deadline"])
    try:
        return {"payload": json.dumps(handle(asked["event"], context))}
    except Exception as error:  # noqa: BLE001 (as Lambda does)
        traceback.print_exc()
        told = {"errorMessage": str(error), "errorType": type(error).__name__}
        return {"payload": json.dumps(told), "error": "Unhandled"}


def invent_internet(names):
    """Have names looked up, and their addresses connected to, as `names` says; everything else as ever."""
    look_up, connect = socket.getaddrinfo, socket.socket.connect
    ends = {entry["address"]: tuple(entry["really"]) for entry in names.values()}

    def getaddrinfo(host, port, *arguments, **options):
        if host not in names:
            return look_up(host, port, *arguments, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (names[host]["address"], port))]

    def connect_to(self, address):
        is_theirs = isinstance(address, tuple) and address[1] == 443
        return connect(self, ends.get(address[0], address) if is_theirs else address)

    socket.getaddrinfo, socket.socket.connect = getaddrinfo, connect_to


def main():
    invent_internet(json.loads(os.environ.pop("NAMES")))
    read, write = int(sys.argv[1]), int(sys.argv[2])
    task_root = os.environ["LAMBDA_TASK_ROOT"]
    sys.path.insert(0, task_root)
    os.chdir(task_root)
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    handle = None
    with os.fdopen(read) as questions, os.fdopen(write, "w", buffering=1) as answers:
        for line in questions:
            asked = json.loads(line)
            if handle is None:
                handle = getattr(importlib.import_module(module), name)
            found = answer(handle, asked)
            sys.stdout.flush()
            sys.stderr.flush()
            # After everything that the function itself has printed.
            os.write(2, f"END RequestId: {asked['request_id']}\n".encode())
            answers.write(json.dumps(found) + "\n")


main()
