"""Taking one's data along, and leaving."""

from __future__ import annotations

import json
import zipfile
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile, File
from django.core.files.storage import storages
from django.core.serializers.json import DjangoJSONEncoder
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts import leaving
from portal.accounts.models import ErasureReceipt, User
from portal.accounts.taking_along import Archive, safe_name
from portal.api.tokens import make_token
from portal.images.erasing import erase_due
from portal.images.models import FlagVerdict, Image, Label, LabelState, Recognition, StorageDeletion
from portal.moderation.models import Annotation, AuditEntry, Suggestion, Verb
from portal.webhooks.models import Attempt, Delivery, Webhook
from tests.conftest import PASSWORD


def unpacked(client: Client) -> zipfile.ZipFile:
    response = client.get(reverse("accounts:download_data"))
    assert response.headers["Content-Disposition"].startswith("attachment;")
    packed = zipfile.ZipFile(BytesIO(b"".join(response.streaming_content)))
    assert packed.testzip() is None
    return packed


def member(packed: zipfile.ZipFile, ending: str) -> bytes:
    (name,) = [name for name in packed.namelist() if name.endswith(ending)]
    return packed.read(name)


def test_the_archive_holds_files_results_and_account(client: Client, owner: User, recognized_image: Any) -> None:
    image = recognized_image(owner, name="dog in snow.jpg", content=b"the very bytes")
    client.force_login(owner)
    packed = unpacked(client)
    folder = f"images/{image.created_at:%Y-%m-%dT%H%M%SZ}-{image.pk}"
    assert packed.read(f"{folder}/dog_in_snow.jpg") == b"the very bytes"
    assert json.loads(packed.read(f"{folder}/image.json"))["status"] == "recognized"
    (recognition,) = image.recognitions.all()
    assert json.loads(member(packed, f"-{recognition.pk}.json")) == recognition.document
    account = json.loads(packed.read("account.json"))
    assert (account["username"], account["email"]) == ("owner", "owner@example.com")
    assert "Missing" not in packed.read("README.txt").decode()


def test_the_archive_holds_no_secret(client: Client, owner: User) -> None:
    Authenticator.objects.create(user=owner, type="totp", data={"secret": "TOPSECRET"})
    client.force_login(owner)
    account = unpacked(client).read("account.json").decode()
    assert "totp" in account
    assert "TOPSECRET" not in account
    assert owner.password not in account


def test_the_archive_holds_tokens_and_webhooks_without_their_secrets(client: Client, owner: User) -> None:
    token, text = make_token(owner, "laptop", ["images:read"])
    webhook = Webhook.objects.create(owner=owner, url="https://example.com/hook", events=["image.failed"])
    sent = [Delivery.objects.create(webhook=webhook, event="image.failed", body="{}") for _ in range(203)]
    Delivery.objects.create(
        webhook=webhook, event="image.failed", body="old", created_at=timezone.now() - timedelta(days=31)
    )
    Attempt.objects.create(delivery=sent[0], number=1, at=timezone.now(), duration_ms=7, problem="It is down.")
    client.force_login(owner)
    packed = unpacked(client)
    (told,) = json.loads(packed.read("account.json"))["api_tokens"]
    assert (told["name"], told["hint"], told["scopes"]) == ("laptop", token.hint, ["images:read"])
    assert json.loads(member(packed, "/webhook.json"))["url"] == webhook.url
    lines = [json.loads(line) for line in member(packed, "/deliveries.jsonl").splitlines()]
    assert [line["id"] for line in lines] == [
        str(delivery.pk) for delivery in sorted(sent, key=lambda row: (row.created_at, row.pk))
    ]
    (tried,) = [line["attempts"] for line in lines if line["id"] == str(sent[0].pk)]
    assert (tried[0]["number"], tried[0]["problem"]) == (1, "It is down.")
    everything = b"".join(packed.read(name) for name in packed.namelist()).decode()
    assert not [secret for secret in (text, token.digest, webhook.secret) if secret in everything]


