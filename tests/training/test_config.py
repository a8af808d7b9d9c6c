"""The same arguments on a laptop and in a SageMaker job, whose variables are defaults and no more."""

from __future__ import annotations

import json
import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from training.config import METRIC_DEFINITIONS, Augment, GateConfig, TrainConfig, parse

HERE = ("--data", "data", "--out", "run")
SAGEMAKER = {
    "SM_CHANNEL_DATA": "/opt/ml/input/data/data",
    "SM_CHANNEL_START": "/opt/ml/input/data/start",
    "SM_CHANNEL_BASELINE": "/opt/ml/input/data/baseline",
    "SM_MODEL_DIR": "/opt/ml/model",
    "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
    "SM_NUM_GPUS": "4",
    "SM_HPS": json.dumps({"steps": 900, "learning_rate": 0.0002, "flip": False, "sagemaker_program": "x.py"}),
}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as end:
        parse(arguments, {})
    assert end.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_a_laptop_names_data_and_a_folder_for_the_result() -> None:
    config = parse(HERE, {})
    assert config == TrainConfig(Path("data"), Path("run"), cache=Path("~/.cache/imagesift/models").expanduser())


def test_sagemakers_variables_are_the_defaults_of_a_job() -> None:
    config = parse([], SAGEMAKER)
    assert config.data == Path("/opt/ml/input/data/data")
    assert config.out == Path("/opt/ml/checkpoints")
    assert config.start == "/opt/ml/input/data/start"
    assert config.baseline_model == Path("/opt/ml/input/data/baseline")
    assert config.model_dir == Path("/opt/ml/model")
    assert config.output_dir == Path("/opt/ml/output/data")
    assert config.gpus == 4
    assert (config.steps, config.learning_rate, config.augment.flip) == (900, 0.0002, False)


def test_arguments_come_before_sagemakers_variables() -> None:
    config = parse([*HERE, "--start", "tiny-shapes", "--steps", "5", "--gpus=1"], SAGEMAKER)
    assert (config.data, config.out, config.start) == (Path("data"), Path("run"), "tiny-shapes")
    assert (config.steps, config.gpus) == (5, 1)


def test_hyperparameters_may_have_underscores_and_switches_a_value_or_none() -> None:
    config = parse([*HERE, "--weight_decay", "0.01", "--crop", "false", "--transpose", "--least_images=3"], {})
    assert config.weight_decay == 0.01
    assert config.augment == Augment(crop=False, transpose=True)
    assert config.gate == GateConfig(least_images=3)


def test_values_keep_their_underscores() -> None:
    assert parse([*HERE, "--start", "my_model", "--name=a_b"], {}).start == "my_model"
    assert parse([*HERE, "--name=a_b"], {}).name == "a_b"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--data", "data"), "--out"),
        (("--out", "run"), "--data"),
        ((*HERE, "--stpes", "5"), "--stpes"),
        ((*HERE, "--step", "5"), "--step"),
        ((*HERE, "--steps", "0"), "--steps: must be at least 1"),
        ((*HERE, "--steps", "many"), "--steps: “many” is not a whole number"),
        ((*HERE, "--learning-rate", "0"), "--learning-rate: must be above 0"),
        ((*HERE, "--learning-rate", "nan"), "--learning-rate: “nan” is not a number"),
        ((*HERE, "--side", "100"), "--side: must be a multiple of 32"),
        ((*HERE, "--ema", "1.5"), "--ema: must be from 0 to 1"),
        ((*HERE, "--flip", "perhaps"), "--flip: “perhaps” is neither on nor off"),
        ((*HERE, "--precision", "fp8"), "--precision"),
        ((*HERE, "--name", " "), "--name: must not be empty"),
    ],
)
def test_wrong_arguments_are_refused_with_their_name(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert words in refused(capsys, *arguments)


def test_an_unknown_hyperparameter_is_refused_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(HERE, {"SM_HPS": '{"epochs": 5}'})
    assert "--epochs" in capsys.readouterr().err


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        parse(HERE, {}).steps = 5  # type: ignore[misc]


def test_the_help_names_every_setting_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"], {})
    words = " ".join(capsys.readouterr().out.split())
    assert "batches to learn from (default: 600)" in words
    assert "left to right (default: on)" in words


def test_each_metric_is_read_from_its_line_alone() -> None:
    lines = ["step=10 loss=1.2340", "step=50 validation_map=0.3100 validation_map50=0.5200"]
    read = {
        each["Name"]: [match[1] for line in lines if (match := re.search(each["Regex"], line))]
        for each in METRIC_DEFINITIONS
    }
    assert read == {"train:loss": ["1.2340"], "validation:map": ["0.3100"], "validation:map50": ["0.5200"]}
