"""What a request to AWS asks for: the IAM actions and resources that it needs, read from the HTTP request itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

REGION = "eu-west-1"
ACCOUNT = "123456789012"


@dataclass(frozen=True)
class Seen:
    """One HTTP request. `query` and `headers` have lower-case header names; `path` is decoded."""

    service: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.body or b"{}")
        return read


@dataclass(frozen=True)
class Need:
    """One right that a request needs; `context` has the condition keys, in lower case, that it is decided with."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


class UnknownRequest(Exception):
    """No rule says what this request needs, so nobody but the administrator may send it."""


def needs(request: Seen) -> list[Need]:
    """Everything that the caller's policy must allow. Raises UnknownRequest."""
    try:
        return _RULES[request.service](request)
    except KeyError as error:
        raise UnknownRequest(f"{request.service} {request.method} {request.path}: {error!r}") from error


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def _s3(request: Seen) -> list[Need]:
    bucket, _, key = request.path.lstrip("/").partition("/")
    if not key:
        return _s3_bucket(request, f"arn:aws:s3:::{bucket}")
    here = f"arn:aws:s3:::{bucket}/{key}"
    if "tagging" in request.query or "acl" in request.query or "versionId" in request.query:
        raise KeyError("subresource of an object")
    if request.method == "DELETE":
        return [Need("s3:AbortMultipartUpload" if "uploadId" in request.query else "s3:DeleteObject", here)]
    if request.method in ("GET", "HEAD"):
        return [Need("s3:GetObject", here)]
    wanted = [Need("s3:PutObject", here)]
    if source := request.headers.get("x-amz-copy-source"):
        wanted.append(Need("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/')}"))
    if "x-amz-tagging" in request.headers:
        wanted.append(Need("s3:PutObjectTagging", here))
    return wanted


def _s3_bucket(request: Seen, here: str) -> list[Need]:
    if request.method == "POST" and "delete" in request.query:
        return [Need("s3:DeleteObject", f"{here}/{key}") for key in keys_to_delete(request.body)]
    if request.method == "HEAD":
        return [Need("s3:ListBucket", here)]
    if request.method == "GET" and set(request.query) <= _LISTING:
        context = {f"s3:{name}": request.query[name] for name in ("prefix", "delimiter") if name in request.query}
        return [Need("s3:ListBucket", here, context)]
    raise KeyError(f"subresource of a bucket {dict(request.query)}")


_LISTING = {
    "list-type", "prefix", "delimiter", "max-keys", "encoding-type", "continuation-token", "start-after", "marker",
    "fetch-owner", "x-id",
}  # fmt: skip


def keys_to_delete(body: bytes) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(body).iter() if node.tag.endswith("}Key")]  # noqa: S314


_ONE_AT_A_TIME = re.compile(r"(SendMessage|DeleteMessage|ChangeMessageVisibility)Batch")


def _target(request: Seen) -> str:
    return request.headers["x-amz-target"].rpartition(".")[2]


def _sqs(request: Seen) -> list[Need]:
    queue = request.document["QueueUrl"].rpartition("/")[2]
    return [Need("sqs:" + _ONE_AT_A_TIME.sub(r"\1", _target(request)), arn("sqs", queue))]


def _dynamodb(request: Seen) -> list[Need]:
    return [Need(f"dynamodb:{_target(request)}", arn("dynamodb", f"table/{request.document['TableName']}"))]


def _logs(request: Seen) -> list[Need]:
    document = request.document
    stream = f"log-group:{document['logGroupName']}:log-stream:{document.get('logStreamName', '')}"
    return [Need(f"logs:{_target(request)}", arn("logs", stream))]


