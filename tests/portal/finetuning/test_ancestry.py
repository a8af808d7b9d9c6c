"""A model is never measured on what it learnt from, be it as another version and in another dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from portal.finetuning.ancestry import known_to_start
from portal.finetuning.inputs import write_inputs
from portal.finetuning.models import DatasetImage, DatasetSnapshot, ModelVersion
from portal.finetuning.problems import CannotTrain
from portal.finetuning.splitting import Split
from tests.portal.finetuning.conftest import MakeAnnotated, make_snapshot
from tests.portal.finetuning.test_version_pages import page_of, text_of
from tests.portal.finetuning.test_version_pages import trainer as trainer
from tests.portal.finetuning.versions import drawn_dataset, ready_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def first(annotated: MakeAnnotated) -> ModelVersion:
    """Six pictures: two to learn from, two to choose by, two to measure with."""
    return ready_version(drawn_dataset(annotated))


def again(first: ModelVersion, **splits: Split) -> DatasetSnapshot:
    """The same pictures as another dataset, by what each was for: `train=Split.TEST` measures with what was learnt."""
    snapshot = make_snapshot(name="again")
    was = dict(first.dataset.images.values_list("sha256", "split"))
    rows = list(snapshot.images.all())
    for row in rows:
        row.split = splits.get(was[row.sha256], was[row.sha256])
    DatasetImage.objects.bulk_update(rows, ["split"])
    return snapshot


def hashes(first: ModelVersion, split: Split) -> set[str]:
    return set(first.dataset.images.filter(split=split).values_list("sha256", flat=True))


def version_of(dataset: DatasetSnapshot, start: Any) -> ModelVersion:
    return ModelVersion(name="shapes", version=9, dataset=dataset, start=str(start))


def test_of_one_dataset_nothing_is_left_out(first: ModelVersion) -> None:
    assert known_to_start(version_of(first.dataset, first.pk)) == set()
    assert known_to_start(version_of(first.dataset, "tiny-shapes")) == set()


def test_pictures_that_were_learnt_from_or_chosen_by_are_left_out_through_all_generations(first: ModelVersion) -> None:
    other = again(first, train=Split.TEST, validation=Split.TEST)
    learnt = hashes(first, Split.TRAIN) | hashes(first, Split.VALIDATION)
    assert known_to_start(version_of(other, first.pk)) == learnt
    middle = ready_version(make_snapshot(name="nothing"), 2, start=str(first.pk))
    DatasetImage.objects.filter(snapshot=middle.dataset).delete()
    assert known_to_start(version_of(other, middle.pk)) == learnt


def test_so_are_those_that_look_alike(first: ModelVersion) -> None:
    other = again(first)
    one, two = other.images.filter(split=Split.TEST)
    learnt = first.dataset.images.filter(split=Split.TRAIN)[0]
    DatasetImage.objects.filter(pk=one.pk).update(group_key=learnt.group_key)
    assert known_to_start(version_of(other, first.pk)) == {one.sha256}
    DatasetImage.objects.filter(pk=two.pk).update(group_key=learnt.group_key)
    assert known_to_start(version_of(other, first.pk)) == {one.sha256, two.sha256}


def test_the_list_is_without_them_and_the_page_says_so(first: ModelVersion, trainer: Client, tmp_path: Path) -> None:
    version = version_of(again(first, train=Split.TEST, test=Split.TRAIN), first.pk)
    with pytest.raises(CannotTrain, match="has learnt from all test pictures"):
        write_inputs(version, tmp_path / "data", lambda _images: None)
    moved = version.dataset.images.filter(split=Split.TRAIN)[0]
    DatasetImage.objects.filter(pk=moved.pk).update(split=Split.TEST)
    write_inputs(version, tmp_path / "data", lambda _images: None)
    listed = json.loads((tmp_path / "data/annotations/test.json").read_text())
    assert [image["file_name"] for image in listed["images"]] == [moved.file_name]
    version.save()
    assert "2 photos that what it starts from has learnt from" in text_of(trainer, page_of(version))
