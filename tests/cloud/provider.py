"""Pulumi's provider for the tests: every resource of the program is really made in moto, and its outputs are moto's.

What was made is kept in the stack's state, so that a second `up` makes only what changed, as the engine would.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pulumi
from botocore.config import Config
from pulumi.runtime import rpc

from tests.cloud.provider_faked import FAKED
from tests.cloud.provider_handmade import HANDMADE
from tests.cloud.provider_shapes import UnknownProperty, parameters
from tests.cloud.provider_table import FUNCTIONS, TABLE, Answered, Row
from tests.cloud.requests_seen import REGION

Outputs = dict[str, Any]


@dataclass
class Account:
    """The administrator's clients, and the folder that the stack's state and unpacked archives live in."""

    folder: Path
    endpoint: str
    key: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id=self.key,
            aws_secret_access_key="secret",
            config=Config(read_timeout=300, retries={"total_max_attempts": 1}),
        )


class Provider(pulumi.runtime.Mocks):
    """`made` has every resource by type and name: its inputs, id and outputs."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._file = account.folder / "state.json"
        self.before: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.made: dict[str, Any] = {}
        self._lock = threading.RLock()

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, Outputs]:
        inputs = plain(args.inputs)
        if not args.custom or args.typ.startswith("pulumi:"):
            return f"{args.name}-component", inputs
        with self._lock:
            made = self._made(args.typ, args.name, inputs)
            self.made[f"{args.typ}::{args.name}"] = made
            self._file.write_text(json.dumps({**self.before, **self.made}, indent=1))
        return made["id"], made["outputs"]

    def _made(self, kind: str, name: str, inputs: Outputs) -> dict[str, Any]:
        recorded = json.loads(json.dumps(inputs))
        before = self.before.get(f"{kind}::{name}")
        if before is not None and before["inputs"] == recorded:
            return dict(before)
        make = HANDMADE.get(kind) or FAKED.get(kind) or self._from_table(kind)
        try:
            identity, outputs = make(self._account, name, inputs, before)
        except Exception as error:
            raise (
                type(error)(f"{kind} {name!r}: {error}")
                if isinstance(error, UnknownProperty)
                else _told(kind, name, error)
            ) from error
        return {"type": kind, "name": name, "inputs": recorded, "id": identity, "outputs": {**recorded, **outputs}}

    def _from_table(self, kind: str) -> Callable[..., tuple[str, Outputs]]:
        row = TABLE[kind]

        def make(account: Account, name: str, inputs: Outputs, before: Any) -> tuple[str, Outputs]:
            if before is not None and not row.puts:
                raise NotImplementedError(f"{kind} changed, and the test's provider cannot change it")
            return _call(row, account, name, inputs)

        return make

    def call(self, args: pulumi.runtime.MockCallArgs) -> Outputs:
        return FUNCTIONS[args.token](self._account.client)


def _call(row: Row, account: Account, name: str, inputs: Outputs) -> tuple[str, Outputs]:
    client = account.client(row.service)
    operation = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[row.operation])
    properties = {key: value for key, value in inputs.items() if key not in row.ignored}
    tags = properties.pop("tags", None) if row.tagged_as else properties.get("tags")
    properties |= row.added(name)
    given = parameters(operation.input_shape, properties, row.names)
    if row.tagged_as and tags:
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        given["TagSpecifications"] = [{"ResourceType": row.tagged_as, "Tags": listed}]
    response = getattr(client, row.operation)(**given)
    return row.outputs(Answered(given, response))


def _told(kind: str, name: str, error: Exception) -> RuntimeError:
    return RuntimeError(f"{kind} {name!r}: {error!r}")


def plain(value: Any) -> Any:
    """Without secrets' wrappers; an archive as its path."""
    if rpc.is_rpc_secret(value):
        return plain(rpc.unwrap_rpc_secret(value))
    if isinstance(value, pulumi.FileArchive | pulumi.FileAsset):
        return str(value.path)
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value
