"""Checkpoints that cannot be read, or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training import needs_torch  # noqa: F401
from training.errors import TrainingFailed

pytestmark = pytest.mark.torch


def test_later_ones_that_cannot_be_read_do_not_outlive_new_ones(tmp_path: Path) -> None:
    """As an update of PyTorch, or a copy that was cut off, may leave them."""
    from training.checkpoints import Checkpoints

    checkpoints = Checkpoints(tmp_path, {"pictures": []})
    for step in (550, 600):
        (tmp_path / f"step-{step:09d}.pt").write_bytes(b"garbage")
    assert checkpoints.newest() is None
    for step in (50, 100, 150):
        checkpoints.save(step, {"step": step})
        assert checkpoints.newest() == {"step": step}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000100.pt", "step-000000150.pt"]


def test_without_room_it_says_so_and_leaves_no_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from training.checkpoints import Checkpoints

    def full(*_: object) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 1535552 vs 1535448")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TrainingFailed, match="is the disk full"):
        Checkpoints(tmp_path, {"pictures": []}).save(50, {})
    assert list(tmp_path.iterdir()) == []