def test_of_several_archives_the_first_alone_holds_webhooks(owner: User, stored_image: Any) -> None:
    Webhook.objects.create(owner=owner, url="https://example.com/hook", events=[])
    stored_image(owner)
    stored_image(owner)
    first = Archive(owner, is_full=lambda _bytes: True)
    names = zipfile.ZipFile(BytesIO(b"".join(first))).namelist()
    later = zipfile.ZipFile(BytesIO(b"".join(Archive(owner, first.last)))).namelist()
    assert [any(name.startswith("webhooks/") for name in part) for part in (names, later)] == [True, False]


def test_the_archive_holds_ones_own_data_alone(
    client: Client, owner: User, stranger: User, recognized_image: Any
) -> None:
    recognized_image(owner, name="mine.jpg")
    theirs = recognized_image(stranger, name="theirs.jpg")
    client.force_login(owner)
    names = " ".join(unpacked(client).namelist())
    assert "mine.jpg" in names
    assert "theirs" not in names
    assert str(theirs.pk) not in names


def test_the_archive_tells_what_people_decided_and_suggested_and_not_who_they_were(
    client: Client, owner: User, stranger: User, recognized_image: Any
) -> None:
    image = recognized_image(owner)
    Image.objects.filter(pk=image.pk).update(shared=True, flagged=True, verdict=FlagVerdict.ALLOWED)
    dog, wolf = Label.objects.get(name="Dog"), Label.objects.create(name="wolf", display_name="Wolf")
    box = {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}
    corrected = Annotation.objects.create(
        image=image, label=wolf, predicted_label=dog, state=LabelState.CORRECTED, author=stranger, **box
    )
    added = Annotation.objects.create(image=image, label=wolf, state=LabelState.ADDED, author=owner)
    said = Suggestion.objects.create(image=image, author=owner, label="Dog", kind="instead", instead="Wolf")
    client.force_login(owner)
    raw = member(unpacked(client), "/image.json")
    told = json.loads(raw)
    assert told["shared_with_moderators"] is True
    assert told["content_flag"] == {"flagged": True, "verdict": "allowed"}
    common = {"label": "Wolf"}
    assert told["decisions"] == [
        {
            **common,
            "state": "corrected",
            "box": box,
            "instead_of": "Dog",
            "decided_at": as_json(corrected.decided_at),
            "by_you": False,
        },
        {
            **common,
            "state": "added",
            "box": None,
            "instead_of": None,
            "decided_at": as_json(added.decided_at),
            "by_you": True,
        },
    ]
    assert told["suggestions"] == [
        {"label": "Dog", "kind": "instead", "instead": "Wolf", "made_at": as_json(said.made_at), "settled_at": None}
    ]
    assert stranger.username not in raw.decode()


def as_json(moment: datetime) -> Any:
    return json.loads(json.dumps(moment, cls=DjangoJSONEncoder))


def test_a_missing_file_does_not_break_the_archive(client: Client, owner: User, recognized_image: Any) -> None:
    lost = recognized_image(owner, name="lost.jpg")
    recognized_image(owner, name="kept.jpg")
    storages["uploads"].delete(lost.upload_key)
    client.force_login(owner)
    packed = unpacked(client)
    assert member(packed, "/kept.jpg")
    assert "lost.jpg" in packed.read("README.txt").decode()
    assert not [name for name in packed.namelist() if name.endswith("lost.jpg")]


