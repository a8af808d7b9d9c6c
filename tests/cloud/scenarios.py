"""Short pieces of life for each function, which together need every right that it has."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from tests.cloud.people import Person
from tests.cloud.pictures import picture
from tests.cloud.stack import Cloud

_numbers = itertools.count(9000)
LONG_S = 20


def fresh_picture() -> bytes:
    return picture(next(_numbers), width=160, height=120)


def status(cloud: Cloud, image: str) -> str:
    ((found,),) = cloud.database.rows("SELECT status FROM images_image WHERE id = %s", image)
    return str(found)


def upload(cloud: Cloud, person: Person) -> str:
    image = person.upload(fresh_picture())
    cloud.settle(LONG_S)
    assert status(cloud, image) == "recognized"
    return image


def upload_that_is_gone(cloud: Cloud, person: Person) -> None:
    cloud.announce("recognize", "uploads_bucket", f"uploads/1/{uuid4()}")
    cloud.settle(LONG_S)


def give_up(cloud: Cloud, person: Person) -> None:
    """One that is given up fails; one that has a result after all keeps it."""
    image = upload(cloud, person)
    (key,) = [key for key in cloud.keys("uploads_bucket", "uploads/") if key.endswith(image)]
    cloud.announce("recognize-dead", "uploads_bucket", key)
    given_up = person.announce(fresh_picture())["upload"]["fields"]["key"]
    cloud.announce("recognize-dead", "uploads_bucket", given_up)
    cloud.settle(LONG_S)
    assert status(cloud, given_up.rpartition("/")[2]) == "failed"


def letter(cloud: Cloud, person: Person) -> None:
    before = len(cloud.aws.control("letters"))
    person.submit("/accounts/password/reset/", {"email": f"{person.name}@example.org"})
    cloud.settle(LONG_S)
    assert len(cloud.aws.control("letters")) > before


def letter_that_is_gone(cloud: Cloud, person: Person) -> None:
    cloud.announce("mail", "derived_bucket", f"outbox/mail/{uuid4()}.json")
    cloud.settle(LONG_S)


def take_in(cloud: Cloud, person: Person) -> str:
    """A file that an administrator left is taken in, and its result recorded; its second event finds nothing."""
    key = f"imports/{person.name}/{uuid4()}.jpg"
    bucket = cloud.outputs["uploads_bucket"]
    cloud.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=fresh_picture())
    cloud.settle(LONG_S)
    cloud.announce("ingest", "uploads_bucket", key)
    cloud.settle(LONG_S)
    query = "SELECT id, status FROM images_image WHERE filename = %s"
    ((image, state),) = cloud.database.rows(query, key.rpartition("/")[2])
    assert state == "recognized"
    return str(image)


def go_on_in_a_new_month(cloud: Cloud, person: Person) -> None:
    image = take_in(cloud, person)
    cloud.database.execute("UPDATE images_image SET status = 'queued' WHERE id = %s", image)
    held = {"schema": "imagesift.held/1", "image_id": image, "reason": "stack_budget", "month": "2026-01"}
    cloud.send("ingest", {**held, "held_at": "2026-01-31T12:00:00Z"})
    cloud.settle(LONG_S)
    assert status(cloud, image) == "recognized"


def result_that_is_gone(cloud: Cloud, person: Person) -> None:
    """Its image is, too."""
    image = str(uuid4())
    key = f"derived/1/{image}/results/none.json"
    cloud.send("ingest", {"schema": "imagesift.pointer/1", "image_id": image, "result_key": key})
    cloud.settle(LONG_S)


def look(cloud: Cloud, person: Person) -> None:
    image = upload(cloud, person)
    for kind in ("original", "preview", "thumbnail"):
        assert person.open(f"/images/{image}/{kind}/").content


def recognize_again(cloud: Cloud, person: Person) -> None:
    image = upload(cloud, person)
    assert person.submit(f"/images/{image}/recognize/").ok
    cloud.settle(LONG_S)
    assert status(cloud, image) == "recognized"


def delete(cloud: Cloud, person: Person) -> None:
    image = upload(cloud, person)
    assert person.submit(f"/images/{image}/delete/").ok
    left = [key for bucket in ("uploads_bucket", "derived_bucket") for key in cloud.keys(bucket) if image in key]
    assert left == []


def take_list_along(cloud: Cloud, person: Person) -> None:
    """The list of a history, which is stored and fetched from S3; once S3 does not take it."""
    wanted = {"action": "export-csv", "all": "1"}
    cloud.aws.control("refuse_part")
    assert person.submit("/history/selection/", wanted).status_code >= 500
    answer = person.submit("/history/selection/", wanted)
    assert answer.ok
    assert answer.url.startswith(cloud.aws.endpoint)
    assert "filename" in answer.text


def take_data_along(cloud: Cloud, person: Person) -> None:
    assert person.take_data_along()[:2] == b"PK"


def change_budget(cloud: Cloud, person: Person) -> None:
    person.set_budget(f"{100 + next(_numbers) / 100:.2f}")


def sweep_along(cloud: Cloud, person: Person) -> None:
    """A page that is opened by the way erases what must go."""
    key = put_what_must_go(cloud, "derived", "exports")
    with message_that_must_go(cloud):
        person.open("/history/")
    assert cloud.keys("derived_bucket", key) == []


def sweep(cloud: Cloud, person: Person) -> None:
    """What is stuck goes on, what must go is erased, and the budgets are written down again."""
    image = upload(cloud, person)
    never_sent = person.announce(fresh_picture())["id"]
    two_days_ago(cloud, never_sent)
    two_days_ago(cloud, image, ", status = 'queued'")
    for bucket, prefix in (("uploads", "uploads"), ("derived", "derived"), ("derived", "exports")):
        put_what_must_go(cloud, bucket, prefix)
    for key in cloud.keys("derived_bucket", "settings/"):
        cloud.aws.client("s3").delete_object(Bucket=cloud.outputs["derived_bucket"], Key=key)
    with message_that_must_go(cloud):
        assert cloud.manage("sweep")["ok"]
    cloud.settle(LONG_S)
    assert status(cloud, image) == "recognized"
    assert cloud.database.rows("SELECT 1 FROM images_image WHERE id = %s", never_sent) == []
    assert cloud.keys("derived_bucket", "settings/") == ["settings/budgets.json"]


def replay(cloud: Cloud, person: Person) -> None:
    image = upload(cloud, person)
    cloud.database.execute("UPDATE images_image SET current_id = NULL WHERE id = %s", image)
    cloud.database.erase("images_recognition", "image_id = %s", image)
    assert cloud.manage("replay_results")["ok"]
    cloud.settle(LONG_S)
    assert cloud.database.rows("SELECT 1 FROM images_recognition WHERE image_id = %s", image) == [(1,)]


def pack_in_vain(cloud: Cloud, person: Person) -> None:
    cloud.aws.control("refuse_part")
    assert person.submit("/account/data/").ok
    cloud.settle(LONG_S)
    assert "Something went wrong on our side" in person.open("/account/").text


def pack_in_two_runs(cloud: Cloud, person: Person) -> None:
    """What is not done when the time is over is asked for once more."""
    upload(cloud, person)
    cloud.sources.paused.add("buckets")
    try:
        assert person.submit("/account/data/").ok
        calls = cloud.aws.control("calls")
    finally:
        cloud.sources.paused.discard("buckets")
    assert len(calls) == 1
    # A minute is kept for ending in order, so that there is none left for packing.
    cloud.functions.invoke(cloud.name("manage"), calls[0]["event"], seconds=60)
    cloud.settle(LONG_S)
    assert "is ready" in person.open("/account/").text


def put_what_must_go(cloud: Cloud, bucket: str, prefix: str) -> str:
    """An object that the database has written down for being erased."""
    key = f"{prefix}/1/{uuid4()}"
    cloud.aws.client("s3").put_object(Bucket=cloud.outputs[f"{bucket}_bucket"], Key=key, Body=b"old")
    cloud.database.execute(_OWED, bucket, key)
    return key


@contextmanager
def message_that_must_go(cloud: Cloud) -> Iterator[None]:
    """A webhook's message that was taken back, and is erased meanwhile, before it is sent."""
    queue = cloud.name("webhooks")
    cloud.sources.paused.add(queue)
    try:
        key = put_what_must_go(cloud, "derived", "outbox/webhooks")
        yield
        assert cloud.keys("derived_bucket", key) == []
    finally:
        cloud.sources.paused.discard(queue)


