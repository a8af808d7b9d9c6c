"""Runs the deployed functions from their archives, each instance a process of its own with its role's credentials."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from tests.cloud import policies
from tests.cloud.aws import Aws
from tests.cloud.function_logs import FunctionLogs
from tests.cloud.gateway import SERVICE
from tests.cloud.processes import Deployed, Process, TimedOut


@dataclass(frozen=True)
class Invoked:
    """What came back: the payload, whether the function failed, and what it logged."""

    payload: Any
    failed: bool
    log: tuple[str, ...]


class Refusal(Exception):
    """AWS would not have called the function: its policy does not admit the caller."""


@dataclass
class Functions:
    """`overrides` are variables that every function gets instead of what the program set."""

    aws: Aws
    folder: Path
    overrides: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[str, list[Process]] = {}
        self._credentials: dict[tuple[str, str], dict[str, str]] = {}
        self._deployed: dict[str, Deployed] = {}
        self._logs = FunctionLogs(self)
        self.log: dict[str, list[str]] = {}
        """Everything that each function has printed, by its name."""
        self.failures: list[tuple[str, Any]] = []
        """Invocations that ended in an error, by the function's name."""

    def deployed(self, name: str) -> Deployed:
        """The function as it stands in moto now."""
        with self._lock:
            if name not in self._deployed:
                self._deployed[name] = self._look_up(name)
            return self._deployed[name]

    def redeployed(self) -> None:
        """Forget what is known of the functions, and end their instances: there are new ones."""
        with self._lock:
            idle, self._idle = self._idle, {}
            self._deployed.clear()
        for process in [process for processes in idle.values() for process in processes]:
            self._stop(process)

    def recycle(self, name: str) -> None:
        """End the idle instances of one function, so that the next call starts cold."""
        with self._lock:
            idle = self._idle.pop(name, [])
        for process in idle:
            self._stop(process)

    def invoke(self, name: str, event: Any, seconds: float | None = None) -> Invoked:
        """Call a function and wait for it, for so many seconds, or as long as it was deployed to take at most."""
        function = self.deployed(name)
        try:
            process = self._instance(function)
        except ClientError as error:
            # Lambda could not put it into its network.
            self.failures.append((name, str(error)))
            return Invoked({"errorMessage": str(error)}, failed=True, log=())
        request_id = str(uuid4())
        started = time.monotonic()
        try:
            answer, lines = process.ask(event, request_id, seconds or function.timeout)
        except TimedOut as late:
            process.kill()
            message = {"errorMessage": f"{request_id} Task timed out after {function.timeout}.00 seconds"}
            answer, lines = {"payload": json.dumps(message), "error": "Unhandled"}, late.lines
        else:
            with self._lock:
                self._idle.setdefault(name, []).append(process)
        self.log.setdefault(name, []).extend(lines)
        self._logs.keep(function, process, request_id, lines, time.monotonic() - started)
        payload, failed = json.loads(answer["payload"]), "error" in answer
        if failed:
            self.failures.append((name, payload))
        return Invoked(payload, failed, tuple(lines))

    def admits(self, name: str, principal: str, source_arn: str) -> None:
        """Raises Refusal unless the function's own policy lets a service call it on behalf of that source."""
        document = json.loads(self.aws.client("lambda").get_policy(FunctionName=name)["Policy"])
        context = {"aws:sourcearn": source_arn, "aws:sourceaccount": self.aws.account}
        arn = self.deployed(name).arn
        if not policies.allows([document], "lambda:InvokeFunction", arn, context, principal):
            raise Refusal(f"{name} does not admit {principal} for {source_arn}")

    def credentials(self, role: str, session: str) -> dict[str, str]:
        """Of a role, which must trust the Lambda service. `session` is SERVICE for what the service does itself."""
        with self._lock:
            if (role, session) not in self._credentials:
                trust = self.aws.client("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
                assert policies.allows([trust], "sts:AssumeRole", "*", {}, "lambda.amazonaws.com"), trust
                arn = f"arn:aws:iam::{self.aws.account}:role/{role}"
                given = self.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName=session)["Credentials"]
                self._credentials[role, session] = {
                    "aws_access_key_id": given["AccessKeyId"],
                    "aws_secret_access_key": given["SecretAccessKey"],
                    "aws_session_token": given["SessionToken"],
                }
            return self._credentials[role, session]

    def service_client(self, role: str, service: str) -> Any:
        """For what the Lambda service does with a function's role."""
        return self.aws.client(service, **self.credentials(role, SERVICE))

    def _look_up(self, name: str) -> Deployed:
        found = self.aws.client("lambda").get_function_configuration(FunctionName=name)
        if found.get("VpcConfig", {}).get("SubnetIds"):
            self.aws.control("isolate", role=found["Role"].rpartition("/")[2])
        code = json.loads((self.folder / "functions.json").read_text())[name]
        return Deployed(
            name=name,
            arn=found["FunctionArn"],
            role=found["Role"].rpartition("/")[2],
            handler=found["Handler"],
            timeout=found["Timeout"],
            memory=found["MemorySize"],
            environment={**found["Environment"]["Variables"], **self.overrides},
            subnets=tuple(found.get("VpcConfig", {}).get("SubnetIds", [])),
            security_groups=tuple(found.get("VpcConfig", {}).get("SecurityGroupIds", [])),
            code=Path(code),
        )

    def _instance(self, function: Deployed) -> Process:
        with self._lock:
            idle = self._idle.get(function.name)
            if idle:
                return idle.pop()
        credentials = self.credentials(function.role, "function")
        interface = self._attach(function) if function.subnets else None
        process = Process(function, credentials, self.aws.endpoint, self.folder, interface)
        self._logs.begin(function, process)
        return process

    def _attach(self, function: Deployed) -> str:
        """Lambda makes a network interface with the function's role, and looks until it is there."""
        client = self.service_client(function.role, "ec2")
        made = client.create_network_interface(SubnetId=function.subnets[0], Groups=list(function.security_groups))
        interface: str = made["NetworkInterface"]["NetworkInterfaceId"]
        client.describe_network_interfaces(NetworkInterfaceIds=[interface])
        return interface

    def _stop(self, process: Process) -> None:
        process.kill()
        if process.interface:
            client = self.service_client(process.function.role, "ec2")
            client.delete_network_interface(NetworkInterfaceId=process.interface)
