"""Throttling and budgets: nothing is lost, nothing is paid twice, and nothing is paid that nobody allowed."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime
from typing import Any

import pytest

from lambdas.recognize import budgets
from lambdas.recognize.handler import handle
from lambdas.recognize.ledger import Ledger
from lambdas.recognize.queues import times_postponed, wait_s
from lambdas.recognize.storing import Store
from recognition.result import Status
from tests.lambdas.test_recognize import APIS, PRICE, month, recognize_all
from tests.lambdas.world import World, picture


def write_budgets(world: World, **values: Any) -> None:
    world.write("settings/budgets.json", {"schema": "imagesift.budgets/1", **values})


def usd(images: float) -> float:
    return images * PRICE / 1e6


def test_throttling_puts_images_off_and_fails_none(world: World) -> None:
    # So few that the slowest machine asks too often.
    world.rekognition.per_second = 1
    places = [world.upload(picture(seed)) for seed in range(6)]

    world.drain_in_threads(handle, world.recognize_queue, threads=4)

    assert world.rekognition.throttled.total() > 10
    assert world.rekognition.answered == dict.fromkeys(APIS, len(places))
    assert [world.result(place).status for place in places] == [Status.RECOGNIZED] * len(places)
    assert not world.size(world.dead_queue)
    assert sum(world.result(place).cost_micro_usd for place in places) == len(places) * PRICE
    assert world.spent()[f"{month()}#stack"] == len(places) * PRICE


def test_throttling_does_not_use_up_the_receive_count(world: World) -> None:
    for api in APIS:
        world.rekognition.fail_api(api, "ThrottlingException")
    place = world.upload(picture())

    for _ in range(12):
        assert world.deliver(handle, world.recognize_queue) == []
    (message,) = world.receive(world.recognize_queue)

    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert times_postponed(message["Body"]) == 12
    assert (world.results(place), world.told(), world.size(world.dead_queue)) == ([], [], 0)
    assert not any(world.spent().values())


def test_waits_grow_from_seconds_to_a_minute_and_differ() -> None:
    assert {wait_s(0) for _ in range(200)} == set(range(5, 11))
    late = {wait_s(50) for _ in range(2000)}
    assert (min(late), max(late)) == (5, 60)


def test_answers_paid_before_a_throttled_one_are_kept_and_paid_once(world: World) -> None:
    world.rekognition.fail_api("DetectText", "ThrottlingException")
    place = world.upload(picture())
    for _ in range(3):
        world.deliver(handle, world.recognize_queue)
    before = (world.results(place), world.told())
    world.rekognition.recover()

    recognize_all(world)

    assert before == ([], [])
    assert world.rekognition.answered == dict.fromkeys(APIS, 1)
    assert world.result(place).cost_micro_usd == PRICE
    assert not any(run.reused for run in world.result(place).detectors)
    assert world.spent()[f"{month()}#7"] == PRICE


def test_a_crash_after_a_throttled_attempt_loses_none_of_its_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.rekognition.fail_api("DetectText", "ThrottlingException")
    place = world.upload(picture())
    world.deliver(handle, world.recognize_queue)
    world.rekognition.recover()

    def crash(*_: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as crashing:
        crashing.setattr(Store, "original", crash)
        assert len(world.deliver(handle, world.recognize_queue)) == 1
    recognize_all(world)

    assert world.rekognition.answered == dict.fromkeys(APIS, 1)
    assert world.result(place).cost_micro_usd == PRICE


@pytest.mark.parametrize("step", ["keep_pictures", "keep_result"])
def test_answers_that_could_not_be_stored_at_first_are_paid_once(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("S3 is slow")

    place = world.upload(picture())
    with monkeypatch.context() as slow:
        slow.setattr(Store, step, refuse)
        assert len(world.deliver(handle, world.recognize_queue)) == 1
    recognize_all(world)

    assert world.rekognition.answered == dict.fromkeys(APIS, 1)
    assert world.result(place).cost_micro_usd == PRICE
    assert world.spent()[f"{month()}#7"] == PRICE


def test_a_correction_that_fails_loses_no_answers_and_leaves_too_much_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Ledger._add

    def refuse(ledger: Ledger, month: str, whose: str, amount: int, limit: int | None) -> bool:
        if amount < 0:
            raise OSError("DynamoDB does not answer")
        return add(ledger, month, whose, amount, limit)

    monkeypatch.setattr(Ledger, "_add", refuse)
    world.rekognition.fail_api("DetectText", "AccessDeniedException")
    place = world.upload(picture())
    recognize_all(world)

    assert [result.cost_micro_usd for result in world.results(place)] == [PRICE - 1000]
    assert world.spent()[f"{month()}#7"] == PRICE


@pytest.mark.parametrize("slow", [{"DetectText"}, set(APIS)], ids=["one", "all"])
def test_a_call_that_was_not_heard_of_in_time_stays_counted(
    world: World, monkeypatch: pytest.MonkeyPatch, slow: set[str]
) -> None:
    answer = world.rekognition.answer
    go_on = threading.Event()

    def slowly(api: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if api in slow:
            go_on.wait(20)
        return answer(api, request)

    monkeypatch.setattr(world.rekognition, "answer", slowly)
    monkeypatch.setenv("DETECTOR_TIMEOUT_SECONDS", "1")
    world.upload(picture())
    world.deliver(handle, world.recognize_queue)
    go_on.set()

    assert world.spent()[f"{month()}#7"] == PRICE


def test_another_image_of_the_same_content_uses_what_a_throttled_attempt_paid(world: World) -> None:
    world.rekognition.fail_api("DetectText", "ThrottlingException")
    first = world.upload(picture())
    world.deliver(handle, world.recognize_queue)
    second = world.upload(picture())
    world.rekognition.recover()

    recognize_all(world)

    assert world.rekognition.answered == dict.fromkeys(APIS, 1)
    assert world.result(first).cost_micro_usd + world.result(second).cost_micro_usd == PRICE


def test_costs_of_a_throttled_attempt_are_in_one_result_only(world: World) -> None:
    world.rekognition.fail_api("DetectText", "ThrottlingException")
    place = world.upload(picture())
    world.deliver(handle, world.recognize_queue)
    world.rekognition.fail_api("DetectText", "AccessDeniedException")
    recognize_all(world)
    world.rekognition.recover()

    world.touch(place)
    recognize_all(world)

    assert sorted(result.cost_micro_usd for result in world.results(place)) == [1000, 2750]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"user_usd": usd(3)}, "user_budget"), ({"stack_usd": usd(3)}, "stack_budget")],
)
def test_a_budget_holds_exactly_under_eight_threads(world: World, limits: dict[str, float], reason: str) -> None:
    write_budgets(world, **limits)
    places = [world.upload(picture(seed)) for seed in range(12)]

    world.drain_in_threads(handle, world.recognize_queue, threads=8)

    recognized = [place for place in places if world.results(place)]
    held = [message for message in world.told() if message["schema"] == "imagesift.held/1"]
    assert len(recognized) == 3
    assert world.rekognition.answered == dict.fromkeys(APIS, 3)
    assert world.spent() == {f"{month()}#7": 3 * PRICE, f"{month()}#stack": 3 * PRICE}
    assert {message["image_id"] for message in held} == {
        str(place.image_id) for place in places if place not in recognized
    }
    assert {(message["reason"], message["month"]) for message in held} == {(reason, month())}


def test_a_held_image_goes_on_when_the_budget_is_raised(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "_CACHED_S", -1)
    write_budgets(world, user_usd=0)
    place = world.upload(picture())
    recognize_all(world)
    (held,) = world.told()
    paid_before = len(world.rekognition.calls)
    write_budgets(world, user_usd=0, users={"7": None})

    world.touch(place)
    recognize_all(world)

    assert (held["schema"], paid_before) == ("imagesift.held/1", 0)
    assert datetime.fromisoformat(held["held_at"]).tzinfo is not None
    assert world.result(place).status is Status.RECOGNIZED


def test_without_a_document_the_environments_budgets_hold(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTHLY_BUDGET_PER_USER_USD", str(usd(1)))
    for owner in ("7", "8"):
        for seed in (0, 1):
            world.upload(picture(seed), owner)

    recognize_all(world)

    assert world.spent() == {f"{month()}#7": PRICE, f"{month()}#8": PRICE, f"{month()}#stack": 2 * PRICE}


def test_what_costs_nothing_goes_on_over_budget(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTHLY_BUDGET_USD", str(usd(1)))
    world.upload(picture())
    recognize_all(world)
    again = world.upload(picture())

    recognize_all(world)

    assert world.result(again).status is Status.RECOGNIZED


def test_a_budget_document_nobody_can_follow_stops_spending(world: World) -> None:
    world.write("settings/budgets.json", {"schema": "imagesift.budgets/9", "stack_usd": 1})
    world.upload(picture())

    assert len(world.deliver(handle, world.recognize_queue)) == 1
    assert not world.rekognition.calls


def test_a_claim_somebody_else_holds_puts_the_image_off(world: World) -> None:
    place = world.upload(picture())
    world.deliver(handle, world.recognize_queue)
    (key,) = world.keys("derived/7/contents/")
    _, owner, _, sha256, configuration = key.split("/")
    claim = f"claim#{owner}/{sha256}/{configuration}"
    world.clients.dynamodb.put_item(
        TableName="ledger",
        Item={"id": {"S": claim}, "holder": {"S": "another"}, "expires_at": {"N": str(int(time.time()) + 60)}},
    )
    world.told()
    world.touch(place)

    assert world.deliver(handle, world.recognize_queue) == []

    (waiting,) = world.take_all(world.recognize_queue)
    assert times_postponed(waiting) == 1
    assert json.loads(waiting)["Records"][0]["s3"]["bucket"]["name"] == "uploads"
    assert world.told() == []
    assert world.claims() == {claim: 1}
