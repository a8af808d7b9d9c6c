"""The two buckets and the ledger."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.recorder import Graph

BUCKETS = ("uploads", "derived")


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_encrypted_closed_and_owned(graph: Graph, name: str) -> None:
    bucket = graph.one("Bucket", name).inputs["bucket"]
    companions = [each for each in graph.resources if each.name == name and each.inputs.get("bucket") == bucket]
    by_type = {each.type.rsplit(":", 1)[-1]: each.inputs for each in companions}
    block = by_type["BucketPublicAccessBlock"]
    assert [value for key, value in block.items() if key != "bucket"] == [True] * 4
    assert by_type["BucketOwnershipControls"]["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    (encryption,) = by_type["BucketServerSideEncryptionConfiguration"]["rules"]
    assert encryption["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "AES256"


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_refuses_everybody_without_tls(graph: Graph, name: str) -> None:
    arn = graph.one("Bucket", name).state["arn"]
    (statement,) = json.loads(graph.one("BucketPolicy", name).inputs["policy"])["Statement"]
    assert statement == {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:*"],
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_deleted_means_deleted(graph: Graph) -> None:
    assert not graph.of_type("BucketVersioning")
    assert not any("versioning" in each.inputs for each in graph.of_type("Bucket"))


def test_only_the_portals_own_pages_may_send_files_to_the_uploads(plain: Graph) -> None:
    rule = _cors_rule(plain)
    assert rule["allowedOrigins"] == [plain.outputs["portal_url"]]
    assert sorted(rule["allowedMethods"]) == ["GET", "HEAD", "POST"]


def test_pages_that_may_use_the_api_may_send_files_too(full: Graph) -> None:
    others = ["https://app.example.com", "https://lab.example.org:8443"]
    assert _cors_rule(full)["allowedOrigins"] == [full.outputs["portal_url"], *others]


def _cors_rule(graph: Graph) -> dict[str, Any]:
    (cors,) = graph.of_type("BucketCorsConfiguration")
    assert cors.inputs["bucket"] == graph.outputs["uploads_bucket"]
    rule: dict[str, Any]
    (rule,) = cors.inputs["corsRules"]
    return rule


def test_what_is_of_no_use_any_more_is_deleted(plain: Graph) -> None:
    assert _expiries(plain, "derived") == {"exports/": 7, "outbox/": 14}
    assert _expiries(plain, "uploads") == {}
    for name in BUCKETS:
        rules = plain.one("BucketLifecycleConfiguration", name).inputs["rules"]
        (abandoned,) = [rule for rule in rules if "abortIncompleteMultipartUpload" in rule]
        assert abandoned["status"] == "Enabled"


def test_originals_are_kept_for_ever_unless_the_configuration_says_how_long(full: Graph) -> None:
    assert _expiries(full, "uploads") == {"uploads/": 90}


def _expiries(graph: Graph, name: str) -> dict[str, int]:
    rules = graph.one("BucketLifecycleConfiguration", name).inputs["rules"]
    return {rule["filter"]["prefix"]: rule["expiration"]["days"] for rule in rules if "expiration" in rule}


def test_the_ledger_forgets_by_itself_and_costs_by_the_request(graph: Graph) -> None:
    (table,) = graph.of_type("Table")
    assert table.inputs["hashKey"] == "id"
    assert table.inputs["attributes"] == [{"name": "id", "type": "S"}]
    assert table.inputs["ttl"] == {"attributeName": "forget_at", "enabled": True}
    assert table.inputs["billingMode"] == "PAY_PER_REQUEST"
