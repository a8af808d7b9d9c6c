"""What a training writes about itself becomes what its page shows."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from portal.finetuning.progress_lines import MOST_POINTS, Follower, Progress, progress_of


def line(kind: str, **values: Any) -> str:
    return json.dumps({"kind": kind, **values})


def progress(*lines: str) -> Progress:
    return progress_of("\n".join(lines).encode())


def step(number: int, loss: float = 1.0, of: int = 100) -> str:
    return line("step", step=number, of=of, loss=loss, seconds_left=2.5)


def test_steps_and_validations_become_a_curve() -> None:
    values = progress(
        line("phase", phase="training"), step(1, 3.0), step(2, 2.0), line("validation", step=2, map50=0.5)
    ).values()
    assert values == {
        "phase": "training",
        "steps_done": 2,
        "steps_total": 100,
        "seconds_left": 2.5,
        "curve": {"loss": [(1, 3.0), (2, 2.0)], "map50": [(2, 0.5)]},
    }


def test_a_training_that_goes_on_from_a_checkpoint_replaces_what_it_repeats() -> None:
    lines = [step(1, 4.0), step(2, 3.0), step(3, 2.0), line("validation", step=3, map50=0.4)]
    again = [line("phase", phase="training"), step(2, 2.9), step(3, 2.1)]
    curve = progress(*lines, *again).values()["curve"]
    assert curve == {"loss": [(1, 4.0), (2, 2.9), (3, 2.1)], "map50": []}


def test_a_long_curve_is_thinned_and_keeps_its_last_point() -> None:
    curve = progress(*(step(number, of=5000) for number in range(1, 5001))).values()["curve"]["loss"]
    assert len(curve) <= MOST_POINTS
    assert curve[-1] == (5000, 1.0)
    gaps = {after[0] - before[0] for before, after in itertools.pairwise(curve)}
    assert len(gaps) == 1


def test_what_is_no_record_of_ours_is_passed_over() -> None:
    strange = ["", "not json", "[1, 2]", "3", line("step"), line("step", step="x"), line("else", step=4)]
    infinite = '{"kind": "step", "step": 7, "of": 9, "loss": NaN, "seconds_left": Infinity}'
    values = progress(*strange, infinite).values()
    assert (values["steps_done"], values["seconds_left"], values["curve"]["loss"]) == (7, None, [])


def test_the_end_is_told_until_another_process_goes_on() -> None:
    failed = progress(step(1), line("failed", message="The disk is full."))
    assert (failed.outcome, failed.message) == ("failed", "The disk is full.")
    failed.take(line("phase", phase="training"))
    assert (failed.outcome, failed.message) == ("", "")
    assert progress(line("done", verdict="passed", map50=0.8)).outcome == "done"
    assert progress(line("stopped")).outcome == "stopped"


def test_a_file_is_followed_line_by_line_as_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    follower = Follower(path)
    assert not follower.more(), "it is not there yet"
    half = step(2)
    path.write_text(step(1) + "\n" + half[:10])
    assert follower.more()
    assert follower.progress.steps_done == 1
    assert not follower.more(), "a line that is not whole is waited for"
    with path.open("a") as file:
        file.write(half[10:] + "\n")
    assert follower.more()
    assert follower.progress.steps_done == 2
    other = tmp_path / "other"
    other.write_text("".join(step(number, 5.0) + "\n" for number in range(1, 10)))
    other.replace(path)
    assert follower.more(), "it was replaced by a longer one"
    assert follower.progress.values()["curve"]["loss"] == [(number, 5.0) for number in range(1, 10)]
    path.write_text(step(1) + "\n")
    assert follower.more(), "it was begun anew"
    assert follower.progress.values()["curve"]["loss"] == [(1, 1.0)]
