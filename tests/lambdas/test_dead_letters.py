"""What recognition gave up on ends as a result that its owner can read."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lambdas.dead_letters import handler as dead_letters
from lambdas.recognize.handler import handle as recognize
from tests.lambdas.test_recognize import APIS
from tests.lambdas.world import Context, World, picture


@pytest.fixture(autouse=True)
def _rewired(world: World) -> Iterator[None]:
    dead_letters._giving_up.cache_clear()
    yield
    dead_letters._giving_up.cache_clear()


def let_die(world: World) -> None:
    while not world.size(world.dead_queue):
        world.deliver(recognize, world.recognize_queue)


def break_rekognition(world: World) -> None:
    for api in APIS:
        world.rekognition.fail_api(api, "AccessDeniedException")


def metrics(printed: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return [line for line in lines if "_aws" in line]


def test_an_image_given_up_on_fails_with_a_sentence_and_may_be_tried_again(world: World) -> None:
    break_rekognition(world)
    place = world.upload(picture())
    let_die(world)

    world.drain(dead_letters.handle, world.dead_queue)

    result = world.result(place)
    assert result.failure is not None
    assert (result.failure.code, result.failure.permanent) == ("gave_up", False)
    assert result.failure.message.endswith("You can try again.")
    (key,) = world.keys(place.results)
    assert key.startswith(f"{place.results}dead-")
    assert [message["result_key"] for message in world.told()] == [key]

    world.rekognition.recover()
    world.touch(place)
    world.drain(recognize, world.recognize_queue)
    assert world.told()[0]["result_key"] != key


def test_an_image_that_has_its_result_after_all_is_told_of_again(world: World) -> None:
    place = world.upload(picture())
    (event,) = world.take_all(world.recognize_queue)
    world.clients.sqs.send_message(QueueUrl=world.recognize_queue, MessageBody=event)
    world.drain(recognize, world.recognize_queue)
    (told,) = world.told()
    world.clients.sqs.send_message(QueueUrl=world.dead_queue, MessageBody=event)

    world.drain(dead_letters.handle, world.dead_queue)

    assert world.told() == [told]
    assert len(world.results(place)) == 1


def test_a_result_of_what_lay_there_before_does_not_stand_for_the_new_content(world: World) -> None:
    place = world.upload(picture(1))
    world.drain(recognize, world.recognize_queue)
    world.told()
    break_rekognition(world)
    world.upload(picture(2), place.owner_id, place.image_id)
    let_die(world)

    world.drain(dead_letters.handle, world.dead_queue)

    (told,) = world.told()
    assert "dead-" in told["result_key"]


def test_a_message_nobody_can_read_stays_for_somebody_to_look_at(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    for body in ("no event", json.dumps({"Records": [{"eventName": "ObjectCreated:Put"}]})):
        world.clients.sqs.send_message(QueueUrl=world.dead_queue, MessageBody=body)

    assert len(world.deliver(dead_letters.handle, world.dead_queue)) == 2

    assert world.size(world.dead_queue) == 2
    assert world.told() == []
    # Their alarm is the queue's own: they come again and again, and are no images given up on.
    assert [metric["DeadLetters"] for metric in metrics(capsys.readouterr().out)] == [[0.0]]


def test_each_dead_letter_is_counted_in_the_metric_that_the_alarm_watches(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    break_rekognition(world)
    world.upload(picture())
    let_die(world)
    capsys.readouterr()

    world.drain(dead_letters.handle, world.dead_queue)

    (metric,) = metrics(capsys.readouterr().out)
    assert metric["DeadLetters"] == [1.0]
    assert (metric["service"], metric["function"]) == ("dead_letters", Context.function_name)
    (directive,) = metric["_aws"]["CloudWatchMetrics"]  # type: ignore[index]
    assert directive["Namespace"] == "ImageSift"
    assert [sorted(names) for names in directive["Dimensions"]] == [["function", "service"]]
