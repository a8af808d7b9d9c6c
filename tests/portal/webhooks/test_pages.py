"""The pages of a person's webhooks."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.webhooks.announcing import send_test
from portal.webhooks.checks import check_private_addresses
from portal.webhooks.models import Delivery, State, Webhook
from portal.webhooks.recording import record_attempt
from portal.webhooks.withdrawing import stop
from tests.portal.webhooks.conftest import MakeWebhook

BOTH = ["image.recognized", "image.failed"]


@pytest.fixture
def webhook(owner: User, make_webhook: MakeWebhook) -> Webhook:
    return make_webhook(owner)


@pytest.fixture
def visitor(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def do(client: Client, name: str, webhook: Webhook, *more: object) -> Any:
    return client.post(reverse(f"webhooks:{name}", args=[webhook.pk, *more]), follow=True)


def fail(delivery: Delivery, answer: str = "") -> None:
    record_attempt(
        delivery.pk,
        attempt=1,
        at=timezone.now(),
        status_code=500,
        problem="The server answered with status 500.",
        duration_ms=12,
        answer=answer,
        given_up=True,
    )


def test_the_account_leads_to_an_empty_list_that_says_what_webhooks_are(visitor: Client) -> None:
    assert reverse("webhooks:index") in visitor.get(reverse("accounts:overview")).content.decode()
    shown = visitor.get(reverse("webhooks:index")).content.decode()
    assert "No webhooks yet" in shown
    assert reverse("webhooks:add") in shown


def test_a_webhook_is_made_and_its_secret_shown(visitor: Client, owner: User) -> None:
    answer = visitor.post(reverse("webhooks:add"), {"url": "https://example.com/hook", "events": BOTH}, follow=True)
    webhook = Webhook.objects.get()
    assert (webhook.owner, webhook.url, webhook.events) == (owner, "https://example.com/hook", BOTH)
    assert webhook.portal_origin == "http://testserver"
    assert webhook.secret in answer.content.decode()
    assert webhook.secret not in visitor.get(webhook.get_absolute_url()).content.decode()
    assert "example.com/hook" in visitor.get(reverse("webhooks:index")).content.decode()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://example.com/", "https://"),
        ("https://127.0.0.1/", "public internet"),
        ("https://user:word@example.com/", "password"),
        ("https://example.com:25/", "port"),
        ("", "required"),
    ],
)
def test_an_address_that_will_not_do_is_explained(url: str, sentence: str, visitor: Client) -> None:
    answer = visitor.post(reverse("webhooks:add"), {"url": url, "events": BOTH})
    assert sentence in answer.content.decode()
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("events", [[], ["webhook.test"], ["image.deleted"]])
def test_only_events_that_exist_can_be_chosen(events: list[str], visitor: Client) -> None:
    visitor.post(reverse("webhooks:add"), {"url": "https://example.com/", "events": events})
    assert not Webhook.objects.exists()


def test_there_is_no_eleventh_webhook(visitor: Client, owner: User, make_webhook: MakeWebhook) -> None:
    for _ in range(10):
        make_webhook(owner)
    answer = visitor.post(reverse("webhooks:add"), {"url": "https://example.com/", "events": BOTH})
    assert "Delete one first" in answer.content.decode()
    assert Webhook.objects.count() == 10


def test_a_test_event_is_listed_with_what_came_of_it(visitor: Client, webhook: Webhook) -> None:
    shown = do(visitor, "test", webhook).content.decode()
    assert "webhook.test" in shown
    assert "every 3s" in shown
    fail(Delivery.objects.get(), "<b>Internal</b> error")
    log = visitor.get(webhook.get_absolute_url(), headers={"HX-Request": "true"}).content.decode()
    assert "&lt;b&gt;Internal&lt;/b&gt; error" in log
    assert "status 500" in log
    assert "every 3s" not in log
    assert "<html" not in log


def test_one_test_event_at_a_time(visitor: Client, webhook: Webhook) -> None:
    do(visitor, "test", webhook)
    assert "on its way already" in do(visitor, "test", webhook).content.decode()
    assert Delivery.objects.count() == 1


def test_a_delivery_is_sent_again(visitor: Client, webhook: Webhook) -> None:
    delivery = send_test(webhook)
    assert "already" in do(visitor, "redeliver", webhook, delivery.pk).content.decode()
    fail(delivery)
    do(visitor, "redeliver", webhook, delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.attempts_before) == (State.PENDING, 1, 1)


def test_a_paused_webhook_delivers_nothing_until_it_is_resumed(visitor: Client, webhook: Webhook) -> None:
    delivery = send_test(webhook)
    do(visitor, "pause", webhook)
    delivery.refresh_from_db()
    assert delivery.state == State.FAILED
    assert "paused" in do(visitor, "test", webhook).content.decode()
    assert "paused" in do(visitor, "redeliver", webhook, delivery.pk).content.decode()
    assert Delivery.objects.count() == 1
    do(visitor, "resume", webhook)
    do(visitor, "test", webhook)
    assert Delivery.objects.filter(state=State.PENDING).count() == 1


def test_resuming_forgets_why_it_was_turned_off(visitor: Client, webhook: Webhook) -> None:
    stop(webhook, "The server is gone.")
    assert "The server is gone." in visitor.get(webhook.get_absolute_url()).content.decode()
    do(visitor, "resume", webhook)
    webhook.refresh_from_db()
    assert (webhook.active, webhook.disabled_reason) == (True, "")


def test_a_new_secret_replaces_the_old_one(visitor: Client, webhook: Webhook) -> None:
    old = webhook.secret
    shown = do(visitor, "rotate", webhook).content.decode()
    webhook.refresh_from_db()
    assert webhook.secret != old
    assert webhook.secret in shown


def test_a_webhook_is_deleted_once_it_is_confirmed(visitor: Client, webhook: Webhook) -> None:
    send_test(webhook)
    visitor.get(reverse("webhooks:delete", args=[webhook.pk]))
    assert Webhook.objects.exists()
    do(visitor, "delete", webhook)
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()


def test_the_log_is_paged_and_costs_few_queries(
    visitor: Client, webhook: Webhook, django_assert_max_num_queries: Any
) -> None:
    for _ in range(45):
        fail(send_test(webhook))
    with django_assert_max_num_queries(8):
        shown = visitor.get(webhook.get_absolute_url()).content.decode()
    assert "Page 1 of 3" in shown
    assert shown.count("webhook-id ") == 20
    assert "Page 3 of 3" in visitor.get(webhook.get_absolute_url() + "?page=99").content.decode()


@pytest.mark.parametrize("name", ["detail", "delete", "test", "pause", "resume", "rotate", "redeliver"])
def test_somebody_elses_webhook_does_not_exist(
    name: str, client: Client, owner: User, stranger: User, webhook: Webhook
) -> None:
    delivery = send_test(webhook)
    fail(delivery)
    before = Webhook.objects.values().get()
    client.force_login(stranger)
    more = [delivery.pk] if name == "redeliver" else []
    address = reverse(f"webhooks:{name}", args=[webhook.pk, *more])
    if name in ("detail", "delete"):
        assert client.get(address).status_code == 404
    if name != "detail":
        assert client.post(address).status_code == 404
    assert Webhook.objects.values().get() == before
    assert Delivery.objects.get().state == State.FAILED
    assert webhook.url not in client.get(reverse("webhooks:index")).content.decode()


def test_a_delivery_of_another_webhook_cannot_be_sent_through_ones_own(
    visitor: Client, stranger: User, webhook: Webhook, make_webhook: MakeWebhook
) -> None:
    delivery = send_test(make_webhook(stranger))
    fail(delivery)
    assert visitor.post(reverse("webhooks:redeliver", args=[webhook.pk, delivery.pk])).status_code == 404


@pytest.mark.parametrize("name", ["index", "add"])
def test_who_is_not_signed_in_is_asked_to(name: str, client: Client, db: None) -> None:
    assert client.get(reverse(f"webhooks:{name}")).status_code == 302


@pytest.mark.parametrize("name", ["test", "pause", "resume", "rotate", "redeliver"])
def test_looking_changes_nothing(name: str, visitor: Client, webhook: Webhook) -> None:
    more = [send_test(webhook).pk] if name == "redeliver" else []
    assert visitor.get(reverse(f"webhooks:{name}", args=[webhook.pk, *more])).status_code == 405


def test_staff_see_webhooks_without_their_secrets(client: Client, owner: User, webhook: Webhook) -> None:
    delivery = send_test(webhook)
    User.objects.filter(pk=owner.pk).update(is_staff=True, is_superuser=True)
    owner.refresh_from_db()
    client.force_login(owner)
    for address in (
        reverse("admin:webhooks_webhook_changelist"),
        reverse("admin:webhooks_webhook_change", args=[webhook.pk]),
        reverse("admin:webhooks_delivery_changelist"),
        reverse("admin:webhooks_delivery_change", args=[delivery.pk]),
    ):
        shown = client.get(address)
        assert shown.status_code == 200
        assert webhook.secret not in shown.content.decode()


def test_a_server_that_lets_people_call_private_addresses_is_warned_about(settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    assert [found.id for found in check_private_addresses(None)] == ["imagesift.W025"]
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    assert check_private_addresses(None) == []
