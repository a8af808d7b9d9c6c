"""The program as Pulumi starts it: the folder infra/, with the configuration that Pulumi hands over."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pulumi
import pytest
import yaml

from infra import bundle
from infra.archives.errors import BundleError
from infra.values import ConfigError
from tests.infra.recorder import Graph, run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The archives that were asked for; they are stand-ins."""
    asked: list[str] = []

    def build(target: str) -> Path:
        asked.append(target)
        archive = tmp_path / f"{target}.zip"
        archive.write_bytes(target.encode())
        return archive

    monkeypatch.setattr(bundle, "build", build)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return asked


def pulumi_up(graph: Graph, **config: str) -> None:
    """Runs what Pulumi.yaml names as `main`."""
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())

    def program() -> None:
        pulumi.runtime.set_all_config({f"imagesift:{key}": value for key, value in config.items()})
        runpy.run_path(str(ROOT / project["main"]), run_name="__main__")

    run(program, graph)


def test_the_program_makes_the_stack_with_the_archives_it_has_built(built: list[str], plain: Graph) -> None:
    graph = Graph()
    pulumi_up(graph)
    assert built == ["recognize", "portal"]
    assert {each.urn for each in graph.resources} == {each.urn for each in plain.resources}
    assert graph.outputs == plain.outputs


def test_a_wrong_value_stops_the_program_before_anything_is_built_or_created(built: list[str]) -> None:
    graph = Graph()
    with pytest.raises(ConfigError, match=r"^imagesift:monthlyBudgetUsd must be"):
        pulumi_up(graph, monthlyBudgetUsd="lots")
    assert built == []
    assert graph.resources == []


def test_an_archive_that_cannot_be_built_stops_the_program_with_a_sentence(
    built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> Path:
        raise BundleError("uv is not installed")

    monkeypatch.setattr(bundle, "build", fail)
    with pytest.raises(pulumi.RunError, match=r"^uv is not installed$"):
        pulumi_up(Graph())
