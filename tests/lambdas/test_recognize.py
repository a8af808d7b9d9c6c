"""From an upload to its result, in an account of moto's and with a Rekognition that counts what it answers."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest

from lambdas.recognize.handler import handle, logger
from lambdas.recognize.storing import Store
from recognition.result import Status
from tests.hostile import Hostile, hostile_files
from tests.lambdas.world import Context, World, picture

PRICE = 3750
"""Of one image with every feature, in micro-dollars."""
APIS = {"DetectLabels", "DetectModerationLabels", "DetectText"}


def recognize_all(world: World) -> None:
    world.drain(handle, world.recognize_queue)


def month() -> str:
    return datetime.now(UTC).strftime("%Y-%m")


def test_an_upload_becomes_a_result_with_its_pictures_and_a_pointer_to_it(world: World) -> None:
    place = world.upload(picture(size=(3000, 1500)))

    recognize_all(world)

    result = world.result(place)
    assert (result.image_id, result.status) == (place.image_id, Status.RECOGNIZED)
    assert {label.name for label in result.labels} == {"Dog", "Outdoors"}
    assert (result.source.storage, result.source.key) == ("uploads", world.upload_key(place))
    (key,) = world.keys(place.results)
    assert world.told() == [
        {"schema": "imagesift.pointer/1", "image_id": str(place.image_id), "result_key": key},
    ]
    assert world.read(place.preview_key).startswith(b"\xff\xd8\xff")
    assert len(world.read(place.thumbnail_key)) < len(world.read(place.preview_key))


def test_what_was_billed_stands_in_the_result_and_in_the_ledger_and_no_claim_is_left(world: World) -> None:
    place = world.upload(picture())

    recognize_all(world)

    costs = {run.name: run.cost_micro_usd for run in world.result(place).detectors}
    assert costs == {"rekognition": 1750, "rekognition-moderation": 1000, "rekognition-text": 1000}
    assert world.spent() == {f"{month()}#7": PRICE, f"{month()}#stack": PRICE}
    assert not world.claims()


@pytest.mark.parametrize("hostile", hostile_files(), ids=lambda hostile: hostile.name)
def test_a_file_that_is_no_picture_fails_with_its_reason_and_costs_nothing(world: World, hostile: Hostile) -> None:
    place = world.upload(hostile.content)

    recognize_all(world)

    result = world.result(place)
    assert result.failure is not None
    assert (result.failure.code, result.failure.permanent) == (hostile.expected_code, True)
    assert [message["image_id"] for message in world.told()] == [str(place.image_id)]
    assert not world.rekognition.calls
    assert not any(world.spent().values())
    assert not world.size(world.dead_queue)


def test_a_file_over_the_limit_fails_unread_and_the_same_way_each_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_UPLOAD_BYTES", "500")
    place = world.upload(picture(size=(900, 900)))
    world.repeat(world.recognize_queue, 2)

    recognize_all(world)

    failure = world.result(place).failure
    assert failure is not None
    assert (failure.code, failure.permanent) == ("file_too_large", True)
    assert len({message["result_key"] for message in world.told()}) == 1
    assert not world.rekognition.calls


def test_an_image_deleted_meanwhile_is_done(world: World) -> None:
    place = world.upload(picture())
    world.clients.s3.delete_object(Bucket="uploads", Key=world.upload_key(place))

    recognize_all(world)

    assert (world.told(), world.keys(), world.rekognition.calls) == ([], [], [])
    assert not world.size(world.dead_queue)


def test_the_event_that_tests_a_notification_and_other_keys_are_passed_over(world: World) -> None:
    test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"}
    world.clients.sqs.send_message(QueueUrl=world.recognize_queue, MessageBody=json.dumps(test_event))
    world.clients.s3.put_object(Bucket="uploads", Key="uploads/7/my holiday 100%+.jpg", Body=picture())

    recognize_all(world)

    assert (world.told(), world.rekognition.calls) == ([], [])
    assert not world.size(world.dead_queue)


def test_of_a_batch_only_what_failed_comes_again(world: World) -> None:
    good = world.upload(picture())
    world.clients.sqs.send_message(QueueUrl=world.recognize_queue, MessageBody="no event at all")

    failed = world.deliver(handle, world.recognize_queue)

    assert failed == ["no event at all"]
    assert world.result(good).status is Status.RECOGNIZED
    for _ in range(3):
        world.deliver(handle, world.recognize_queue)
    assert world.take_all(world.dead_queue) == ["no event at all"]


def test_an_event_that_comes_again_is_answered_with_the_same_result_unpaid(world: World) -> None:
    place = world.upload(picture())
    world.repeat(world.recognize_queue, 3)

    recognize_all(world)

    assert len({json.dumps(message) for message in world.told()}) == 1
    assert world.result(place).status is Status.RECOGNIZED
    assert world.rekognition.answered == dict.fromkeys(APIS, 1)


def test_a_result_once_written_stays_as_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    place = world.upload(picture())
    recognize_all(world)
    first, (told,) = world.result(place), world.told()
    monkeypatch.setattr(Store, "has", lambda *_: False)  # somebody else writes it after we looked

    world.touch(place)
    recognize_all(world)

    assert world.result(place) == first
    assert world.told() == [told]
    assert world.rekognition.answered == dict.fromkeys(APIS, 1)


def test_every_event_three_times_shuffled_over_threads_is_paid_once_with_one_result(world: World) -> None:
    places = [world.upload(picture(seed)) for seed in range(8)]
    world.repeat(world.recognize_queue, 3)
    world.deliver(handle, world.recognize_queue)

    world.drain_in_threads(handle, world.recognize_queue, threads=6)

    assert world.rekognition.answered == dict.fromkeys(APIS, 8)
    assert {world.result(place).image_id for place in places} == {place.image_id for place in places}
    assert {message["image_id"] for message in world.told()} == {str(place.image_id) for place in places}
    assert world.spent()[f"{month()}#stack"] == 8 * PRICE
    assert not world.size(world.dead_queue)


def test_the_same_content_of_the_same_owner_is_not_paid_again(world: World) -> None:
    first = world.upload(picture())
    recognize_all(world)
    second = world.upload(picture())

    recognize_all(world)

    assert world.rekognition.answered == dict.fromkeys(APIS, 1)
    assert world.result(second).labels == world.result(first).labels
    assert all(run.reused for run in world.result(second).detectors)
    assert world.result(second).cost_micro_usd == 0
    assert world.keys(second.preview_key)


def test_the_same_content_uploaded_twice_at_once_is_paid_once(world: World) -> None:
    places = [world.upload(picture()) for _ in range(4)]

    world.drain_in_threads(handle, world.recognize_queue, threads=4)

    assert world.rekognition.answered == dict.fromkeys(APIS, 1)
    assert sum(world.result(place).cost_micro_usd for place in places) == PRICE


def test_another_owner_pays_for_the_same_content(world: World) -> None:
    world.upload(picture(), owner="7")
    world.upload(picture(), owner="8")

    recognize_all(world)

    assert world.rekognition.answered == dict.fromkeys(APIS, 2)
    assert world.spent() == {f"{month()}#7": PRICE, f"{month()}#8": PRICE, f"{month()}#stack": 2 * PRICE}


def test_a_detector_that_fails_for_now_leaves_the_others_and_is_asked_alone_when_asked_again(world: World) -> None:
    world.rekognition.fail_api("DetectText", "AccessDeniedException")
    place = world.upload(picture())
    recognize_all(world)
    (partial,) = world.results(place)
    (told,) = world.told()
    world.rekognition.recover()

    world.touch(place)
    recognize_all(world)

    assert told["result_key"].endswith("-partial.json")
    assert partial.status is Status.RECOGNIZED
    assert [run.failure.code for run in partial.detectors if run.failure] == ["detector_unavailable"]
    assert world.rekognition.answered == dict.fromkeys(APIS, 1)
    (final,) = (result for result in world.results(place) if result != partial)
    assert [text.text for text in final.text] == ["STOP HERE", "STOP"]
    assert (partial.cost_micro_usd, final.cost_micro_usd) == (2750, 1000)
    assert world.spent()[f"{month()}#7"] == PRICE


def test_when_no_detector_answers_the_message_comes_again_and_ends_with_the_dead_letters(world: World) -> None:
    for api in APIS:
        world.rekognition.fail_api(api, "AccessDeniedException")
    place = world.upload(picture())

    for _ in range(4):
        world.deliver(handle, world.recognize_queue)

    assert world.size(world.dead_queue) == 1
    assert (world.results(place), world.told()) == ([], [])
    assert not any(world.spent().values())
    assert not world.claims()


def test_an_image_for_which_no_time_is_left_is_put_off_unasked(world: World) -> None:
    place = world.upload(picture())

    assert world.deliver(handle, world.recognize_queue, Context(remaining_s=12)) == []
    assert not world.rekognition.calls
    recognize_all(world)

    assert world.result(place).status is Status.RECOGNIZED


def test_log_lines_carry_the_image_and_the_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", written)
    world.rekognition.fail_api("DetectText", "AccessDeniedException")
    place = world.upload(picture())

    recognize_all(world)

    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert {line["image_id"] for line in lines} == {str(place.image_id)}
    assert {line["function_request_id"] for line in lines} == {"a-request"}
    assert any("rekognition-text is unavailable" in line["message"] for line in lines)
