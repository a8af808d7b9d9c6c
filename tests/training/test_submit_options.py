"""What `python -m training submit` makes of its options before SageMaker's SDK is asked anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.__main__ import main

OWN = "Give it before the --."
PLACE = "SageMaker says where that is."


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody is asked for a container, nobody confirms: a job is shown at most."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def shown(data: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[str, str]:
    """What was said, and the sentence it ended with."""
    assert main(["submit", f"--data={data}", "--to=s3://bucket/models", "--role=role", "--image=image", *more]) == 1
    captured = capsys.readouterr()
    return captured.out, captured.err


NOT_CONFIRMED = "Nobody is there to confirm this: --yes does.\n"


def test_a_long_job_on_demand_waits_for_nothing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan, end = shown(data, capsys, "--on-demand", "--hours=8")
    assert "detector-v1 on ml.g5.xlarge (on demand)\n" in plan
    assert end == NOT_CONFIRMED


@pytest.mark.parametrize(
    ("option", "name", "advice"),
    [
        ("--start=tiny-shapes", "--start", OWN),
        ("--baseline-model=/x", "--baseline-model", OWN),
        ("--baseline_model=/x", "--baseline-model", OWN),
        ("--data=/x", "--data", OWN),
        ("--name=other", "--name", OWN),
        ("--model_version=7", "--model-version", OWN),
        ("--out=/x", "--out", PLACE),
        ("--failure_file=/x", "--failure-file", PLACE),
        ("--restart", "--restart", "It would forget the checkpoints"),
    ],
)
def test_what_would_be_dropped_or_harm_is_refused(
    data: Path, capsys: pytest.CaptureFixture[str], option: str, name: str, advice: str
) -> None:
    """In one piece with its value, and in two."""
    for given in ([option], option.split("=")):
        plan, end = shown(data, capsys, "--", "--steps=5", *given)
        assert plan == ""
        assert end.startswith(f"{name} cannot be given to a job after the --. {advice}")


@pytest.mark.parametrize("start", ["tiny-shapes", "rtdetr-v2-r18", "s3://bucket/old/torch"])
def test_what_the_sentence_advises_is_taken(data: Path, capsys: pytest.CaptureFixture[str], start: str) -> None:
    plan, end = shown(data, capsys, f"--start={start}", "--baseline-model=s3://bucket/old/model.tar.gz", "--", "--int8")
    assert start in plan
    assert "s3://bucket/old/model.tar.gz" in plan
    assert end == NOT_CONFIRMED


@pytest.mark.parametrize(
    ("name", "job"),
    [
        ("x" * 3 + "-" + "y" * 36, "y" * 36 + "-v1"),
        ("garden-birds-in-winter-and-summer-mixed-set", "birds-in-winter-and-summer-mixed-set-v1"),
        ("Eulen & Käuze!", "Eulen-K-uze-v1"),
        ("木", "v1"),
    ],
)
def test_a_jobs_name_is_one_that_sagemaker_takes(
    data: Path, capsys: pytest.CaptureFixture[str], name: str, job: str
) -> None:
    plan, _ = shown(data, capsys, f"--name={name}")
    assert plan.startswith(f"{job} on ml.g5.xlarge")
