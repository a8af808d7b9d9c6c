"""Deciding on model versions from their pages: who is offered what, and what happens; and who gets which files."""

from __future__ import annotations

import json

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import Client

from portal.accounts.models import User
from portal.finetuning import beginning, promoting
from portal.finetuning.models import Approval, DatasetSnapshot, ModelVersion, Place, Promotion, VersionState
from portal.images.models import Image
from portal.images.recording import record_result
from portal.moderation.models import AuditEntry, Verb
from recognition.result import DetectorRun
from tests.conftest import PIXEL, MakeImage, make_result
from tests.portal.finetuning.reports import report, verdict
from tests.portal.finetuning.test_pages import staff
from tests.portal.finetuning.test_version_pages import LIST, address, form_for, in_training, page_of, text_of
from tests.portal.finetuning.test_version_pages import dataset as dataset
from tests.portal.finetuning.test_version_pages import trainer as trainer
from tests.portal.finetuning.versions import approved_version, ready_version

pytestmark = pytest.mark.django_db

VIEW = "view_modelversion"
DEEDS = {"stop": "add", "again": "add", "approve": "approve", "reject": "approve"}
ON_AWS = {"place": Place.SAGEMAKER, "report": report(), "verdict": verdict()}
VERSIONS = ((1, ready_version), (2, approved_version))
DEEDS |= {"promote": "promote", "roll-back": "promote"}


@pytest.fixture(autouse=True)
def _pytorch_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "find_spec", lambda _name: object())


def offered(client: Client, version: ModelVersion) -> set[str]:
    text = text_of(client, page_of(version))
    return {deed for deed in DEEDS if address(version, "decide", deed) in text}


def decide(client: Client, version: ModelVersion, deed: str) -> str:
    """Press the button on the page that asks; returns what the page of the version says then."""
    answer = client.post(address(version, "decide", deed), follow=True)
    assert answer.redirect_chain == [(page_of(version), 302)]
    return answer.content.decode()


def test_what_fits_its_state_is_offered(trainer: Client, dataset: DatasetSnapshot) -> None:
    assert offered(trainer, in_training(dataset)) == {"stop"}
    assert offered(trainer, in_training(dataset, version=2, stop_requested=True)) == set()
    assert offered(trainer, in_training(dataset, version=3, state=VersionState.STOPPED)) == {"again"}
    assert offered(trainer, ready_version(dataset, 4)) == {"approve", "reject"}
    assert offered(trainer, ready_version(dataset, 5, passed=False)) == {"reject"}
    approved = approved_version(dataset, 6)
    assert offered(trainer, approved) == {"reject", "promote"}
    Promotion.objects.create(version=approved, actor_name="owner")
    assert "roll-back" in offered(trainer, approved)
    assert "promote" not in offered(trainer, approved)


def test_asking_changes_nothing_and_says_what_will_happen(trainer: Client, dataset: DatasetSnapshot) -> None:
    version = ready_version(dataset)
    assert "may be promoted then" in text_of(trainer, address(version, "decide", "approve"))
    version.refresh_from_db()
    assert version.approval == Approval.PENDING
    assert not AuditEntry.objects.filter(verb=Verb.MODEL).exists()
    assert trainer.get(address(version, "decide", "launch")).status_code == 404


def test_a_version_is_approved_promoted_and_rolled_back(trainer: Client, dataset: DatasetSnapshot) -> None:
    first, second = approved_version(dataset), ready_version(dataset, 2)
    Promotion.objects.create(version=first, actor_name="owner")
    assert "shapes v2 is approved: it may be promoted." in decide(trainer, second, "approve")
    assert "instead of shapes v1" in text_of(trainer, address(second, "decide", "promote"))
    assert "shapes v2 looks at every photo from the next one on." in decide(trainer, second, "promote")
    assert promoting.running() == second
    assert "shapes v1 runs again" in text_of(trainer, address(second, "decide", "roll-back"))
    assert "shapes v1 runs again." in decide(trainer, second, "roll-back")
    assert promoting.running() == first
    assert "does not run any more" in decide(trainer, second, "roll-back")
    assert promoting.running() == first
    did = [entry.after["did"] for entry in AuditEntry.objects.filter(verb=Verb.MODEL).order_by("at")]
    assert did == ["approved", "promoted", "rolled back"]


