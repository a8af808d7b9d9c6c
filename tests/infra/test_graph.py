"""What holds for everything that the program creates."""

from __future__ import annotations

from collections import Counter

import pytest

from infra.policies.tagging import takes_tags
from tests.infra.recorder import ACCOUNT, Graph


def test_whatever_takes_tags_says_whose_it_is(graph: Graph) -> None:
    taggable = [each for each in graph.resources if takes_tags(each.type)]
    assert len(taggable) > 60
    stack = graph.outputs["manage_function"].split("-")[1]
    for each in taggable:
        tags = each.inputs.get("tags", {})
        assert (tags.get("application"), tags.get("stack")) == ("imagesift", stack), f"{each.type} {each.name}: {tags}"


def test_tags_of_the_configuration_are_on_everything(full: Graph) -> None:
    for each in full.resources:
        if takes_tags(each.type):
            assert each.inputs["tags"]["cost-centre"] == "photos", f"{each.type} {each.name}"


def test_no_two_resources_share_type_and_name(graph: Graph) -> None:
    counted = Counter((each.type, each.name) for each in graph.resources)
    assert [each for each, times in counted.items() if times > 1] == []


def test_no_secret_is_in_the_outputs(graph: Graph) -> None:
    assert set(graph.outputs) == {"portal_url", "uploads_bucket", "derived_bucket", "manage_function", "next_step"}


def test_the_outputs_say_where_things_are(plain: Graph) -> None:
    assert plain.outputs["portal_url"] == "https://address-id.execute-api.eu-central-1.amazonaws.com"
    assert plain.outputs["uploads_bucket"] == f"imagesift-dev-uploads-{ACCOUNT}"
    assert plain.outputs["manage_function"] in plain.outputs["next_step"]
    assert "createsuperuser" in plain.outputs["next_step"]


@pytest.mark.parametrize("kind", ["Bucket", "Cluster", "Table"])
def test_what_people_would_miss_is_protected_outside_dev(plain: Graph, full: Graph, kind: str) -> None:
    assert all(each.protected for each in full.of_type(kind))
    assert not any(each.protected for each in plain.of_type(kind))


def test_the_secret_key_is_long_and_made_for_this_stack(graph: Graph) -> None:
    password = graph.one("RandomPassword", "secret-key")
    assert password.inputs["length"] >= 50
    assert graph.environment("web")["SECRET_KEY"] == password.state["result"]
