"""`python -m training.drawn`: a folder that a training reads, and one sentence for what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.data import load
from training.drawn import main


def test_a_folder_that_a_training_reads(tmp_path: Path) -> None:
    counts = ("--train=3", "--validation=0", "--test=2")
    assert main([str(tmp_path / "new"), "--names", "heart", "star", "heart", *counts]) == 0
    dataset = load(tmp_path / "new")
    assert dataset.classes == ("heart", "star")
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [3, 0, 2]


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--train=-3", "argument --train: “-3” is not a whole number"),
        ("--test=many", "argument --test: “many” is not a whole number"),
        ("--validation=2000000", "argument --validation: must be at most 10000"),
        ("--seed=-1", "argument --seed: “-1” is not a whole number"),
        ("--names=pig", "argument --names: invalid choice: 'pig'"),
    ],
)
def test_nonsense_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, sentence: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "new"), option])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_somebodys_own_dataset_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "annotations" / "train.json"
    own.parent.mkdir()
    own.write_text(json.dumps({"years of": "work"}))
    assert main([str(tmp_path), "--train=1"]) == 1
    assert capsys.readouterr().err == f"{tmp_path} is not empty: give a folder that is, or a new one.\n"
    assert json.loads(own.read_text()) == {"years of": "work"}


def test_an_empty_folder_is_as_good_as_none(tmp_path: Path) -> None:
    assert main([str(tmp_path), "--train=1", "--validation=0", "--test=0"]) == 0
    assert len(load(tmp_path).train) == 1


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("file", "File exists|Not a directory"),
        ("file/new", "Not a directory"),
        ("n" * 300, "File name too long"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, why: str
) -> None:
    (tmp_path / "file").touch()
    assert main([str(tmp_path / place), "--train=1"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"{tmp_path / place} cannot be written: ")
    assert error.removesuffix(".\n").partition(" cannot be written: ")[2] in why.split("|")
