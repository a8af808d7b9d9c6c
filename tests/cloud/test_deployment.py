"""The deployed stack from its administrator's side: deploying again, commands, imports, budgets, schedule, data."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime

from tests.cloud.aws import ROOT
from tests.cloud.fake_rekognition import thing_in
from tests.cloud.gateway import ADMINISTRATOR
from tests.cloud.people import Person, administrator, letters_to
from tests.cloud.pictures import picture
from tests.cloud.scenarios import status, two_days_ago
from tests.cloud.stack import Cloud

PRICE_MICRO_USD = 1000


def count_of_migrations(cloud: Cloud) -> int:
    return sum("ran migrate" in line for line in cloud.functions.log[cloud.name("manage")])


def test_deploying_again_changes_nothing_and_migrates_only_with_new_code(cloud: Cloud) -> None:
    image = _own(cloud, "dee").upload(picture(5001))
    cloud.settle()
    state = json.loads((cloud.folder / "state.json").read_text())
    outputs, migrations = cloud.outputs, count_of_migrations(cloud)
    cloud.up()
    assert json.loads((cloud.folder / "state.json").read_text()) == state
    assert (cloud.outputs, count_of_migrations(cloud)) == (outputs, migrations)

    # As if the archives had changed since.
    for entry in state.values():
        if entry["type"] == "aws:lambda/invocation:Invocation":
            entry["inputs"]["triggers"]["archive"] = "of yesterday"
    (cloud.folder / "state.json").write_text(json.dumps(state))
    cloud.up()
    assert count_of_migrations(cloud) == migrations + 1
    assert status(cloud, image) == "recognized"


def test_commands_are_run_from_a_laptop(cloud: Cloud) -> None:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": cloud.aws.endpoint,
        "AWS_ACCESS_KEY_ID": ADMINISTRATOR,
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": cloud.aws.region,
        "IMAGESIFT_DATA": str(cloud.folder / "laptop"),
    }

    def remote(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", "remote", "--function", cloud.outputs["manage_function"], *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)

    done = remote("migrate")
    assert done.returncode == 0, done.stderr
    assert "No migrations to apply." in done.stdout
    refused = remote("flush")
    assert refused.returncode != 0
    assert "flush" in refused.stderr


def test_a_copied_folder_becomes_images_of_the_person_it_names(cloud: Cloud) -> None:
    ada = _own(cloud, "imp")
    s3, bucket = cloud.aws.client("s3"), cloud.outputs["uploads_bucket"]
    s3.put_object(Bucket=bucket, Key="imports/imp/Ferien 2026/Hügel + See.jpg", Body=picture(5101))
    s3.put_object(Bucket=bucket, Key="imports/nobody/lost.jpg", Body=picture(5102))
    cloud.settle()
    page = ada.open("/history/").text
    assert "Hügel + See.jpg" in page
    assert thing_in(5101) in page
    assert cloud.keys("uploads_bucket", "imports/") == ["imports/nobody/lost.jpg"]
    s3.delete_object(Bucket=bucket, Key="imports/nobody/lost.jpg")


def test_letters_go_out_through_ses_in_the_stack_s_name(cloud: Cloud) -> None:
    _own(cloud, "mia")
    (sent,) = [letter for letter in cloud.aws.control("letters") if "mia@example.org" in letter["to"]]
    assert "From: ImageSift <photos@example.org>" in sent["text"]
    (text,) = letters_to(cloud, "mia@example.org")
    assert f"{cloud.outputs['portal_url']}/accounts/confirm-email/" in text
    assert cloud.keys("derived_bucket", "outbox/mail/") == []


def test_a_budget_holds_exactly_and_nothing_is_lost_until_it_is_raised(cloud: Cloud) -> None:
    root, bob = administrator(cloud, "root"), _own(cloud, "bob")
    spent = _spent_micro_usd(cloud)
    budget = math.ceil(spent / 10_000) + 1
    affordable = (budget * 10_000 - spent) // PRICE_MICRO_USD
    root.set_budget(f"{budget / 100:.2f}")
    # An instance may know the old budget for ten seconds.
    cloud.functions.recycle(cloud.name("recognize"))
    images = [bob.upload(picture(5200 + number)) for number in range(affordable + 3)]
    cloud.settle()
    states = [status(cloud, image) for image in images]
    assert sorted(states) == ["queued"] * 3 + ["recognized"] * affordable
    assert cloud.rekognition.paid.total() == affordable
    held = bob.open(f"/images/{images[states.index('queued')]}/").text
    assert "budget for this month is used up" in held

    root.set_budget(f"{budget / 100 + 100:.2f}")
    cloud.settle()
    assert {status(cloud, image) for image in images} == {"recognized"}
    assert cloud.rekognition.paid == {("DetectLabels", 5200 + number): 1 for number in range(affordable + 3)}
    assert _spent_micro_usd(cloud) == spent + len(images) * PRICE_MICRO_USD


def _spent_micro_usd(cloud: Cloud) -> int:
    key = {"id": {"S": f"spend#{datetime.now(UTC):%Y-%m}#stack"}}
    found = cloud.aws.client("dynamodb").get_item(TableName=cloud.name("ledger"), Key=key)
    return int(found["Item"]["micro_usd"]["N"]) if "Item" in found else 0


def test_the_schedule_sets_a_sweep_going(cloud: Cloud) -> None:
    image = _own(cloud, "eva").upload(picture(5301))
    cloud.settle()
    two_days_ago(cloud, image, ", status = 'queued'")
    events = cloud.aws.client("events")
    (rule,) = [rule for rule in events.list_rules()["Rules"] if rule["Name"] == cloud.name("sweep")]
    (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    function = target["Arn"].rpartition(":")[2]
    cloud.functions.admits(function, "events.amazonaws.com", rule["Arn"])
    assert rule["ScheduleExpression"] == "rate(6 hours)"
    assert not cloud.functions.invoke(function, json.loads(target["Input"])).failed
    cloud.settle()
    assert status(cloud, image) == "recognized"
    assert cloud.rekognition.paid["DetectLabels", 5301] == 1


def test_people_take_their_data_along(cloud: Cloud) -> None:
    kay = _own(cloud, "kay")
    kay.upload(picture(5401), "garden.jpg")
    cloud.settle()
    with zipfile.ZipFile(io.BytesIO(kay.take_data_along())) as archive:
        names = archive.namelist()
        originals = [archive.read(name) for name in names if name.endswith(".jpg")]
    assert picture(5401) in originals
    assert any(name.endswith(".json") for name in names)


def test_what_a_person_deletes_is_gone_from_both_buckets(cloud: Cloud) -> None:
    joe = _own(cloud, "joe")
    image = joe.upload(picture(5501))
    cloud.settle()
    stored = [key for bucket in ("uploads_bucket", "derived_bucket") for key in cloud.keys(bucket) if image in key]
    assert len(stored) >= 4
    assert joe.submit(f"/images/{image}/delete/").ok
    cloud.settle()
    assert [key for bucket in ("uploads_bucket", "derived_bucket") for key in cloud.keys(bucket) if image in key] == []


def _own(cloud: Cloud, name: str) -> Person:
    person = Person(cloud, name)
    person.sign_up()
    return person
