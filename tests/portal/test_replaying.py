"""`replay_results`: the history from what lies in the storages, after the database was lost."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.accounts.models import User
from portal.images.erasing import owe
from portal.images.models import DetectedLabel, Image, Instance, Label, MonthlySpend, Recognition, Status
from portal.images.recording import record_result
from portal.images.replaying import replay
from portal.images.sidecars import write_sidecar
from recognition.result import DetectorRun, Failure, Result
from recognition.result import Label as FoundLabel
from recognition.result import Status as Outcome
from tests.conftest import MakeImage, make_result
from tests.portal.test_s3_storage import s3, s3_address

__all__ = ["s3", "s3_address"]

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)

# What only the database knew: how often an attempt was made, when, and in which order rows were numbered.
UNKNOWN = {"queued_at", "attempts", "current_id", "recorded_at", "id"}


@pytest.fixture(params=["files", "s3"])
def storage(request: pytest.FixtureRequest) -> str:
    """Both kinds of storage, one after the other."""
    if request.param == "s3":
        request.getfixturevalue("s3")
    return str(request.param)


def recorded(image: Image, result: Result) -> None:
    """Store a result as whoever recognised the image did, and record it."""
    moment = result.recognized_at.strftime("%Y%m%dT%H%M%S%fZ")
    storages["derived"].save(f"{image.derived_prefix}/results/{moment}.json", ContentFile(result.to_json().encode()))
    record_result(result)


@pytest.fixture
def history(storage: str, owner: User, stranger: User, stored_image: MakeImage) -> list[Image]:
    """Two people's images: recognised, recognised again by others, failed after that, failed from the beginning."""
    User.objects.update(date_joined=NOON - timedelta(days=30))
    images = [
        stored_image(person, f"{person} {number}".encode(), f"photo-{number}.jpg")
        for person in (owner, stranger)
        for number in range(4)
    ]
    for image in images:
        Image.objects.filter(pk=image.pk).update(created_at=NOON - timedelta(days=1))
        image.refresh_from_db()
        write_sidecar(image)
    failure = {"status": Outcome.FAILED, "image": None, "labels": (), "configuration": ""}
    gave_up = Failure("gave_up", "It did not work. You can try again.", permanent=False)
    for once, twice, then_failed, failed in (images[:4], images[4:]):
        for image in (once, twice, then_failed):
            recorded(image, make_result(image, recognized_at=NOON))
        cat = (FoundLabel("Cat", 88, "rekognition", parents=("Pet",)),)
        later = NOON + timedelta(hours=1)
        paid = (DetectorRun("rekognition", "3.0", 9, cost_micro_usd=1000),)
        again = {"labels": cat, "detectors": paid, "configuration": "d" * 16}
        recorded(twice, make_result(twice, recognized_at=later, **again))
        for image in (then_failed, failed):
            recorded(image, make_result(image, recognized_at=later, failure=gave_up, **failure))
    return images


def rows() -> dict[str, Any]:
    """Every row of the history, told apart by what it says."""
    images = {image["id"]: without(image) for image in Image.objects.values()}
    current = dict(Image.objects.values_list("id", "current__recognized_at"))
    recognitions = sorted(map(without, Recognition.objects.values()), key=str)
    labels = sorted(
        DetectedLabel.objects.values_list(
            "recognition__image_id", "recognition__recognized_at", "label__name", "detector", "confidence"
        ),
        key=str,
    )
    boxes = sorted(
        Instance.objects.values_list(
            "detected_label__recognition__image_id", "confidence", "left", "top", "width", "height"
        ),
        key=str,
    )
    spends = sorted(MonthlySpend.objects.values_list("owner", "month", "micro_usd", "recognitions"), key=str)
    names = set(Label.objects.values_list("name", flat=True))
    return {
        "images": images,
        "current": current,
        "recognitions": recognitions,
        "labels": labels,
        "boxes": boxes,
        "spends": spends,
        "names": names,
    }


