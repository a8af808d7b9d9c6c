"""From an event to a real server, by the real worker: retried, given up, resumed, and never sent where it must not."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult
from standardwebhooks import Webhook as Verifier

from portal.accounts.models import User
from portal.images import working
from portal.images.recording import record_result
from portal.images.sweeping import release, sweep
from portal.images.working import work
from portal.webhooks import sweeping
from portal.webhooks.announcing import deliver_again, send_test
from portal.webhooks.models import Attempt, Delivery, State
from portal.webhooks.sweeping import forget_old, resume_due
from portal.webhooks.tasks import deliver
from tests.conftest import MakeImage, make_result
from tests.portal.webhooks.conftest import MakeWebhook
from tests.webhooks import receivers
from tests.webhooks.conftest import StartReceiver
from tests.webhooks.receivers import Behaviour, answers
from webhooks import sending

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "warm_up", lambda: None)


def run_worker() -> None:
    work("webhooks-test", until_empty=True)


def make_due() -> None:
    """Let the time pass until the next attempt."""
    Delivery.objects.filter(state=State.PENDING).update(next_at=timezone.now())
    DBTaskResult.objects.filter(status=TaskResultStatus.READY).update(run_after=timezone.now())


def test_an_event_reaches_a_server_signed(
    owner: User, stored_image: MakeImage, make_webhook: MakeWebhook, receiver: StartReceiver
) -> None:
    server = receiver(answers(200, b"thank you"))
    webhook = make_webhook(owner, server.url())
    record_result(make_result(stored_image(owner)))
    run_worker()
    (request,) = server.requests
    event = Verifier(webhook.secret).verify(request.body, request.headers)
    assert event["type"] == "image.recognized"
    delivery = Delivery.objects.get()
    assert request.headers["webhook-id"] == str(delivery.pk)
    assert (delivery.state, delivery.attempts, delivery.next_at) == (State.SUCCEEDED, 1, None)
    attempt = delivery.log.get()
    assert (attempt.status_code, attempt.answer, attempt.problem) == (200, "thank you", "")


def test_a_failure_is_repeated_with_the_same_id_until_it_succeeds(
    owner: User, make_webhook: MakeWebhook, receiver: StartReceiver
) -> None:
    server = receiver(answers(500, b"oops"), answers(200))
    delivery = send_test(make_webhook(owner, server.url()))
    run_worker()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (State.PENDING, 1)
    assert delivery.next_at is not None
    assert timedelta(0) < delivery.next_at - timezone.now() < timedelta(seconds=6)
    deliver.call(str(delivery.pk))
    assert len(server.requests) == 1, "it is not due yet"
    make_due()
    run_worker()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (State.SUCCEEDED, 2)
    assert {request.headers["webhook-id"] for request in server.requests} == {str(delivery.pk)}
    assert [attempt.status_code for attempt in delivery.log.order_by("number")] == [500, 200]


def test_a_server_that_fails_for_ever_is_given_up_after_seven_attempts_and_may_be_tried_again(
    owner: User, make_webhook: MakeWebhook, receiver: StartReceiver
) -> None:
    server = receiver(*[answers(500)] * 7, answers(200))
    delivery = send_test(make_webhook(owner, server.url()))
    for _ in range(9):
        run_worker()
        make_due()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, len(server.requests)) == (State.FAILED, 7, 7)
    assert deliver_again(delivery)
    assert not deliver_again(delivery), "it is on its way"
    run_worker()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (State.SUCCEEDED, 8)


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        (receivers.is_slow, "longer than"),
        (receivers.drips_headers, "longer than"),
        (receivers.closes_early, "without an answer"),
        (answers(302, b"", "Location: /hook"), "redirects"),
        (answers(302, b"", "Location: http://127.0.0.1:80/"), "redirects"),
    ],
    ids=["slow", "drips", "closes", "redirects to itself", "redirects to this machine"],
)
def test_what_no_success_is_stands_in_the_log(
    behaviour: Behaviour,
    problem: str,
    owner: User,
    make_webhook: MakeWebhook,
    receiver: StartReceiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portal.webhooks.tasks.send", lambda message: sending.send(message, seconds=1))
    server = receiver(behaviour)
    send_test(make_webhook(owner, server.url()))
    run_worker()
    attempt = Attempt.objects.get()
    assert problem in attempt.problem
    assert attempt.delivery.state == State.PENDING
    assert server.connections == 1


def test_a_server_that_is_gone_turns_its_webhook_off(
    owner: User, make_webhook: MakeWebhook, receiver: StartReceiver
) -> None:
    server = receiver(answers(410))
    webhook = make_webhook(owner, server.url())
    first, second = send_test(webhook), send_test(webhook)
    run_worker()
    webhook.refresh_from_db()
    assert not webhook.active
    assert "410" in webhook.disabled_reason
    assert {each.state for each in Delivery.objects.all()} == {State.FAILED}
    assert len(server.requests) == 1
    assert not deliver_again(first)
    assert not deliver_again(second)


def test_nothing_reaches_this_machine_by_the_worker_unless_it_is_allowed(
    owner: User, make_webhook: MakeWebhook, receiver: StartReceiver, settings: Any
) -> None:
    server = receiver(answers(200))
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
        send_test(make_webhook(owner, server.url(host)))
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    run_worker()
    assert server.connections == 0
    assert Attempt.objects.count() == 3
    assert all("public internet" in attempt.problem for attempt in Attempt.objects.all())


def test_a_delivery_whose_worker_was_killed_is_sent_again(
    owner: User, make_webhook: MakeWebhook, receiver: StartReceiver
) -> None:
    server = receiver(answers(200))
    delivery = send_test(make_webhook(owner, server.url()))
    held = DBTaskResult.objects.get()
    held.claim("dead")
    assert delivery.take()
    release("dead")
    run_worker()
    assert server.connections == 0, "for as long as its minute lasts the attempt may be under way"
    Delivery.objects.update(next_at=timezone.now() - timedelta(minutes=1))
    sweep()
    run_worker()
    delivery.refresh_from_db()
    assert (delivery.state, server.connections) == (State.SUCCEEDED, 1)


def test_one_attempt_is_made_by_one_worker(owner: User, make_webhook: MakeWebhook) -> None:
    delivery = send_test(make_webhook(owner))
    assert [delivery.take(), delivery.take()] == [True, False]


def test_what_a_task_waits_for_is_not_resumed(owner: User, make_webhook: MakeWebhook) -> None:
    webhook = make_webhook(owner)
    send_test(webhook)
    Delivery.objects.update(next_at=timezone.now() - timedelta(minutes=2))
    assert resume_due() == 0
    DBTaskResult.objects.all().delete()
    assert resume_due() == 1
    assert resume_due() == 0


def test_a_task_for_later_keeps_nothing_from_being_resumed(owner: User, make_webhook: MakeWebhook) -> None:
    send_test(make_webhook(owner))
    Delivery.objects.update(next_at=timezone.now() - timedelta(minutes=2))
    DBTaskResult.objects.update(run_after=timezone.now() + timedelta(hours=10))
    assert resume_due() == 1


def test_one_persons_messages_go_one_after_another_and_hold_up_nobody_elses(
    owner: User, stranger: User, make_webhook: MakeWebhook, receiver: StartReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = receiver(answers(200))
    theirs = make_webhook(owner, server.url())
    first, second = send_test(theirs), send_test(theirs)
    others = send_test(make_webhook(stranger, server.url()))
    DBTaskResult.objects.all().delete()

    def meanwhile(message: sending.Message) -> sending.Outcome:
        monkeypatch.setattr("portal.webhooks.tasks.send", sending.send)
        deliver.call(str(second.pk))
        deliver.call(str(others.pk))
        return sending.send(message)

    monkeypatch.setattr("portal.webhooks.tasks.send", meanwhile)
    deliver.call(str(first.pk))
    states = dict(Delivery.objects.values_list("pk", "state"))
    assert states == {first.pk: State.SUCCEEDED, second.pk: State.PENDING, others.pk: State.SUCCEEDED}
    run_worker()
    second.refresh_from_db()
    assert second.state == State.SUCCEEDED


def test_nothing_is_sent_for_somebody_whose_account_is_closed(
    owner: User, stored_image: MakeImage, make_webhook: MakeWebhook, receiver: StartReceiver
) -> None:
    server = receiver(answers(200))
    delivery = send_test(make_webhook(owner, server.url()))
    User.objects.update(is_active=False)
    record_result(make_result(stored_image(owner)))
    run_worker()
    delivery.refresh_from_db()
    assert (delivery.state, server.connections, Delivery.objects.count()) == (State.FAILED, 0, 1)


def test_on_aws_what_nothing_was_heard_of_is_put_out_again(
    owner: User, make_webhook: MakeWebhook, settings: Any
) -> None:
    settings.RECOGNIZED_BY = "lambda"
    delivery = send_test(make_webhook(owner))
    assert resume_due() == 0
    Delivery.objects.update(next_at=timezone.now() - timedelta(hours=2), attempts=3)
    assert resume_due() == 1
    assert resume_due() == 0
    delivery.refresh_from_db()
    assert delivery.message.attempts_before == 3


def test_of_two_sweeps_at_once_one_puts_it_out_again(
    owner: User, make_webhook: MakeWebhook, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RECOGNIZED_BY = "lambda"
    send_test(make_webhook(owner))
    Delivery.objects.update(next_at=timezone.now() - timedelta(hours=2))
    stale = list(Delivery.objects.select_related("webhook"))
    assert resume_due() == 1

    class Stale(list[Delivery]):
        def select_related(self, *_: str) -> Stale:
            return self

        order_by = select_related

    monkeypatch.setattr(sweeping, "due_before", lambda _moment: Stale(stale))
    assert resume_due() == 0


def test_deliveries_are_forgotten_after_thirty_days(owner: User, make_webhook: MakeWebhook) -> None:
    webhook = make_webhook(owner)
    old, new = send_test(webhook), send_test(webhook)
    Delivery.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    assert forget_old() == 1
    assert Delivery.objects.get() == new


def test_slow_servers_hold_nothing_up_beside_them(
    owner: User, make_webhook: MakeWebhook, receiver: StartReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker ends when its own queue has been looked at; the webhooks' threads have sent by then."""
    server = receiver(answers(200))
    send_test(make_webhook(owner, server.url()))
    monkeypatch.setattr(working, "OTHERS_POLL_SECONDS", 0.05)

    def work_until_sent(worker: Any) -> None:
        assert worker.queue_names == ["default"]
        deadline = time.monotonic() + 20
        while not Delivery.objects.filter(state=State.SUCCEEDED).exists():
            assert time.monotonic() < deadline, "nobody sent it"
            time.sleep(0.05)

    beside = working.Worker.run

    def run(worker: Any) -> None:
        work_until_sent(worker) if worker.queue_names == ["default"] else beside(worker)

    monkeypatch.setattr(working.Worker, "run", run)
    work("both")
    assert len(server.requests) == 1
    connection.close()