_OWED = """INSERT INTO images_storagedeletion (storage, path, not_before, attempts, last_error, created_at)
           VALUES (%s, %s, now(), 0, '', now())"""


def two_days_ago(cloud: Cloud, image: str, more: str = "") -> None:
    """Age an image, so that the sweep takes it for stuck."""
    old = "UPDATE images_image SET created_at = created_at - interval '2 days', queued_at = now() - interval '2 days'"
    cloud.database.execute(f"{old}{more} WHERE id = %s", image)


def make_role_again(cloud: Cloud, person: Person) -> None:
    invoked = cloud.functions.invoke(cloud.name("database-role"), {})
    assert not invoked.failed, json.dumps(invoked.payload)


def tell(cloud: Cloud, person: Person) -> None:
    """A webhook hears of an image, at the second attempt."""
    _listen(cloud, person)
    cloud.receiver.answers.append(503)
    before = len(cloud.receiver.got)
    upload(cloud, person)
    assert len(cloud.receiver.got) == before + 2
    assert _last_delivery(cloud) == "succeeded"


def tell_of_what_was_lost(cloud: Cloud, person: Person) -> None:
    """The sweep sends what has been under way for too long."""
    tell(cloud, person)
    before = len(cloud.receiver.got)
    overdue = "UPDATE webhooks_delivery SET state = 'pending', next_at = now() - interval '2 hours' WHERE id = %s"
    ((delivery,),) = cloud.database.rows("SELECT id FROM webhooks_delivery ORDER BY created_at DESC LIMIT 1")
    cloud.database.execute(overdue, delivery)
    assert cloud.manage("sweep")["ok"]
    cloud.settle(LONG_S)
    assert len(cloud.receiver.got) == before + 1


def delivery_that_is_gone(cloud: Cloud, person: Person) -> None:
    cloud.announce("webhooks", "derived_bucket", f"outbox/webhooks/{uuid4()}.json")
    cloud.settle(LONG_S)


def _listen(cloud: Cloud, person: Person) -> None:
    theirs = """SELECT 1 FROM webhooks_webhook JOIN accounts_user ON accounts_user.id = owner_id
                WHERE url = %s AND username = %s AND active"""
    if not cloud.database.rows(theirs, cloud.receiver.url, person.name):
        person.add_webhook(cloud.receiver.url)


def _last_delivery(cloud: Cloud) -> str:
    ((state,),) = cloud.database.rows("SELECT state FROM webhooks_delivery ORDER BY created_at DESC LIMIT 1")
    return str(state)
