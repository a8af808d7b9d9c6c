"""`python -m tests.cloud.deploy FOLDER ENDPOINT KEY CONFIG`: `pulumi up` without its engine, into moto.

Runs the real program in a process of its own, as the engine does. CONFIG is JSON of all configuration keys. Leaves
the outputs in FOLDER/outputs.json.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any, ClassVar

import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import set_root_resource
from pulumi.runtime.stack import run_in_stack

from infra import bundle
from tests.cloud.provider import Account, Provider, plain

ROOT = Path(__file__).resolve().parents[2]


class Engine(MockMonitor):
    """Keeps what the program exports."""

    outputs: ClassVar[dict[str, Any]] = {}

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 (the name that Pulumi calls)
        if "pulumi:pulumi:Stack" in request.urn:
            Engine.outputs = plain(rpc.deserialize_properties(request.outputs))
        return super().RegisterResourceOutputs(request)


def deploy(account: Account, stack: str, config: dict[str, str]) -> None:
    # Pulumi's runtime ties itself to the loop that there is when it is set up.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    provider = Provider(account)
    pulumi.runtime.set_mocks(provider, project="imagesift", stack=stack, preview=False, monitor=Engine(provider))
    # `set_mocks` makes a root that has ended already; the program is run in one of its own, as by the engine.
    set_root_resource(None)  # type: ignore[arg-type]
    pulumi.runtime.set_all_config(config)
    # The same archives, for this machine and its Python.
    bundle.build = functools.partial(bundle.build, platform="host")

    async def program() -> None:
        runpy.run_path(str(ROOT / "infra" / "__main__.py"), run_name="__main__")

    loop.run_until_complete(run_in_stack(program))
    (account.folder / "outputs.json").write_text(json.dumps(Engine.outputs))


def main() -> None:
    folder, endpoint, key, config = sys.argv[1:]
    os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "true"
    deploy(Account(Path(folder), endpoint, key), "dev", json.loads(config))


if __name__ == "__main__":
    main()