def without(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in UNKNOWN}


def lose_the_images() -> None:
    """Drop every table of the images, and of what people said of them, and make empty ones."""
    models = [
        model for name in ("images", "moderation", "finetuning") for model in apps.get_app_config(name).get_models()
    ]
    with connection.schema_editor() as editor:
        for model in reversed(models):
            editor.delete_model(model)
    assert "images_image" not in connection.introspection.table_names()
    with connection.schema_editor() as editor:
        for model in models:
            editor.create_model(model)


def run(*args: str) -> str:
    output = io.StringIO()
    call_command("replay_results", *args, stdout=output, stderr=output)
    return output.getvalue()


def test_a_dropped_history_comes_back_completely(history: list[Image]) -> None:
    before = rows()
    assert len(before["images"]) == 8
    assert len(before["recognitions"]) == 12
    assert sum(spend[2] for spend in before["spends"]) == 4 * 1000
    lose_the_images()
    assert not Image.objects.exists()
    output = run()
    assert rows() == before
    assert "Images restored: 8, with 12 results" in output
    assert not DBTaskResult.objects.exists(), "nothing is recognised, or paid, again"


def test_doing_it_again_changes_nothing(history: list[Image]) -> None:
    before = rows()
    replayed = replay()
    assert (replayed.images, replayed.results, replayed.known) == (0, 0, 8)
    assert rows() == before


def test_what_was_lost_since_last_night_is_added_to_what_was_not(history: list[Image]) -> None:
    before = rows()
    Recognition.objects.filter(recognized_at__gt=NOON).delete()
    MonthlySpend.objects.all().delete()
    history[0].delete()
    replay()
    after = rows()
    assert after["recognitions"] == before["recognitions"]
    assert after["labels"] == before["labels"]
    assert set(after["images"]) == set(before["images"])
    assert after["images"][history[2].pk]["status"] == Status.FAILED


def test_a_dry_run_only_says_what_would_be_done(history: list[Image]) -> None:
    lose_the_images()
    User.objects.filter(username="stranger").delete()
    output = run("--dry-run", "--create-missing-owners")
    assert "Images would be restored: 8, with 12 results" in output
    assert "People would be made: 1" in output
    assert not Image.objects.exists()
    assert not User.objects.filter(username="stranger").exists()


def test_an_image_without_a_result_is_queued(storage: str, owner: User, stored_image: MakeImage) -> None:
    User.objects.update(date_joined=NOON)
    image = stored_image(owner, b"never recognised", "later.jpg")
    write_sidecar(image)
    lose_the_images()
    assert replay().queued == 1
    restored = Image.objects.get()
    assert (restored.pk, restored.filename, restored.status) == (image.pk, "later.jpg", Status.QUEUED)
    assert restored.byte_size == len(b"never recognised")
    assert DBTaskResult.objects.count() == 1


def test_a_place_whose_file_never_came_is_not_restored(storage: str, owner: User) -> None:
    write_sidecar(Image.objects.create(owner=owner, filename="a.jpg", byte_size=5))
    lose_the_images()
    assert replay().never_uploaded == 1
    assert not Image.objects.exists()


def test_images_older_than_sidecars_come_back_under_their_number(
    storage: str, owner: User, stored_image: MakeImage
) -> None:
    User.objects.update(date_joined=NOON - timedelta(days=1))
    image = stored_image(owner)
    recorded(image, make_result(image, recognized_at=NOON))
    lose_the_images()
    replay()
    restored = Image.objects.get()
    assert (restored.filename, restored.created_at, restored.status) == (str(image.pk), NOON, Status.RECOGNIZED)


