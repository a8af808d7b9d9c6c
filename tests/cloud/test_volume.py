"""A library of photos against a Rekognition that takes five requests a second."""

from __future__ import annotations

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cloud.people import Person
from tests.cloud.pictures import picture
from tests.cloud.stack import Cloud

pytestmark = pytest.mark.slow

PHOTOS = 500
FIRST = 2000
PER_SECOND = 5


def import_all(cloud: Cloud, username: str) -> None:
    """As an administrator does it: `aws s3 cp --recursive photos/ s3://…/imports/username/`."""
    s3 = cloud.aws.client("s3")

    def put(number: int) -> None:
        content = picture(number, width=160, height=120)
        key = f"imports/{username}/holiday/{number} häuser & meer.jpg"
        s3.put_object(Bucket=cloud.outputs["uploads_bucket"], Key=key, Body=content)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(FIRST, FIRST + PHOTOS)))


def history(cloud: Cloud, username: str) -> list[tuple[object, ...]]:
    """Every image with its state and every recognition that was ever recorded of it."""
    return cloud.database.rows(
        """SELECT i.id, i.filename, i.status, i.sha256, r.id, r.recognized_at, r.document::text
           FROM images_image i JOIN accounts_user u ON u.id = i.owner_id
                LEFT JOIN images_recognition r ON r.image_id = i.id
           WHERE u.username = %s ORDER BY i.id, r.id""",
        username,
    )


def test_500_photos_at_5_a_second_are_recognised_each_paid_once(cloud: Cloud) -> None:
    Person(cloud, "lib").sign_up()
    cloud.rekognition.rate = PER_SECOND
    started = time.monotonic()
    import_all(cloud, "lib")
    cloud.settle(900)
    lasted = time.monotonic() - started
    found = history(cloud, "lib")
    assert len(found) == PHOTOS
    assert {row[2] for row in found} == {"recognized"}
    assert cloud.rekognition.paid == {("DetectLabels", number): 1 for number in range(FIRST, FIRST + PHOTOS)}
    assert cloud.rekognition.throttled > 0
    assert lasted >= (PHOTOS - PER_SECOND) / PER_SECOND
    assert cloud.keys("uploads_bucket", "imports/lib/") == []

    deliver_three_times(cloud, [str(row[0]) for row in found])
    cloud.settle(900)
    assert history(cloud, "lib") == found
    assert cloud.rekognition.paid.total() == PHOTOS


def deliver_three_times(cloud: Cloud, images: list[str]) -> None:
    """Each upload's event, three times, in no order: S3 promises at least once."""
    by_image = {key.rpartition("/")[2]: key for key in cloud.keys("uploads_bucket", "uploads/")}
    bucket = {"name": cloud.outputs["uploads_bucket"]}
    head = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Post", "awsRegion": cloud.aws.region}
    bodies = []
    for image in images:
        s3 = {"bucket": bucket, "object": {"key": by_image[image].replace("/", "%2F"), "size": 1, "eTag": "e"}}
        bodies += [json.dumps({"Records": [{**head, "s3": s3}]})] * 3
    random.Random(7).shuffle(bodies)
    url = cloud.sources.url(cloud.name("recognize"))
    for start in range(0, len(bodies), 10):
        entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies[start : start + 10])]
        cloud.aws.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
