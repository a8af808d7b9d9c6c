"""When the database is brought to where the code needs it."""

from __future__ import annotations

from pathlib import Path

from tests.infra.recorder import Graph, record


def test_migrations_run_again_when_the_code_has_changed_and_only_then(plain: Graph, tmp_path: Path) -> None:
    same = record(tmp_path)
    changed = record(tmp_path, portal_archive=b"a migration more")
    assert _triggers(plain, "migrate") == _triggers(same, "migrate") != _triggers(changed, "migrate")
    assert _triggers(plain, "database-role") == _triggers(changed, "database-role")


def _triggers(graph: Graph, name: str) -> object:
    return graph.one("Invocation", name).inputs["triggers"]
