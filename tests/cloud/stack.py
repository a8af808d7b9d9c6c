"""The whole of ImageSift as `pulumi up` makes it, running on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from tests.cloud.aurora import Aurora
from tests.cloud.aws import ROOT, Aws, running_aws
from tests.cloud.databases import Database
from tests.cloud.event_sources import EventSources
from tests.cloud.fake_rekognition import FakeRekognition
from tests.cloud.functions import Functions
from tests.cloud.gateway import ADMINISTRATOR
from tests.cloud.http_api import HttpApi
from tests.cloud.rds_data import DataApi
from tests.cloud.receiver import Receiver
from tests.cloud.stand_ins import Answer, Call, serving

DATABASE_NAME = "imagesift"


class Denied(AssertionError):
    """AWS refused something to somebody, so there is nothing more to wait for."""

    def __init__(self, denials: list[tuple[str, str, str]]) -> None:
        super().__init__(denials)
        self.denials = denials


@dataclass
class Cloud:
    """`outputs` are the stack's; `database` is what stands in for Aurora, reached by functions through `aurora`.

    `receiver` is a server of somebody else's.
    """

    second: ClassVar[float] = 0.02
    """How long one second of a message's delay takes here."""

    aws: Aws
    folder: Path
    database: Database
    functions: Functions
    aurora: Aurora
    rekognition: FakeRekognition
    receiver: Receiver
    config: dict[str, str]

    def __post_init__(self) -> None:
        self.outputs: dict[str, str] = {}
        self.sources = EventSources(self.aws, self.functions)
        self.api: HttpApi
        self.impatient = False
        """Whether waiting ends, with Denied, as soon as AWS refuses anything."""

    def up(self, **changes: str) -> str:
        """`pulumi up`, with changes to the configuration. Returns what it said."""
        self.config |= {f"imagesift:{key}": value for key, value in changes.items()}
        command = [sys.executable, "-m", "tests.cloud.deploy", str(self.folder), self.aws.endpoint, ADMINISTRATOR]
        done = subprocess.run([*command, json.dumps(self.config)], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, f"the deployment failed:\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        self.outputs = json.loads((self.folder / "outputs.json").read_text())
        self.functions.redeployed()
        return done.stdout + done.stderr

    def name(self, purpose: str) -> str:
        return f"imagesift-dev-{purpose}"

    def manage(self, command: str, *arguments: str, **more: Any) -> Any:
        """Run a management command through its function, as `manage.py remote` does."""
        event = {"command": command, "args": list(arguments), **more}
        invoked = self.functions.invoke(self.name("manage"), event)
        assert not invoked.failed, invoked
        return invoked.payload

    def settle(self, seconds: float = 60) -> None:
        """Wait until nothing waits in a queue that feeds a function, and no function runs."""
        self.wait_for(lambda: self.sources.quiet() and self.sources.quiet(), seconds, self._state)

    def abandon(self) -> None:
        """Throw away whatever still waits or was refused, and be patient again."""
        self.impatient = False
        self.aws.control("purge")
        self.settle()
        self.denials()

    def wait_for(self, true: Callable[[], bool], seconds: float, told: Callable[[], object] = lambda: "") -> None:
        deadline = time.monotonic() + seconds
        while not true():
            self.hurry()
            assert time.monotonic() < deadline, f"not within {seconds:g} seconds: {told()}"
            time.sleep(0.1)

    def hurry(self) -> None:
        """Raises Denied if we are impatient and AWS has refused something."""
        if self.impatient and (denied := self.denials()):
            raise Denied(denied)

    def denials(self) -> list[tuple[str, str, str]]:
        """What AWS refused to anybody since this was asked last."""
        return [(role, action, resource) for role, action, resource in self.aws.control("denials")]

    def announce(self, queue: str, bucket: str, key: str) -> None:
        """Put S3's word of a new object in a queue, whether or not there is one."""
        s3 = {"bucket": {"name": self.outputs[bucket]}, "object": {"key": key, "size": 1, "eTag": "0" * 32}}
        record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "awsRegion": self.aws.region, "s3": s3}
        record["eventTime"] = "2026-11-01T12:00:00.000Z"
        self.send(queue, {"Records": [record]})

    def send(self, queue: str, document: object) -> None:
        url = self.sources.url(self.name(queue))
        self.aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(document))

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """All keys in the `uploads_bucket` or `derived_bucket`."""
        pages = self.aws.client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.outputs[bucket], Prefix=prefix)
        return [entry["Key"] for page in found for entry in page.get("Contents", [])]

    def _state(self) -> str:
        last = {name: lines[-15:] for name, lines in self.functions.log.items() if lines}
        return f"{self.sources.waiting()} failures={self.functions.failures[-3:]} log={json.dumps(last, indent=1)}"


def _stack_file() -> dict[str, str]:
    """The configuration that is delivered, as Pulumi hands it to the program."""
    config = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


@contextmanager
def running_cloud(folder: Path, database: Database, **changes: str) -> Iterator[Cloud]:
    """Deploy the stack with Pulumi.dev.yaml and these changes, and let it run."""
    with ExitStack() as stack:
        aws = stack.enter_context(running_aws(folder / "moto.log"))
        aurora = Aurora(database.connect, lambda token, user: _sign_in(aws, token, user))
        stack.callback(aurora.close)
        overrides = {"DATABASE_HOST": "127.0.0.1", "DATABASE_PORT": str(aurora.port), "DATABASE_SSLMODE": "disable"}
        receiver = Receiver(folder / "receiver")
        stack.callback(receiver.close)
        functions = Functions(aws, folder, overrides | receiver.variables)
        stack.callback(functions.redeployed)
        rekognition = FakeRekognition()
        services = {
            "rekognition": rekognition,
            "rds-data": DataApi(database.connect, {DATABASE_NAME: database.connect["dbname"]}),
            "lambda": lambda call: _invoked(functions, call),
        }
        url = stack.enter_context(serving(services))
        for service in services:
            aws.control("stand_in", service=service, url=url)
        aws.control("clock", second=Cloud.second)
        config = {**_stack_file(), "aws:region": aws.region}
        cloud = Cloud(aws, folder, database, functions, aurora, rekognition, receiver, config)
        cloud.up(**changes)
        cloud.api = HttpApi(aws, functions, folder)
        stack.callback(cloud.api.close)
        cloud.sources.start()
        stack.callback(cloud.sources.stop)
        yield cloud


def _sign_in(aws: Aws, token: str, user: str) -> str:
    (cluster,) = aws.client("rds").describe_db_clusters()["DBClusters"]
    problem: str = aws.control("sign_in", token=token, user=user, cluster=cluster["DbClusterResourceId"])
    return problem


def _invoked(functions: Functions, call: Call) -> Answer:
    """Lambda's own Invoke: what `pulumi up` and `manage.py remote` use."""
    name = call.path.split("/")[-2].rpartition(":")[2]
    invoked = functions.invoke(name, json.loads(call.body or b"{}"))
    return Answer.of(invoked.payload, **({"x-amz-function-error": "Unhandled"} if invoked.failed else {}))
