"""Model versions in the administration: the list, asking for a training, and the page of one."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.finetuning import beginning
from portal.finetuning.models import DatasetSnapshot, ModelVersion, Place, Promotion, VersionState
from portal.moderation.groups import make_trainer
from tests.portal.finetuning.conftest import MakeAnnotated
from tests.portal.finetuning.reports import report, verdict
from tests.portal.finetuning.test_pages import staff
from tests.portal.finetuning.versions import approved_version, drawn_dataset, ready_version

pytestmark = pytest.mark.django_db

LIST = "/admin/finetuning/modelversion/"


@pytest.fixture(autouse=True)
def _pytorch_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "find_spec", lambda _name: object())


@pytest.fixture
def dataset(annotated: MakeAnnotated) -> DatasetSnapshot:
    return drawn_dataset(annotated)


@pytest.fixture
def trainer(client: Client, owner: User) -> Client:
    make_trainer(owner)
    client.force_login(User.objects.get(pk=owner.pk))
    return client


def page_of(version: ModelVersion) -> str:
    return f"{LIST}{version.pk}/change/"


def address(version: ModelVersion, name: str, *rest: str) -> str:
    return reverse(f"admin:finetuning_modelversion_{name}", args=[version.pk, *rest])


def text_of(client: Client, where: str) -> str:
    answer = client.get(where)
    assert answer.status_code == 200
    return answer.content.decode()


def form_for(dataset: DatasetSnapshot, **values: str) -> dict[str, str]:
    wanted = {"name": "shapes", "snapshot": str(dataset.pk), "start": "tiny-shapes", "steps": "150", "place": "here"}
    return {**wanted, **values}


def in_training(dataset: DatasetSnapshot, **values: Any) -> ModelVersion:
    told = {"phase": "training", "steps_done": 30, "steps_total": 120, "seconds_left": 61.5}
    told |= {"curve": {"loss": [[10, 2.5]], "map50": []}, "state": VersionState.TRAINING}
    return ModelVersion.objects.create(
        **{"name": "shapes", "version": 1, "dataset": dataset, "start": "tiny-shapes", **told, **values}
    )


def test_without_versions_the_list_says_what_to_do_first(trainer: Client, annotated: MakeAnnotated) -> None:
    assert "make a dataset of them" in text_of(trainer, LIST)
    drawn_dataset(annotated)
    text = text_of(trainer, LIST)
    assert "train a model" in text
    assert "make a dataset of them" not in text


def test_the_list_tells_state_verdict_score_and_what_runs(trainer: Client, dataset: DatasetSnapshot) -> None:
    runs = approved_version(dataset)
    Promotion.objects.create(version=runs, actor_name="owner")
    ready_version(dataset, 2, passed=False)
    in_training(dataset, version=3)
    text = text_of(trainer, LIST)
    for expected in ("Running", "Passed", "Refused", "83 %", "In training 25 %", "drawn v1", "shapes v1</a> looks at"):
        assert expected in text
    assert text.count("Running") == 1


def test_the_menu_leads_to_models_for_those_who_may_see_them(client: Client, owner: User, stranger: User) -> None:
    make_trainer(owner)
    client.force_login(User.objects.get(pk=owner.pk))
    assert LIST in text_of(client, "/admin/")
    staff(client, stranger, "view_datasetsnapshot")
    assert LIST not in text_of(client, "/admin/")


def test_a_training_is_asked_for_with_its_dataset_start_and_steps(trainer: Client, dataset: DatasetSnapshot) -> None:
    form = text_of(trainer, f"{LIST}add/")
    assert "drawn v1: 6 images of" in form
    assert "The tiny detector of drawn shapes, for trying out." in form
    answer = trainer.post(f"{LIST}add/", form_for(dataset, side="160"))
    version = ModelVersion.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, page_of(version))
    assert (version.dataset, version.start, version.author_name) == (dataset, "tiny-shapes", "owner")
    assert (version.place, version.options) == (Place.HERE, {"steps": 150, "side": 160})


def test_a_form_that_cannot_be_meant_is_explained(trainer: Client, dataset: DatasetSnapshot) -> None:
    wrong = {"name": "Shapes!", "steps": "3", "side": "100", "start": "elsewhere"}
    text = trainer.post(f"{LIST}add/", form_for(dataset, **wrong)).content.decode()
    for words in (
        "a letter first",
        "greater than or equal to 10",
        "multiple of step size 32",
        "not one of the available",
    ):
        assert words in text
    dataset.images.filter(split="test").delete()
    assert "no images for testing" in trainer.post(f"{LIST}add/", form_for(dataset)).content.decode()
    assert not ModelVersion.objects.exists()


def test_datasets_that_are_not_ready_cannot_be_chosen(trainer: Client, dataset: DatasetSnapshot) -> None:
    DatasetSnapshot.objects.update(state="building")
    assert "drawn v1" not in text_of(trainer, f"{LIST}add/")
    assert trainer.post(f"{LIST}add/", form_for(dataset)).status_code == 200
    assert not ModelVersion.objects.exists()


def test_without_pytorch_the_form_says_how_to_get_it(
    trainer: Client, dataset: DatasetSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginning, "find_spec", lambda _name: None)
    text = text_of(trainer, f"{LIST}add/")
    assert "make training" in text
    assert "This machine" not in text
    assert trainer.post(f"{LIST}add/", form_for(dataset)).status_code == 200
    assert not ModelVersion.objects.exists()


def test_one_in_training_shows_how_far_it_is_and_its_curve(trainer: Client, dataset: DatasetSnapshot) -> None:
    version = in_training(dataset)
    text = text_of(trainer, page_of(version))
    assert address(version, "progress") in text
    assert '<progress max="100" value="25"' in text
    assert "How good it is" not in text
    told = trainer.post(address(version, "progress")).json()
    assert (told["state"], told["phase"], told["percent"], told["steps_done"]) == ("training", "Learning", 25, 30)
    assert (told["seconds_left"], told["curve"]["loss"], told["is_stopping"]) == (61.5, [[10, 2.5]], False)
    assert trainer.get(address(version, "progress")).status_code == 405


def test_one_that_failed_says_why_and_can_go_on(trainer: Client, dataset: DatasetSnapshot) -> None:
    version = in_training(dataset, state=VersionState.FAILED, error="There is not enough memory.")
    text = text_of(trainer, page_of(version))
    assert "There is not enough memory." in text
    assert address(version, "decide", "again") in text
    assert address(version, "progress") not in text


def test_the_evaluation_reads_in_words_tables_and_curves(trainer: Client, dataset: DatasetSnapshot) -> None:
    judged = verdict("“heart” falls.", against="shapes v1")
    version = ready_version(dataset, report=report(), verdict=judged, steps_total=150)
    text = text_of(trainer, page_of(version))
    for expected in ("The gate refused it", "“heart” falls.", "+12 percentage points against shapes v1", "70 to 90 %"):
        assert expected in text
    assert text.count("<polyline") == 3
    assert "It said arrow" in text
    assert "A cross was taken for an arrow (87 %)." in text
    assert address(version, "picture", "worst-2.jpg") in text
    assert address(version, "file", "model.tar.gz") in text
    assert version.served_as in text
    assert "data-progress-url" not in text


def test_names_that_look_like_pages_stay_names(trainer: Client, dataset: DatasetSnapshot) -> None:
    evil = "<script>alert(1)</script>"
    written = report(worst=[evil])
    written["candidate"]["classes"] = {evil: written["candidate"]["classes"]["arrow"]}
    version = ready_version(dataset, report=written, verdict=verdict(evil))
    version.curve = {"loss": [[1, evil]]}
    version.save()
    assert evil not in text_of(trainer, page_of(version))


def test_what_runs_and_what_ran_is_told(trainer: Client, dataset: DatasetSnapshot) -> None:
    version = approved_version(dataset)
    assert "This version runs." not in text_of(trainer, page_of(version))
    Promotion.objects.create(version=version, actor_name="somebody else")
    text = text_of(trainer, page_of(version))
    assert "This version runs." in text
    assert "by somebody else" in text


def test_one_that_waits_or_was_stopped_is_not_said_to_be_in_training(trainer: Client, dataset: DatasetSnapshot) -> None:
    waiting = in_training(dataset, state=VersionState.QUEUED, options={"steps": 120, "side": 96})
    text = text_of(trainer, page_of(waiting))
    for expected in ("Waiting to start", "Waiting for its turn", "The tiny detector of drawn shapes", "96"):
        assert expected in text
    assert "In training" not in text
    assert "Learning" not in text
    stopped = in_training(dataset, version=2, state=VersionState.STOPPED)
    assert "was stopped</strong> at step 30 of 120" in text_of(trainer, page_of(stopped))


def test_nothing_of_a_version_can_be_changed_or_deleted(trainer: Client, dataset: DatasetSnapshot, owner: User) -> None:
    version = ready_version(dataset)
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    assert trainer.post(page_of(version), form_for(dataset, name="other")).status_code == 403
    assert trainer.post(f"{LIST}{version.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ModelVersion.objects.get().name == "shapes"