def test_rolling_back_the_first_leaves_none(trainer: Client, dataset: DatasetSnapshot) -> None:
    version = approved_version(dataset)
    Promotion.objects.create(version=version, actor_name="owner")
    assert "no model of your own runs then" in text_of(trainer, address(version, "decide", "roll-back"))
    assert "No model of your own runs any more." in decide(trainer, version, "roll-back")
    assert promoting.running() is None


def test_what_the_gate_refused_is_not_approved_from_a_page_either(trainer: Client, dataset: DatasetSnapshot) -> None:
    version = ready_version(dataset, passed=False)
    assert "did not pass the gate" in decide(trainer, version, "approve")
    version.refresh_from_db()
    assert version.approval == Approval.PENDING
    assert "is rejected: it will not run." in decide(trainer, version, "reject")


def test_a_training_is_stopped_and_goes_on(trainer: Client, dataset: DatasetSnapshot) -> None:
    version = in_training(dataset)
    assert "stops as soon as" in decide(trainer, version, "stop")
    assert ModelVersion.objects.get().stop_requested
    ModelVersion.objects.update(state=VersionState.STOPPED)
    assert "goes on from where it was" in decide(trainer, version, "again")
    assert ModelVersion.objects.get().state == VersionState.QUEUED


@pytest.mark.parametrize("missing", ["add", "approve", "promote"])
def test_without_a_permission_its_buttons_are_missing_and_pressing_them_is_refused(
    client: Client, owner: User, dataset: DatasetSnapshot, missing: str
) -> None:
    verbs = {"add", "approve", "promote"} - {missing}
    staff(client, owner, VIEW, *(f"{verb}_modelversion" for verb in verbs))
    versions = [
        in_training(dataset),
        in_training(dataset, version=2, state=VersionState.FAILED),
        ready_version(dataset, 3),
        approved_version(dataset, 4),
        approved_version(dataset, 5),
    ]
    Promotion.objects.create(version=versions[-1], actor_name="somebody")
    refused = {deed for deed, verb in DEEDS.items() if verb == missing}
    assert set().union(*(offered(client, version) for version in versions)) == set(DEEDS) - refused
    before = list(ModelVersion.objects.order_by("version").values()), Promotion.objects.count()
    for version in versions:
        for deed in refused:
            assert client.get(address(version, "decide", deed)).status_code == 403
            assert client.post(address(version, "decide", deed)).status_code == 403
    assert (list(ModelVersion.objects.order_by("version").values()), Promotion.objects.count()) == before
    may_add = client.get(f"{LIST}add/").status_code
    assert may_add == (403 if missing == "add" else 200)


def test_staff_who_may_not_see_models_see_and_do_nothing(
    client: Client, stranger: User, dataset: DatasetSnapshot
) -> None:
    version = ready_version(dataset, report=report())
    staff(client, stranger, "view_datasetsnapshot", "approve_modelversion")
    picture, file = address(version, "picture", "worst-1.jpg"), address(version, "file", "model.tar.gz")
    for where in (LIST, page_of(version), picture, file, address(version, "decide", "approve")):
        assert client.get(where).status_code == 403
    assert client.post(address(version, "progress")).status_code == 403
    assert client.post(address(version, "decide", "approve")).status_code == 403
    assert client.post(f"{LIST}add/", form_for(dataset)).status_code == 403
    assert ModelVersion.objects.get().approval == Approval.PENDING


def test_people_who_are_no_staff_are_sent_to_sign_in(client: Client, stranger: User, dataset: DatasetSnapshot) -> None:
    version = ready_version(dataset)
    client.force_login(stranger)
    for where in (LIST, page_of(version), address(version, "file", "model.tar.gz")):
        assert client.get(where).status_code in (302, 403)