def test_a_file_that_cannot_be_read_to_its_end_is_named_in_the_archive(
    owner: User, stored_image: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(_self: Any, _size: int) -> Any:
        yield b"first half"
        raise OSError("the disk is gone")

    stored_image(owner, name="torn.jpg")
    monkeypatch.setattr(File, "chunks", torn)
    packed = zipfile.ZipFile(BytesIO(b"".join(Archive(owner))))
    assert packed.testzip() is None
    assert member(packed, "/torn.jpg") == b"first half"
    assert "torn.jpg" in packed.read("README.txt").decode().partition("Missing")[2]


def test_the_archive_comes_in_small_pieces_and_reads_files_only_when_it_gets_to_them(
    owner: User, stored_image: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        stored_image(owner, bytes(2_000_000), f"{number}.jpg")
    opened: list[str] = []
    store = storages["uploads"]
    original = store.open
    monkeypatch.setattr(store, "open", lambda name: opened.append(name) or original(name))
    pieces = iter(Archive(owner))
    largest = len(next(pieces))
    assert len(opened) == 1
    largest = max(largest, *(len(piece) for piece in pieces))
    assert len(opened) == 3
    assert largest <= 300_000


def test_more_images_than_one_page_of_rows_are_all_in_the_archive(owner: User, stored_image: Any) -> None:
    for number in range(53):
        stored_image(owner, b"x", f"photo-{number}.jpg")
    names = zipfile.ZipFile(BytesIO(b"".join(Archive(owner)))).namelist()
    assert len({name for name in names if name.endswith(".jpg")}) == 53


@pytest.mark.parametrize(
    ("filename", "safe"),
    [
        ("holiday photo.jpg", "holiday_photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\cat.png", "cat.png"),
        ("image.json", "original-image.json"),
        ("result-1.json", "original-result-1.json"),
        ("..", "original"),
        ("", "original"),
        ("a:b?.jpg", "ab.jpg"),
        ("Straße 東京.jpg", "Straße_東京.jpg"),
        ("x" * 250 + ".jpeg", "x" * 100 + ".jpeg"),
    ],
)
def test_filenames_unpack_safely(filename: str, safe: str) -> None:
    assert safe_name(filename) == safe


def leave(client: Client, **answers: str) -> Any:
    return client.post(reverse("accounts:delete_account"), answers)


def test_leaving_says_exactly_what_goes(client: Client, owner: User, recognized_image: Any) -> None:
    recognized_image(owner, content=bytes(5000))
    client.force_login(owner)
    page = client.get(reverse("accounts:delete_account")).content.decode()
    assert "1 image:" in page
    assert "1 recognition," in page
    assert "5 kB" in page
    assert "cannot be undone" in page
    assert reverse("accounts:download_data") in page


def test_leaving_erases_rows_at_once_and_files_soon_and_leaves_a_receipt(
    client: Client, owner: User, stranger: User, recognized_image: Any, tmp_path: Path
) -> None:
    gone, kept = recognized_image(owner), recognized_image(stranger)
    storages["derived"].save(f"{gone.derived_prefix}/stray.bin", ContentFile(b"x"))
    storages["uploads"].save(f"uploads/{owner.pk}/without-a-row", ContentFile(b"x"))
    EmailAddress.objects.create(user=owner, email=owner.email, primary=True)
    Authenticator.objects.create(user=owner, type="totp", data={})
    client.force_login(owner)

    response = leave(client, password=PASSWORD)

    receipt = ErasureReceipt.objects.get()
    assert response.headers["Location"] == receipt.get_absolute_url()
    assert (receipt.images, receipt.recognitions, receipt.original_bytes) == (1, 1, gone.byte_size)
    assert list(Image.objects.all()) == [kept]
    assert Recognition.objects.count() == 1
    assert list(User.objects.all()) == [stranger]
    assert not EmailAddress.objects.exists()
    assert not Authenticator.objects.exists()
    assert "being erased" in client.get(response.headers["Location"]).content.decode()

    erase_due()

    assert not StorageDeletion.objects.exists()
    assert "Everything is erased" in client.get(response.headers["Location"]).content.decode()
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {f"uploads/{kept.upload_key}", f"derived/{kept.preview_key}", f"derived/{kept.thumbnail_key}"}


def test_what_a_moderator_decided_outlives_them_without_their_name(
    owner: User, stranger: User, recognized_image: Any
) -> None:
    image, own = recognized_image(owner), recognized_image(stranger)
    dog = Label.objects.get(name="Dog")
    Suggestion.objects.create(image=own, author=stranger, label="Dog", kind="wrong")
    decided = Annotation.objects.create(image=image, label=dog, state=LabelState.APPROVED, author=stranger)
    for actor in (stranger, owner):
        AuditEntry.objects.create(
            actor=actor, actor_name=actor.username, verb=Verb.APPROVED, image=image, image_uuid=image.pk, subject="Dog"
        )
    leaving.delete_account(stranger)
    decided.refresh_from_db()
    assert (decided.author, decided.state) == (None, LabelState.APPROVED)
    assert not Suggestion.objects.exists()
    deeds = AuditEntry.objects.order_by("actor_name").values_list("actor", "actor_name")
    assert list(deeds) == [(None, "a former moderator"), (owner.pk, owner.username)]


def test_leaving_ends_every_session_and_no_one_elses(client: Client, owner: User, stranger: User) -> None:
    elsewhere, bystander = Client(), Client()
    client.force_login(owner)
    elsewhere.force_login(owner)
    bystander.force_login(stranger)
    leave(client, password=PASSWORD)
    assert Session.objects.count() == 1
    assert elsewhere.get(reverse("accounts:overview")).status_code == 302
    assert bystander.get(reverse("accounts:overview")).status_code == 200


def test_nobody_is_deleted_without_their_password(client: Client, owner: User, recognized_image: Any) -> None:
    recognized_image(owner)
    client.force_login(owner)
    page = leave(client, password="wrong").content.decode()
    assert "Incorrect password" in page
    assert Image.objects.count() == 1
    assert User.objects.filter(pk=owner.pk).exists()


def test_guessing_the_password_on_the_leaving_page_is_stopped(client: Client, owner: User) -> None:
    client.force_login(owner)
    for _ in range(10):
        leave(client, password="wrong")
    assert leave(client, password=PASSWORD).status_code == 429
    assert User.objects.filter(pk=owner.pk).exists()


def test_who_has_no_password_types_their_username(client: Client, owner: User) -> None:
    owner.set_unusable_password()
    owner.save()
    client.force_login(owner)
    assert "This is not your username" in leave(client, username="stranger").content.decode()
    leave(client, username="owner")
    assert not User.objects.exists()


def test_who_has_only_a_passkey_confirms_with_it_before_leaving(client: Client, owner: User) -> None:
    owner.set_unusable_password()
    owner.save()
    Authenticator.objects.create(user=owner, type="webauthn", data={})
    client.force_login(owner)
    response = leave(client, username="owner")
    assert response.headers["Location"].startswith(reverse("mfa_reauthenticate_webauthn"))
    assert User.objects.filter(pk=owner.pk).exists()


def test_the_last_administrator_cannot_leave(client: Client, owner: User, stranger: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_superuser=True, is_staff=True)
    client.force_login(owner)
    assert "only administrator" in leave(client, password=PASSWORD).content.decode()
    assert User.objects.filter(pk=owner.pk).exists()
    assert not ErasureReceipt.objects.exists()

    User.objects.filter(pk=stranger.pk).update(is_superuser=True)
    leave(client, password=PASSWORD)
    assert not User.objects.filter(pk=owner.pk).exists()


def test_leaving_twice_is_refused_and_makes_no_second_receipt(owner: User) -> None:
    again = User.objects.get(pk=owner.pk)
    leaving.delete_account(owner)
    with pytest.raises(User.DoesNotExist):
        leaving.delete_account(again)
    assert ErasureReceipt.objects.count() == 1


@pytest.mark.django_db
def test_a_receipt_is_read_by_whoever_knows_its_address_and_tells_no_name(client: Client) -> None:
    receipt = ErasureReceipt.objects.create(images=1234, recognitions=2, original_bytes=30)
    StorageDeletion.objects.create(storage="uploads", path="uploads/1", receipt=receipt)
    page = client.get(receipt.get_absolute_url()).content.decode()
    assert "1,234" in page
    assert "1 place left" in page

    state = client.get(receipt.get_absolute_url(), headers={"hx-request": "true"}).content.decode()
    assert "<html" not in state
    assert "hx-trigger" in state
    StorageDeletion.objects.all().delete()
    state = client.get(receipt.get_absolute_url(), headers={"hx-request": "true"}).content.decode()
    assert "hx-trigger" not in state

    text = client.get(reverse("accounts:erasure_receipt_text", args=[receipt.pk]))
    assert text.headers["Content-Type"].startswith("text/plain")
    assert "everything is erased" in text.content.decode()


@pytest.mark.django_db
def test_an_unknown_receipt_is_not_found(client: Client) -> None:
    assert client.get("/account/erased/00000000-0000-0000-0000-000000000000/").status_code == 404


def test_a_confirmation_sent_twice_ends_at_the_front_page(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_user: User) -> None:
        raise User.DoesNotExist

    client.force_login(owner)
    monkeypatch.setattr("portal.accounts.leaving.delete_account", gone)
    assert leave(client, password=PASSWORD).url == reverse("home")
