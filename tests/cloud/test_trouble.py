"""What goes wrong: an image that breaks recognition, a database that is gone, results that nobody has recorded."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from tests.cloud.fake_rekognition import thing_in
from tests.cloud.people import Person, send_form
from tests.cloud.pictures import POISON, picture
from tests.cloud.stack import Cloud


def status(cloud: Cloud, image: str) -> str:
    ((found,),) = cloud.database.rows("SELECT status FROM images_image WHERE id = %s", image)
    return str(found)


def dead_letters(cloud: Cloud) -> dict[str, int]:
    """Messages in each queue of dead letters."""
    sqs = cloud.aws.client("sqs")
    urls = [url for url in sqs.list_queues()["QueueUrls"] if url.endswith("-dead")]
    return {url: sum(cloud.sources.depth(url.rpartition("/")[2])) for url in urls}


def alarm_metric(cloud: Cloud, name: str, since: datetime) -> float:
    """The sum of the metric that the deployed alarm watches: its own namespace, name and dimensions."""
    client = cloud.aws.client("cloudwatch")
    (alarm,) = client.describe_alarms(AlarmNames=[cloud.name(name)])["MetricAlarms"]
    points = client.get_metric_statistics(
        Namespace=alarm["Namespace"],
        MetricName=alarm["MetricName"],
        Dimensions=alarm["Dimensions"],
        StartTime=since - timedelta(minutes=1),
        EndTime=datetime.now(UTC) + timedelta(minutes=2),
        Period=60,
        Statistics=[alarm["Statistic"]],
    )["Datapoints"]
    assert alarm["Threshold"] <= 1
    return sum(point[alarm["Statistic"]] for point in points)


def test_a_poison_image_harms_no_other_and_can_be_tried_again(cloud: Cloud) -> None:
    began = datetime.now(UTC)
    before = alarm_metric(cloud, "dead-letters", began)
    kim = Person(cloud, "kim")
    kim.sign_up()
    good = [kim.upload(picture(number)) for number in (3001, 3002)]
    poison = kim.upload(picture(POISON), "poison.jpg")
    good += [kim.upload(picture(3003))]
    cut = kim.upload(picture(3004, width=800, height=600)[:-4000], "cut.jpg")
    good += [kim.upload(picture(3005))]
    cloud.settle(120)
    assert [status(cloud, image) for image in good] == ["recognized"] * 4
    assert status(cloud, poison) == "failed"
    page = kim.open(f"/images/{poison}/").text
    assert "Recognising this image failed several times because of a problem on our side." in page
    assert "Trying again with this same file is not likely to help." not in page
    page = kim.open(f"/images/{cut}/").text
    assert "cut off" in page
    assert "Trying again with this same file is not likely to help." in page
    assert set(dead_letters(cloud).values()) == {0}
    assert alarm_metric(cloud, "dead-letters", began) > before

    cloud.rekognition.broken.clear()
    assert kim.submit(f"/images/{poison}/recognize/").ok
    cloud.settle()
    assert status(cloud, poison) == "recognized"
    assert thing_in(POISON) in kim.open(f"/images/{poison}/").text
    assert cloud.rekognition.paid["DetectLabels", POISON] == 1


def test_nothing_is_lost_while_the_database_is_gone(cloud: Cloud) -> None:
    lou = Person(cloud, "lou")
    lou.sign_up()
    started = [lou.announce(picture(number)) for number in range(3100, 3105)]
    lou.open("/history/")
    cloud.aurora.refuse()
    waking = lou.get(f"{lou.origin}/history/", timeout=60)
    assert waking.status_code == 503
    assert "waking up" in waking.text
    for number, upload in zip(range(3100, 3105), started, strict=True):
        assert send_form(upload["upload"], picture(number)).status_code == 204
    cloud.wait_for(lambda: cloud.rekognition.paid.total() == 5, 30)
    time.sleep(3)
    assert cloud.sources.waiting()[cloud.name("ingest")] == 5
    cloud.aurora.admit()
    cloud.settle()
    assert [status(cloud, upload["id"]) for upload in started] == ["recognized"] * 5
    assert set(dead_letters(cloud).values()) == {0}
    assert cloud.rekognition.paid.total() == 5


ROWS = """SELECT i.id, u.username, i.filename, i.content_type, i.byte_size, i.sha256, i.status, i.created_at,
                 i.failure_code, r.recognized_at, r.document::text
          FROM images_image i JOIN accounts_user u ON u.id = i.owner_id
                LEFT JOIN images_recognition r ON r.image_id = i.id
          WHERE u.username = 'max' ORDER BY i.id, r.recognized_at"""


def test_a_history_that_was_dropped_is_replayed_completely(cloud: Cloud) -> None:
    maxim = Person(cloud, "max")
    maxim.sign_up()
    images = [maxim.upload(picture(number), f"{number}.jpg") for number in range(3200, 3206)]
    images.append(maxim.upload(picture(3206, width=800, height=600)[:-4000], "cut.jpg"))
    cloud.settle()
    cloud.rekognition.forget()
    before = cloud.database.rows(ROWS)
    assert len(before) == 7
    cloud.database.execute("TRUNCATE images_image CASCADE")
    assert maxim.get(f"{maxim.origin}/images/{images[0]}/", timeout=30).status_code == 404

    told = cloud.manage("replay_results")
    cloud.settle()
    assert told["ok"], told
    assert cloud.database.rows(ROWS) == before
    assert thing_in(3203) in maxim.open(f"/images/{images[3]}/").text
    cloud.manage("replay_results")
    cloud.settle()
    assert cloud.database.rows(ROWS) == before
    assert [number for _, number in cloud.rekognition.paid if 3200 <= number <= 3206] == []