def test_a_decision_needs_the_pages_own_token(trainer: Client, dataset: DatasetSnapshot, owner: User) -> None:
    version = ready_version(dataset)
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(User.objects.get(pk=owner.pk))
    assert careful.post(address(version, "decide", "approve")).status_code == 403
    assert careful.post(address(version, "progress")).status_code == 403


def test_pictures_of_mistakes_are_shown_and_no_other_file(trainer: Client, dataset: DatasetSnapshot) -> None:
    version = ready_version(dataset, report=report(worst=["A cross was missed."]))
    for name in ("worst-1.jpg", "worst-2.jpg", "index.html"):
        storages["derived"].save(f"{version.folder}/report/{name}", ContentFile(b"picture"))
    answer = trainer.get(address(version, "picture", "worst-1.jpg"))
    assert b"".join(answer.streaming_content) == b"picture"
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "private" in answer.headers["Cache-Control"]
    for name in ("worst-2.jpg", "index.html", "..", "report.json"):
        assert trainer.get(address(version, "picture", name)).status_code == 404


def test_a_look_at_somebody_elses_photo_among_the_mistakes_is_recorded(
    trainer: Client, dataset: DatasetSnapshot, owner: User, stranger: User
) -> None:
    row = dataset.images.select_related("image")[0]
    Image.objects.filter(pk=row.image_id).update(owner=stranger)
    shown = report(worst=["A cross was missed."])
    shown["worst"][0]["file_name"] = row.file_name
    version = ready_version(dataset, report=shown)
    storages["derived"].save(f"{version.folder}/report/worst-1.jpg", ContentFile(b"picture"))
    for _ in range(2):
        assert trainer.get(address(version, "picture", "worst-1.jpg")).status_code == 200
    (look,) = AuditEntry.objects.filter(verb=Verb.LOOKED)
    assert (look.image_id, look.actor) == (row.image_id, owner)


def test_the_report_and_the_model_are_taken_away_and_no_other_file(trainer: Client, dataset: DatasetSnapshot) -> None:
    version = ready_version(dataset)
    for name in ("model.tar.gz", "secrets"):
        storages["derived"].save(f"{version.folder}/{name}", ContentFile(b"packed"))
    answer = trainer.get(address(version, "file", "model.tar.gz"))
    assert b"".join(answer.streaming_content) == b"packed"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="shapes-v1-model.tar.gz"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for name in ("report.json", "verdict.json"):
        document = trainer.get(address(version, "file", name))
        assert json.loads(document.content) == {"report.json": version.report, "verdict.json": version.verdict}[name]
        assert document.headers["Content-Disposition"] == f'attachment; filename="shapes-v1-{name}"'
    for name in ("secrets", "imagesift.json"):
        assert trainer.get(address(version, "file", name)).status_code == 404
    assert trainer.get(address(in_training(dataset, version=2), "file", "model.tar.gz")).status_code == 404


def test_on_aws_the_page_shows_how_to_roll_out_and_what_results_say_runs(
    trainer: Client, dataset: DatasetSnapshot, owner: User, stored_image: MakeImage
) -> None:
    arn = "arn:aws:sagemaker:eu-central-1:123456789012:model-package/shapes/2"
    pending, approved = (make(dataset, number, **ON_AWS, package_arn=arn) for number, make in VERSIONS)
    assert arn in text_of(trainer, page_of(pending))
    assert "pulumi" not in text_of(trainer, page_of(pending))
    text = text_of(trainer, page_of(approved))
    assert f"pulumi config set imagesift:modelPackageArn {arn}\npulumi up\n" in text
    assert "No result names a model of your own yet." in text
    Promotion.objects.create(version=approved, actor_name="owner")
    assert "This version is to run." in text_of(trainer, page_of(approved))
    runs = (DetectorRun("sagemaker", approved.served_as, 80),)
    record_result(make_result(stored_image(owner, PIXEL), detectors=runs))
    assert "This version runs." in text_of(trainer, page_of(approved))
    assert "This version runs." not in text_of(trainer, page_of(pending))
