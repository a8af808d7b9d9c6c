"""Images follow a change of the vocabulary: all of them, by one worker at a time, in a bounded number of statements."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.accounts.models import User
from portal.images.models import CurrentLabel, Image, LabelState
from portal.images.recording import record_result
from portal.images.signals import swept
from portal.moderation.models import Annotation, VocabularyChange
from portal.moderation.sweeping import resume
from portal.moderation.tasks import follow_change
from portal.moderation.vocabulary import following
from portal.moderation.vocabulary.following import SILENCE, follow
from portal.moderation.vocabulary.merge import merge
from portal.moderation.vocabulary.undoing import undo
from tests.conftest import MakeImage, make_result
from tests.portal.moderation.vocabulary import everything_seen, followed, label, make_editor, pk_of, titles, wish


@pytest.fixture
def editor(db: None) -> User:
    return make_editor()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "CHUNK", 2)


@pytest.fixture
def images(recognized_image: MakeImage, owner: User) -> list[Image]:
    """Seven dogs and pups."""
    return [recognized_image(owner, f"{n}.jpg", labels=(label("Dog" if n % 2 else "Pup"),)) for n in range(7)]


def merged(editor: User) -> VocabularyChange:
    return merge(wish(editor), [pk_of("Pup")], pk_of("Dog"))


def tasks(change: VocabularyChange) -> int:
    return DBTaskResult.objects.ready().filter(args_kwargs__args__0=str(change.pk)).count()


def test_every_image_follows_once_in_chunks(editor: User, images: list[Image], small_chunks: None) -> None:
    change = followed(merged(editor))
    assert {title for image in images for title in titles(image)} == {"Dog"}
    assert change.images_done == 4
    assert change.percent == 100
    assert change.claim is None


def test_images_without_the_labels_are_left_alone(
    editor: User, images: list[Image], recognized_image: MakeImage, owner: User
) -> None:
    cat = recognized_image(owner, "cat.jpg", labels=(label("Cat"),))
    before = CurrentLabel.objects.get(image=cat).pk
    followed(merged(editor))
    assert CurrentLabel.objects.get(image=cat).pk == before


def test_images_of_which_only_people_say_the_label_follow_too(
    editor: User, images: list[Image], recognized_image: MakeImage, owner: User
) -> None:
    cat = recognized_image(owner, "cat.jpg", labels=(label("Cat"),))
    Annotation.objects.create(image=cat, label_id=pk_of("Pup"), state=LabelState.ADDED, author=editor)
    followed(merged(editor))
    assert titles(cat) == ["Cat", "Dog"]


def test_what_is_far_apart_in_the_order_of_ids_is_found(
    editor: User, images: list[Image], small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_REACH", 1)
    change = followed(merged(editor))
    assert change.images_done == 4


def test_it_goes_on_where_it_stopped(editor: User, images: list[Image], small_chunks: None) -> None:
    change = merged(editor)
    assert not follow(change.pk, 0)
    change.refresh_from_db()
    assert (change.images_done, change.finished_at, change.claim) == (2, None, None)
    assert 0 <= change.percent < 100
    assert followed(change).images_done == 4
    assert follow(change.pk, 0)


def test_two_never_work_at_once_and_a_killed_one_is_taken_over(
    editor: User, images: list[Image], small_chunks: None
) -> None:
    change = merged(editor)
    VocabularyChange.objects.update(claim=uuid4(), beat_at=timezone.now())
    assert not follow(change.pk, 60)
    assert VocabularyChange.objects.get().images_done == 0
    VocabularyChange.objects.update(beat_at=timezone.now() - SILENCE - timedelta(seconds=1))
    assert followed(change).images_done == 4


def test_who_was_taken_for_dead_changes_nothing_any_more(
    editor: User, images: list[Image], small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, work = merged(editor), following.bring_up_to_date

    def lose(chunk: Any) -> None:
        work(chunk)
        VocabularyChange.objects.update(claim=uuid4())

    monkeypatch.setattr(following, "bring_up_to_date", lose)
    assert not follow(change.pk, 60)
    monkeypatch.undo()
    assert VocabularyChange.objects.get().images_done == 0


def test_a_chunk_that_fails_lets_the_change_go(
    editor: User, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    change = merged(editor)

    def fail(_chunk: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(following, "bring_up_to_date", fail)
    with pytest.raises(RuntimeError):
        follow(change.pk, 60)
    monkeypatch.undo()
    assert followed(change).images_done == 4


def test_the_statements_are_as_many_for_each_chunk_however_large_it_is(
    editor: User, recognized_image: MakeImage, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        recognized_image(owner, f"{number}.jpg", labels=(label("Pup"), label("Cat")))
    recognized_image(owner, "dog.jpg", labels=(label("Dog"),))

    def statements(chunk: int) -> int:
        monkeypatch.setattr(following, "CHUNK", chunk)
        change = merged(editor)
        with CaptureQueriesContext(connection) as queries:
            assert follow(change.pk, 60)
        followed(undo(wish(editor), change.pk))
        return len(queries)

    # 12 images in 13, 5, 3 and 2 chunks, the last of which finds nothing. What does not differ is not written.
    for size, chunks in ((1, 13), (3, 5), (6, 3), (12, 2)):
        assert statements(size) <= 2 + 18 * chunks, size


def test_a_worker_has_a_task_for_it_which_makes_another_for_what_is_left(
    editor: User, images: list[Image], small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = merged(editor)
    assert tasks(change) == 1
    monkeypatch.setattr("portal.moderation.tasks.TURN_SECONDS", 0.0)
    follow_change.func(str(change.pk))
    assert tasks(change) == 2
    followed(change)
    follow_change.func(str(change.pk))
    assert tasks(change) == 2


def test_the_sweep_sets_going_again_what_a_killed_worker_left(editor: User, images: list[Image]) -> None:
    change = merged(editor)
    DBTaskResult.objects.all().delete()
    assert resume() == 0
    VocabularyChange.objects.update(claim=uuid4(), beat_at=timezone.now() - timedelta(minutes=2))
    swept.send(None)
    assert tasks(change) == 1
    assert resume() == 0
    DBTaskResult.objects.all().delete()
    followed(change)
    VocabularyChange.objects.update(beat_at=timezone.now() - timedelta(minutes=2))
    assert resume() == 0


def test_without_workers_the_progress_page_and_the_sweep_take_it_on(
    editor: User,
    images: list[Image],
    small_chunks: None,
    settings: Any,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.RECOGNIZED_BY = "lambda"
    change = merged(editor)
    assert DBTaskResult.objects.count() == 0
    monkeypatch.setattr("portal.moderation.views.changes._SECONDS", 0.0)
    client.force_login(editor)
    progress = client.get(reverse("moderation:change", args=[change.pk]), {"format": "json"}).json()
    assert (progress["done"], progress["finished"]) == (2, False)
    VocabularyChange.objects.update(beat_at=timezone.now() - timedelta(minutes=2))
    assert resume() == 1
    assert VocabularyChange.objects.get().finished_at is not None


def test_where_there_are_workers_looking_does_not_do_their_work(
    editor: User, images: list[Image], client: Client
) -> None:
    change = merged(editor)
    client.force_login(editor)
    answer = client.get(reverse("moderation:change", args=[change.pk]), {"format": "json"}).json()
    assert answer == {"done": 0, "percent": 0, "finished": False}


def test_undoing_while_images_still_follow_stops_that(
    editor: User, images: list[Image], small_chunks: None, owner: User
) -> None:
    before = everything_seen(owner)
    change = merged(editor)
    assert not follow(change.pk, 0)
    undoing = undo(wish(editor), change.pk)
    assert follow(change.pk, 60)
    followed(undoing)
    assert everything_seen(owner) == before


@pytest.mark.django_db(transaction=True)
def test_a_result_that_is_being_recorded_meanwhile_follows_too(
    recognized_image: MakeImage, stored_image: MakeImage, owner: User
) -> None:
    recognized_image(owner, "dog.jpg", labels=(label("Dog"),))
    recognized_image(owner, "pup.jpg", labels=(label("Pup"),))
    late, editor = stored_image(owner), make_editor()
    recorded = threading.Event()

    def record() -> None:
        try:
            with transaction.atomic():
                record_result(make_result(late, labels=(label("Pup"),)))
                recorded.set()
                time.sleep(0.5)
        finally:
            connection.close()

    recorder = threading.Thread(target=record)
    recorder.start()
    assert recorded.wait(20)
    change = merged(editor)
    followed(change)
    recorder.join()
    assert titles(late) == ["Dog"]
    assert change.images_done == 2
