"""Lambda functions: stored in moto, their archives unpacked once where the runtime finds them, and really invoked."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from tests.cloud.provider_shapes import parameters
from tests.cloud.requests_seen import REGION

Made = tuple[str, dict[str, Any]]


def function(account: Any, name: str, inputs: dict[str, Any], before: Any) -> Made:
    client = account.client("lambda")
    code = _unpacked(Path(inputs["code"]), account.folder)
    given = {key: value for key, value in inputs.items() if key != "code"}
    shape = client.meta.service_model.operation_model("CreateFunction").input_shape
    names = {
        "name": "FunctionName",
        "reservedConcurrentExecutions": "reserved",
        "vpcConfig": "VpcConfig",
    }
    reserved = given.pop("reservedConcurrentExecutions", None)
    settings = parameters(shape, given, names)
    if before is None:
        made = client.create_function(**settings, Code={"ZipFile": _token(code)})
    else:
        tagged = settings.pop("Tags")
        settings.pop("Architectures")
        client.tag_resource(Resource=before["outputs"]["arn"], Tags=tagged)
        client.update_function_code(FunctionName=settings["FunctionName"], ZipFile=_token(code))
        made = client.update_function_configuration(**settings)
    if reserved is not None:
        client.put_function_concurrency(
            FunctionName=settings["FunctionName"], ReservedConcurrentExecutions=int(reserved)
        )
    _remember(account.folder, settings["FunctionName"], code)
    function_arn = made["FunctionArn"]
    invoke = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function_arn}/invocations"
    return settings["FunctionName"], {"arn": function_arn, "invokeArn": invoke, "version": "$LATEST"}


def invocation(account: Any, name: str, inputs: dict[str, Any], before: Any) -> Made:
    """Runs again whenever its inputs changed; a function that fails fails the deployment."""
    answer = account.client("lambda").invoke(FunctionName=inputs["functionName"], Payload=inputs["input"])
    result = answer["Payload"].read().decode()
    if "FunctionError" in answer:
        raise RuntimeError(f"the function failed: {result}")
    return name, {"result": result}


def _unpacked(archive: Path, folder: Path) -> Path:
    target = folder / "code" / hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
    if not target.exists():
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(target)
    return target


def _token(code: Path) -> bytes:
    """What moto stores as the code: moto does not run it, and need not be sent megabytes."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as packed:
        packed.writestr(zipfile.ZipInfo("archive.txt"), code.name)
    return written.getvalue()


def _remember(folder: Path, name: str, code: Path) -> None:
    file = folder / "functions.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**known, name: str(code)}))
