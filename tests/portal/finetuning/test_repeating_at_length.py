"""A long history is looked through in pieces: no step reads all of it, none holds others up, no image is left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from portal.accounts.models import User
from portal.finetuning import repeating
from portal.finetuning.models import ModelVersion, Repeat, RepeatState
from portal.finetuning.repeating import begin_repeat, step
from portal.images.models import Image, Status
from portal.images.recording import record_result
from tests.conftest import MakeImage, make_result
from tests.portal.finetuning.candidates import ran
from tests.portal.finetuning.test_repeating import actor, dataset, running

__all__ = ["actor", "dataset", "running"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def history(
    owner: User, recognized_image: MakeImage, running: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> list[Image]:
    """Eleven images in the order in which they are taken; only the sixth and the last lack what runs."""
    monkeypatch.setattr(repeating, "_READ_AT_ONCE", 2)
    monkeypatch.setattr(repeating, "_READ_AT_MOST", 4)
    made = sorted(
        (recognized_image(owner, detectors=ran("shapes-v0-abc")) for _ in range(11)), key=lambda each: each.pk
    )
    for number, image in enumerate(made):
        if number not in (5, 10):
            record_result(make_result(image, detectors=ran(running.served_as)))
    return made


def passes(repeat: Repeat, seconds: float) -> None:
    Repeat.objects.filter(pk=repeat.pk).update(stepped_at=timezone.now() - timedelta(seconds=seconds))


def queued() -> set[Any]:
    return set(Image.objects.filter(status=Status.QUEUED).values_list("pk", flat=True))


def test_each_step_reads_a_piece_and_the_next_goes_on_after_it(actor: User, history: list[Image]) -> None:
    repeat = begin_repeat(60, actor)
    passes(repeat, 3.5)
    assert [step(repeat.pk) for _ in range(2)] == [0, 1]
    assert queued() == {history[5].pk}
    repeat.refresh_from_db()
    assert (repeat.state, repeat.last_image) == (RepeatState.RUNNING, history[7].pk)
    assert step(repeat.pk) == 1, "looking in vain has used up none of its pace"
    assert queued() == {history[5].pk, history[10].pk}
    repeat.refresh_from_db()
    assert (repeat.state, repeat.images_queued, repeat.images_left_alone) == (RepeatState.DONE, 2, 0)


def test_of_a_piece_with_more_than_the_pace_allows_the_rest_comes_next(actor: User, history: list[Image]) -> None:
    for image in history:
        record_result(make_result(image, detectors=ran("shapes-v0-abc")))
    repeat = begin_repeat(60, actor)
    done = []
    for _ in range(4):
        passes(repeat, 3.5)
        done.append(step(repeat.pk))
    assert done == [3, 3, 3, 2]
    repeat.refresh_from_db()
    assert queued() == {image.pk for image in history}
    assert (repeat.state, repeat.images_queued) == (RepeatState.DONE, 11)


def test_two_at_once_queue_nothing_twice(actor: User, history: list[Image], monkeypatch: pytest.MonkeyPatch) -> None:
    repeat = begin_repeat(60, actor)
    passes(repeat, 3.5)
    step(repeat.pk)
    search: Callable[..., Any] = repeating._search

    def overtaken(*args: Any) -> Any:
        found = search(*args)
        monkeypatch.setattr(repeating, "_search", search)
        assert step(repeat.pk) == 1
        return found

    monkeypatch.setattr(repeating, "_search", overtaken)
    assert step(repeat.pk) == 0
    repeat.refresh_from_db()
    assert (repeat.images_queued, repeat.images_left_alone) == (1, 0)


def test_results_are_read_while_nobody_waits_for_the_database(
    actor: User, history: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    repeat = begin_repeat(60, actor)
    passes(repeat, 3.5)
    search: Callable[..., Any] = repeating._search

    def searched(*args: Any) -> Any:
        assert not connection.in_atomic_block
        return search(*args)

    monkeypatch.setattr(repeating, "_search", searched)
    step(repeat.pk)
    step(repeat.pk)
    assert queued() == {history[5].pk}


def test_what_was_recognised_since_it_was_looked_for_is_not_recognised_again(
    actor: User, running: ModelVersion, history: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    repeat = begin_repeat(60, actor)
    passes(repeat, 3.5)
    step(repeat.pk)
    search: Callable[..., Any] = repeating._search

    def searched(*args: Any) -> Any:
        found = search(*args)
        record_result(make_result(history[5], detectors=ran(running.served_as)))
        return found

    monkeypatch.setattr(repeating, "_search", searched)
    assert step(repeat.pk) == 0
    repeat.refresh_from_db()
    assert (repeat.images_queued, repeat.images_left_alone) == (0, 1)
    assert not queued()