def _ec2(request: Seen) -> list[Need]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html"""
    asked = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    action = f"ec2:{asked['Action']}"
    if asked["Action"].startswith("Describe"):
        return [Need(action, "*")]
    if asked["Action"] == "DeleteNetworkInterface":
        return [Need(action, arn("ec2", f"network-interface/{asked['NetworkInterfaceId']}"))]
    if asked["Action"] == "CreateNetworkInterface":
        groups = [value for name, value in asked.items() if name.startswith("SecurityGroupId.")]
        named = [f"subnet/{asked['SubnetId']}", *(f"security-group/{group}" for group in groups)]
        return [Need(action, arn("ec2", resource)) for resource in ("network-interface/*", *named)]
    raise KeyError(action)


def _ses(request: Seen) -> list[Need]:
    if request.path != "/v2/email/outbound-emails":
        raise KeyError(request.path)
    document = request.document
    action = "ses:SendRawEmail" if "Raw" in document["Content"] else "ses:SendEmail"
    sender = re.sub(r".*<(.*)>", r"\1", document.get("FromEmailAddress", ""))
    return [Need(action, arn("ses", f"identity/{sender}"), {"ses:fromaddress": sender})]


def _secrets(request: Seen) -> list[Need]:
    return [Need(f"secretsmanager:{_target(request)}", request.document["SecretId"])]


def _rds_data(request: Seen) -> list[Need]:
    if request.path != "/Execute":
        raise KeyError(request.path)
    document = request.document
    return [
        Need("rds-data:ExecuteStatement", document["resourceArn"]),
        Need("secretsmanager:GetSecretValue", document["secretArn"]),
    ]


def _rekognition(request: Seen) -> list[Need]:
    return [Need(f"rekognition:{_target(request)}", "*")]


def _sagemaker(request: Seen) -> list[Need]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html"""
    if "x-amz-target" in request.headers:
        return _SAGEMAKER[_target(request)](request.document)
    _, _, endpoint, called = request.path.split("/")
    if called != "invocations":
        raise KeyError(request.path)
    return [Need("sagemaker:InvokeEndpoint", arn("sagemaker", f"endpoint/{endpoint}"))]


def _training_job(asked: Mapping[str, Any]) -> list[Need]:
    job = arn("sagemaker", f"training-job/{asked['TrainingJobName']}")
    tagging = [Need("sagemaker:AddTags", job)] if asked.get("Tags") else []
    passing = Need("iam:PassRole", asked["RoleArn"], {"iam:passedtoservice": "sagemaker.amazonaws.com"})
    return [Need("sagemaker:CreateTrainingJob", job), *tagging, passing]


def _model_package(asked: Mapping[str, Any]) -> list[Need]:
    group = asked["ModelPackageGroupName"]
    places = (f"model-package-group/{group}", f"model-package/{group}/1")
    return [Need("sagemaker:CreateModelPackage", arn("sagemaker", place)) for place in places]


_SAGEMAKER: Mapping[str, Callable[[Mapping[str, Any]], list[Need]]] = {
    "CreateTrainingJob": _training_job,
    "StopTrainingJob": lambda asked: [
        Need("sagemaker:StopTrainingJob", arn("sagemaker", f"training-job/{asked['TrainingJobName']}"))
    ],
    "CreateModelPackage": _model_package,
    "UpdateModelPackage": lambda asked: [Need("sagemaker:UpdateModelPackage", asked["ModelPackageArn"])],
}


def _lambda(request: Seen) -> list[Need]:
    _, _, _, function, called = request.path.split("/")
    if called != "invocations":
        raise KeyError(request.path)
    name = function.rpartition("function:")[2]
    return [Need("lambda:InvokeFunction", arn("lambda", f"function:{name}"))]


_RULES: Mapping[str, Callable[[Seen], list[Need]]] = {
    "s3": _s3,
    "sqs": _sqs,
    "dynamodb": _dynamodb,
    "logs": _logs,
    "ec2": _ec2,
    "ses": _ses,
    "secretsmanager": _secrets,
    "rds-data": _rds_data,
    "rekognition": _rekognition,
    "sagemaker": _sagemaker,
    "lambda": _lambda,
}