def test_people_who_are_gone_are_stood_in_for_by_somebody_who_cannot_sign_in(history: list[Image]) -> None:
    owner = User.objects.get(username="owner")
    lose_the_images()
    User.objects.all().delete()
    assert "there is no such person any more" in run()
    assert not Image.objects.exists()
    assert "People made: 2" in run("--create-missing-owners")
    assert Image.objects.count() == 8
    stand_in = User.objects.get(pk=owner.pk)
    assert (stand_in.username, stand_in.is_active, stand_in.has_usable_password()) == ("owner", False, False)
    assert not Client().login(username="owner", password="")
    newcomer = User.objects.create_user("newcomer", "newcomer@example.com")
    assert newcomer.pk not in set(Image.objects.values_list("owner", flat=True)), "their number is a new one"


def test_nobody_gets_the_photos_of_somebody_who_had_their_number_before(history: list[Image]) -> None:
    owner = User.objects.get(username="owner")
    lose_the_images()
    User.objects.filter(pk=owner.pk).update(username="newcomer", date_joined=NOON + timedelta(days=1))
    output = run("--create-missing-owners")
    assert "“newcomer” has that number now" in output
    assert not Image.objects.filter(owner=owner.pk).exists()
    assert Image.objects.filter(owner__username="stranger").count() == 4


def test_somebody_who_has_another_name_by_now_keeps_their_photos(history: list[Image]) -> None:
    lose_the_images()
    User.objects.filter(username="owner").update(username="renamed")
    replay()
    assert Image.objects.filter(owner__username="renamed").count() == 4


def test_what_cannot_be_read_is_passed_over_and_said(history: list[Image]) -> None:
    broken = history[0]
    [name] = storages["derived"].listdir(f"{broken.derived_prefix}/results")[1]
    storages["derived"].save(f"{broken.derived_prefix}/results/{name}", ContentFile(b"{"))
    storages["derived"].save(f"{history[1].derived_prefix}/image.json", ContentFile(b"[]"))
    lose_the_images()
    output = run()
    assert "Problems: 2" in output
    assert f"{name} was passed over" in output
    assert Image.objects.count() == 8
    assert Image.objects.get(pk=broken.pk).status == Status.QUEUED, "it has no result that can be read"


def test_when_the_time_is_over_it_says_so_and_goes_on_the_next_time(
    history: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows()
    lose_the_images()
    monkeypatch.setattr("portal.images.replaying._AT_ONCE", 3)
    with pytest.raises(CommandError, match="Run it again"):
        run("--within", "0")
    assert Image.objects.count() < 8
    run()
    assert rows() == before


def test_on_aws_an_image_without_a_result_is_announced(
    s3: Any, settings: Any, owner: User, stored_image: MakeImage
) -> None:
    settings.RECOGNIZED_BY = "lambda"
    image = stored_image(owner)
    write_sidecar(image)
    bucket = storages["uploads"].bucket_name  # type: ignore[attr-defined]
    written = s3.head_object(Bucket=bucket, Key=image.upload_key)["LastModified"]
    lose_the_images()
    replay()
    assert Image.objects.get().status == Status.QUEUED
    assert s3.head_object(Bucket=bucket, Key=image.upload_key)["LastModified"] >= written
    assert s3.head_object(Bucket=bucket, Key=image.upload_key)["ContentType"] == "application/octet-stream"
    assert not DBTaskResult.objects.exists()


@pytest.mark.parametrize("folder", ["derived/{owner}/{image}", "derived/{owner}"])
def test_what_was_deleted_and_is_not_erased_yet_stays_deleted(history: list[Image], folder: str) -> None:
    image = history[0]
    spent = list(MonthlySpend.objects.order_by("pk").values_list("micro_usd"))
    path = folder.format(owner=image.owner_id, image=image.pk)
    Image.objects.filter(pk=image.pk).delete()
    owe([("derived", path)], after=timezone.now() + timedelta(hours=1))
    run()
    assert not Image.objects.filter(pk=image.pk).exists()
    assert list(MonthlySpend.objects.order_by("pk").values_list("micro_usd")) == spent
