"""The functions as they are deployed: their code, their surroundings and what they are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdas.config import (
    DatabaseRoleConfig,
    DeadLettersConfig,
    MailConfig,
    PortalConfig,
    RecognizeConfig,
    TrainConfig,
    WebhooksConfig,
)
from lambdas.environment import FromEnvironment
from tests.infra.recorder import Graph, record

ROOT = Path(__file__).resolve().parents[2]

CONFIGS: dict[str, type[FromEnvironment]] = {
    "recognize": RecognizeConfig,
    "dead-letters": DeadLettersConfig,
    "mail": MailConfig,
    "webhooks": WebhooksConfig,
    "train": TrainConfig,
    "database-role": DatabaseRoleConfig,
    "ingest": PortalConfig,
    "web": PortalConfig,
    "manage": PortalConfig,
}
IN_THE_NETWORK = {"ingest", "web", "manage"}
PORTAL_ARCHIVE = IN_THE_NETWORK


def names(graph: Graph) -> set[str]:
    return {each.name for each in graph.of_type("aws:lambda/function:Function")}


def test_these_are_the_functions(plain: Graph, full: Graph) -> None:
    assert names(full) == set(CONFIGS)
    assert names(plain) == set(CONFIGS) - {"mail"}


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_a_function_is_told_exactly_what_it_reads(full: Graph, name: str) -> None:
    told = set(full.environment(name))
    assert told <= CONFIGS[name].accepted()
    assert told >= CONFIGS[name].required()
    # With every option on, nothing that can be said is left unsaid.
    assert CONFIGS[name].accepted() - told == set()


def test_a_function_accepts_what_it_is_told(graph: Graph) -> None:
    for name in names(graph):
        CONFIGS[name].from_environment(graph.environment(name))


def test_the_settings_of_the_stack_reach_the_functions(full: Graph) -> None:
    recognize = RecognizeConfig.from_environment(full.environment("recognize"))
    assert recognize.monthly_budget_usd == 50
    assert recognize.monthly_budget_per_user_usd == 5
    assert recognize.recognition_prices.micro_usd["rekognition"] == 1200
    portal = PortalConfig.from_environment(full.environment("web"))
    assert portal.recognitions_per_second == 5
    assert portal.detectors == ("rekognition", "sagemaker")
    assert portal.email_url == "outbox://"
    assert portal.email_verification == "mandatory"
    assert portal.default_from_email == "ImageSift <photos@example.com>"
    assert portal.api_cors_origins == "https://app.example.com,https://lab.example.org:8443"


def test_without_a_sender_nobody_has_to_follow_a_link_in_a_mail(plain: Graph) -> None:
    portal = PortalConfig.from_environment(plain.environment("web"))
    assert (portal.email_url, portal.email_verification) == ("consolemail://", "none")


def test_a_detector_is_given_up_before_the_function_is(graph: Graph) -> None:
    recognize = graph.one("aws:lambda/function:Function", "recognize")
    config = RecognizeConfig.from_environment(graph.environment("recognize"))
    assert config.detector_timeout_seconds < recognize.inputs["timeout"]


def test_the_portal_knows_the_address_it_is_found_at(graph: Graph) -> None:
    for name in IN_THE_NETWORK:
        told = graph.environment(name)
        assert told["CSRF_TRUSTED_ORIGINS"] == graph.outputs["portal_url"] == f"https://{told['ALLOWED_HOSTS']}"


def test_functions_that_hold_django_run_in_the_network_and_no_others(graph: Graph) -> None:
    isolated = {each.state.get("id", f"{each.name}-id") for each in graph.of_type("Subnet")}
    for each in graph.of_type("aws:lambda/function:Function"):
        placed = each.inputs.get("vpcConfig")
        assert (placed is not None) == (each.name in IN_THE_NETWORK), each.name
        if placed is not None:
            assert set(placed["subnetIds"]) == isolated
            assert placed["securityGroupIds"] == ["functions-id"]


def test_functions_are_named_after_the_stack_and_their_folder(graph: Graph) -> None:
    for each in graph.of_type("aws:lambda/function:Function"):
        folder = each.name.replace("-", "_")
        assert each.inputs["handler"] == f"lambdas.{folder}.handler.handle"
        assert (ROOT / "lambdas" / folder / "handler.py").exists()
        assert each.inputs["name"].startswith("imagesift-")
        assert each.inputs["name"].endswith(f"-{each.name}")
        assert each.inputs["environment"]["variables"]["POWERTOOLS_SERVICE_NAME"] == folder
        archive = Path(each.inputs["code"].path).stem
        assert archive == ("portal" if each.name in PORTAL_ARCHIVE else "recognize")
        assert (each.inputs["runtime"], each.inputs["architectures"]) == ("python3.13", ["arm64"])


def test_a_page_is_answered_before_the_http_api_gives_up(graph: Graph) -> None:
    assert graph.one("aws:lambda/function:Function", "web").inputs["timeout"] < 30


def test_logs_go_to_a_group_that_is_emptied(tmp_path: Path) -> None:
    graph = record(tmp_path, logRetentionDays=7)
    groups = {each.inputs["name"]: each.inputs["retentionInDays"] for each in graph.of_type("LogGroup")}
    assert {f"/aws/lambda/{each.inputs['name']}" for each in graph.of_type("aws:lambda/function:Function")} < set(
        groups
    )
    assert set(groups.values()) == {7}


def test_tracing_and_reserved_pages_are_off_unless_asked_for(plain: Graph, full: Graph) -> None:
    assert _traced(plain) == {"PassThrough"}
    assert _traced(full) == {"Active"}
    assert "reservedConcurrentExecutions" not in plain.one("aws:lambda/function:Function", "web").inputs
    assert full.one("aws:lambda/function:Function", "web").inputs["reservedConcurrentExecutions"] == 20


def _traced(graph: Graph) -> set[str]:
    return {each.inputs["tracingConfig"]["mode"] for each in graph.of_type("aws:lambda/function:Function")}


def test_lambda_takes_putting_off_and_holding_for_no_loop_gone_wild(graph: Graph) -> None:
    allowed = {
        each.inputs["functionName"]: each.inputs["recursiveLoop"] for each in graph.of_type("FunctionRecursionConfig")
    }
    names = [
        graph.one("aws:lambda/function:Function", name).inputs["name"]
        for name in ("recognize", "ingest", "webhooks", "train")
    ]
    assert allowed == dict.fromkeys(names, "Allow")
