"""Who may do what: each function's rights, and every policy document of the stack."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest

from tests.infra.recorder import ACCOUNT, REGION, Graph

with warnings.catch_warnings():
    # It asks setuptools for its own files, which setuptools advises against.
    warnings.simplefilter("ignore")
    import parliament

UPLOADS = f"arn:aws:s3:::imagesift-prod-uploads-{ACCOUNT}"
DERIVED = f"arn:aws:s3:::imagesift-prod-derived-{ACCOUNT}"


def sqs(name: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:imagesift-prod-{name}"


def sagemaker(resource: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{resource}"


CONSUME = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
LIST = {"s3:ListBucket"}
READ, WRITE, DELETE = "s3:GetObject", "s3:PutObject", "s3:DeleteObject"
PROXY_USER = f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:prx-1/imagesift"
SWEEPING = {
    f"{UPLOADS}/uploads/*": {READ, WRITE, DELETE},
    f"{DERIVED}/settings/budgets.json": {READ, WRITE},
    UPLOADS: LIST,
    DERIVED: LIST,
    PROXY_USER: {"rds-db:connect"},
}

# By function, and by resource: everything but its log, its traces and its network interfaces.
RIGHTS: dict[str, dict[str, set[str]]] = {
    "recognize": {
        f"{UPLOADS}/uploads/*": {READ},
        f"{DERIVED}/derived/*": {READ, WRITE},
        f"{DERIVED}/settings/budgets.json": {READ},
        UPLOADS: LIST,
        DERIVED: LIST,
        sqs("recognize"): {*CONSUME, "sqs:SendMessage"},
        sqs("ingest"): {"sqs:SendMessage"},
        f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/imagesift-prod-ledger": {
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
        },
        "*": {"rekognition:DetectLabels", "rekognition:DetectModerationLabels", "rekognition:DetectText"},
        f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/imagesift-prod-detector": {"sagemaker:InvokeEndpoint"},
    },
    "dead-letters": {
        f"{DERIVED}/derived/*": {READ, WRITE},
        DERIVED: LIST,
        sqs("recognize-dead"): CONSUME,
        sqs("ingest"): {"sqs:SendMessage"},
    },
    "mail": {
        f"{DERIVED}/outbox/mail/*": {READ, DELETE},
        DERIVED: LIST,
        sqs("mail"): CONSUME,
        f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/*": {"ses:SendRawEmail"},
    },
    "webhooks": {
        f"{DERIVED}/outbox/webhooks/*": {READ, DELETE},
        DERIVED: LIST,
        sqs("webhooks"): {*CONSUME, "sqs:ChangeMessageVisibility"},
        sqs("ingest"): {"sqs:SendMessage"},
    },
    "train": {
        f"{DERIVED}/outbox/training/*": {READ, DELETE},
        DERIVED: LIST,
        sqs("train"): CONSUME,
        sqs("ingest"): {"sqs:SendMessage"},
        sagemaker("training-job/imagesift-prod-train-*"): {
            "sagemaker:CreateTrainingJob",
            "sagemaker:StopTrainingJob",
            "sagemaker:AddTags",
        },
        f"arn:aws:iam::{ACCOUNT}:role/imagesift-prod-training": {"iam:PassRole"},
        sagemaker("model-package-group/imagesift-prod-detector"): {"sagemaker:CreateModelPackage"},
        sagemaker("model-package/imagesift-prod-detector/*"): {
            "sagemaker:CreateModelPackage",
            "sagemaker:UpdateModelPackage",
        },
    },
    "database-role": {
        f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:imagesift-prod-database": {"rds-data:ExecuteStatement"},
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:rds!cluster-1-AbCdEf": {"secretsmanager:GetSecretValue"},
    },
    "ingest": {
        f"{UPLOADS}/imports/*": {READ, DELETE},
        f"{UPLOADS}/uploads/*": {READ, WRITE},
        f"{DERIVED}/derived/*": {READ, WRITE},
        f"{DERIVED}/outbox/webhooks/*": {WRITE},
        f"{DERIVED}/models/*": {READ, WRITE},
        f"{DERIVED}/outbox/training/*": {WRITE},
        UPLOADS: LIST,
        DERIVED: LIST,
        sqs("ingest"): CONSUME,
        PROXY_USER: {"rds-db:connect"},
    },
    "web": {
        **SWEEPING,
        f"{DERIVED}/derived/*": {READ, WRITE, DELETE},
        f"{DERIVED}/exports/*": {READ, WRITE, DELETE, "s3:AbortMultipartUpload"},
        f"{DERIVED}/datasets/*": {READ, WRITE, DELETE},
        f"{DERIVED}/models/*": {READ, WRITE, DELETE},
        f"{DERIVED}/outbox/*": {WRITE},
        f"{DERIVED}/outbox/webhooks/*": {DELETE},
    },
    "manage": {
        **SWEEPING,
        f"{DERIVED}/derived/*": {READ, DELETE},
        f"{DERIVED}/exports/*": {WRITE, DELETE, "s3:AbortMultipartUpload"},
        f"{DERIVED}/outbox/exports/*": {WRITE, DELETE},
        f"{DERIVED}/datasets/*": {READ, WRITE, DELETE},
        f"{DERIVED}/models/*": {READ, WRITE, DELETE},
        f"{DERIVED}/outbox/training/*": {WRITE},
        f"{DERIVED}/outbox/webhooks/*": {WRITE, DELETE},
    },
}
OF_LAMBDA = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DeleteNetworkInterface",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
}


@pytest.mark.parametrize("function", sorted(RIGHTS))
def test_a_function_may_do_this_and_nothing_else(full: Graph, function: str) -> None:
    found: dict[str, set[str]] = {}
    for statement in full.statements(function):
        assert statement["Effect"] == "Allow"
        for resource in statement["Resource"]:
            own = set(statement["Action"]) - OF_LAMBDA
            if own:
                found.setdefault(resource, set()).update(own)
    assert found == RIGHTS[function]


@pytest.mark.parametrize("function", sorted(RIGHTS))
def test_no_right_is_given_twice(full: Graph, function: str) -> None:
    given = [
        (action, resource)
        for statement in full.statements(function)
        for action in statement["Action"]
        for resource in statement["Resource"]
    ]
    assert len(given) == len(set(given))


@pytest.mark.parametrize("function", sorted(RIGHTS))
def test_a_function_writes_its_own_log_and_no_other(full: Graph, function: str) -> None:
    (logs,) = [each for each in full.statements(function) if "logs:PutLogEvents" in each["Action"]]
    assert logs["Resource"] == [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/imagesift-prod-{function}:*"]


def test_only_functions_in_the_network_have_interfaces_there(full: Graph) -> None:
    for function in RIGHTS:
        actions = {action for each in full.statements(function) for action in each["Action"]}
        assert ("ec2:CreateNetworkInterface" in actions) == (function in ("ingest", "web", "manage"))


def test_mail_is_sent_from_one_address(full: Graph) -> None:
    (statement,) = [each for each in full.statements("mail") if "ses:SendRawEmail" in each["Action"]]
    assert statement["Condition"] == {"StringEquals": {"ses:FromAddress": "photos@example.com"}}


def test_without_a_proxy_the_database_itself_knows_the_functions(plain: Graph) -> None:
    for function in ("ingest", "web", "manage"):
        (connect,) = [each for each in plain.statements(function) if "rds-db:connect" in each["Action"]]
        assert connect["Resource"] == [f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:cluster-RESOURCE/imagesift"]


def test_nobody_may_ask_for_a_feature_that_is_off_or_an_endpoint_that_is_not_there(plain: Graph) -> None:
    actions = {action for each in plain.statements("recognize") for action in each["Action"]}
    assert "sagemaker:InvokeEndpoint" not in actions


def test_a_role_can_be_taken_on_by_its_service_alone(graph: Graph) -> None:
    services = {"sagemaker": "sagemaker.amazonaws.com", "proxy": "rds.amazonaws.com"}
    services["training"] = "sagemaker.amazonaws.com"
    for role in graph.of_type("aws:iam/role:Role"):
        (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        assert statement["Principal"] == {"Service": services.get(role.name, "lambda.amazonaws.com")}
        assert statement["Action"] == "sts:AssumeRole"


def test_parliament_finds_nothing_wrong_with_any_policy_document(graph: Graph) -> None:
    documents = list(graph.policies())
    assert len(documents) > 20
    assert {name: found for name, document in documents if (found := _findings(document))} == {}


def test_parliament_would_find_a_misspelt_action_and_a_resource_of_another_service() -> None:
    wrong = {"Effect": "Allow", "Action": ["s3:GetObjekt"], "Resource": ["*"]}
    astray = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:sqs:eu-central-1:123456789012:a"]}
    assert _findings({"Version": "2012-10-17", "Statement": [wrong]})
    assert _findings({"Version": "2012-10-17", "Statement": [astray]})


def _findings(document: dict[str, Any]) -> list[str]:
    # A trust policy has no resource, of which parliament has not heard: it is the role.
    role = {"Resource": f"arn:aws:iam::{ACCOUNT}:role/it-itself"}
    statements = [{**role, **each} if each["Action"] == "sts:AssumeRole" else each for each in document["Statement"]]
    policy = parliament.analyze_policy_string(
        json.dumps({**document, "Statement": statements}), ignore_private_auditors=True
    )
    return [f"{each.issue}: {each.detail}" for each in policy.findings if not _is_lambdas_own(each)]


def _is_lambdas_own(finding: Any) -> bool:
    """Lambda's documentation asks for `*/*` here; parliament would have `network-interface/*`, which AWS may refuse."""
    interfaces = ("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface")
    return finding.issue == "RESOURCE_MISMATCH" and all(each["action"] in interfaces for each in finding.detail)
