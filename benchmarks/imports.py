"""Seconds that each function's handler takes to import, and to be ready with its AWS clients, in a fresh interpreter.

Beside it, in the same interpreter and from the same archive: a bare `import boto3` that makes the same clients. Runs
alternate; medians and their ratio are printed. Aim: `recognize` at most 1.25 times the bare one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

from benchmarks.unpacked import ENVIRONMENT, FUNCTIONS, isolated, unpacked

# What each function makes before its first answer.
SERVICES = {
    "recognize": ("s3", "sqs", "dynamodb", "rekognition"),
    "dead_letters": ("s3", "sqs"),
    "mail": ("s3", "sesv2"),
    "database_role": ("rds-data",),
    "ingest": ("s3",),
    "web": ("s3",),
    "manage": ("s3",),
}
_BARE = """
import time
started = time.perf_counter()
import boto3
imported = time.perf_counter()
session = boto3.Session()
for service in {services!r}:
    session.client(service)
print(imported - started, time.perf_counter() - started)
"""
_HANDLER = """
import time
started = time.perf_counter()
import lambdas.{function}.handler
imported = time.perf_counter()
{clients}
print(imported - started, time.perf_counter() - started)
"""
_OWN_CLIENTS = """
from lambdas.clients import Clients
clients = Clients()
for service in {services!r}:
    clients._client(service)
"""
_DJANGO_CLIENTS = """
from django.core.files.storage import storages
storages["uploads"].connection
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=21, help="runs of each, alternating (default: %(default)s)")
    parser.add_argument("--function", action="append", choices=sorted(SERVICES), help="only this one (may be repeated)")
    parser.add_argument("--profile", action="store_true", help="print what imports cost in each module instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for target, functions in FUNCTIONS.items():
            chosen = [name for name in functions if not options.function or name in options.function]
            if chosen:
                folder, interpreter = unpacked(target, Path(temporary))
            for function in chosen:
                if options.profile:
                    profile(folder, interpreter, function)
                else:
                    print(json.dumps(measure(folder, interpreter, function, options.runs)), flush=True)


def measure(folder: Path, interpreter: Path, function: str, runs: int) -> dict[str, object]:
    services = SERVICES[function]
    bare = isolated(folder, interpreter, _BARE.format(services=services))
    handler = isolated(folder, interpreter, program(function))
    seconds: dict[str, list[tuple[float, float]]] = {"bare": [], "handler": []}
    for run in range(runs + 1):
        for name, command in (("bare", bare), ("handler", handler)):
            taken = _seconds(command, folder)
            if run:  # the first brings the files into the system's cache
                seconds[name].append(taken)
    imported, ready = (
        {name: statistics.median(taken[i] for taken in seconds[name]) for name in seconds} for i in (0, 1)
    )
    return {
        "function": function,
        "python": subprocess.check_output([interpreter, "-V"], text=True).split()[1],
        "import_ms": round(1000 * imported["handler"]),
        "boto3_import_ms": round(1000 * imported["bare"]),
        "ready_ms": round(1000 * ready["handler"]),
        "boto3_ready_ms": round(1000 * ready["bare"]),
        "ratio": round(_ratio(seconds), 2),
    }


def _ratio(seconds: dict[str, list[tuple[float, float]]]) -> float:
    """Of neighbouring runs, because a machine is not as fast all the time."""
    pairs = zip(seconds["handler"], seconds["bare"], strict=True)
    return statistics.median(handler[1] / bare[1] for handler, bare in pairs)


def program(function: str) -> str:
    own = function in FUNCTIONS["recognize"]
    clients = _OWN_CLIENTS.format(services=SERVICES[function]) if own else _DJANGO_CLIENTS
    return _HANDLER.format(function=function, clients=clients)


def _seconds(command: list[str], folder: Path) -> tuple[float, float]:
    environment = ENVIRONMENT | {"STATIC_ROOT": str(folder / "static"), "IMAGESIFT_DATA": tempfile.gettempdir()}
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    imported, ready = said.split()[-2:]
    return float(imported), float(ready)


def profile(folder: Path, interpreter: Path, function: str) -> None:
    """The thirty modules that take longest by themselves."""
    environment = ENVIRONMENT | {"STATIC_ROOT": str(folder / "static"), "IMAGESIFT_DATA": tempfile.gettempdir()}
    command = isolated(folder, interpreter, program(function), "-X", "importtime")
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stderr
    lines = [line.removeprefix("import time:").split("|") for line in told.splitlines() if "|" in line]
    taken = sorted(((int(own), name.strip()) for own, _, name in lines if own.strip().isdigit()), reverse=True)
    for microseconds, name in taken[:30]:
        print(f"{microseconds / 1000:7.1f} ms  {name}")


if __name__ == "__main__":
    main()
