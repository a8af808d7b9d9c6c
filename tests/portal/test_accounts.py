"""Signing up, signing in and what protects both."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from portal.accounts.first_admin import make_first_admin
from portal.accounts.models import User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def sign_up(client: Client, name: str = "ada") -> Any:
    return client.post(
        reverse("account_signup"),
        {"username": name, "email": f"{name}@example.com", "password1": PASSWORD},
    )


def sign_in(client: Client, login: str, password: str = PASSWORD) -> Any:
    return client.post(reverse("account_login"), {"login": login, "password": password})


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def current_code(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time()))))


def test_who_signs_up_is_signed_in_and_gets_a_link_that_confirms_the_address(client: Client, mailoutbox: Any) -> None:
    response = sign_up(client)
    assert response.status_code == 302
    assert is_signed_in(client)
    link = re.search(r"http://testserver(/accounts/confirm-email/\S+)", mailoutbox[0].body)
    assert link is not None
    client.post(link[1])
    assert EmailAddress.objects.get(user__username="ada").verified


def test_signing_up_asks_for_one_password_and_names_each_mistake_beside_its_field(client: Client) -> None:
    response = client.post(reverse("account_signup"), {"username": "ada", "email": "nonsense", "password1": "123"})
    page = response.content.decode()
    assert 'name="password2"' not in page
    assert 'autocomplete="new-password"' in page
    assert '<a href="#id_email">' in page
    assert 'id="id_email_error"' in page
    assert re.search(r'<input[^>]*name="email"[^>]*aria-invalid="true"[^>]*aria-describedby="id_email_error"', page)


def test_nobody_signs_up_while_that_is_closed(client: Client, settings: Any) -> None:
    settings.SIGNUP_OPEN = False
    assert "Sign-up is closed" in client.get(reverse("account_signup")).content.decode()
    sign_up(client)
    assert not User.objects.exists()


def test_nobody_signs_in_with_an_unconfirmed_address_where_confirming_is_mandatory(
    client: Client, settings: Any
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    response = sign_up(client)
    assert response.headers["Location"] == reverse("account_email_verification_sent")
    assert not is_signed_in(client)


@pytest.mark.parametrize("login", ["owner", "owner@example.com"])
def test_people_sign_in_by_name_or_address(client: Client, owner: User, login: str) -> None:
    sign_in(client, login)
    assert is_signed_in(client)
    assert client.session["_auth_user_id"] == str(owner.pk)


def test_guessing_a_password_is_stopped_after_a_few_tries(client: Client, owner: User) -> None:
    for _ in range(5):
        sign_in(client, owner.username, "wrong password")
    response = sign_in(client, owner.username)
    assert not is_signed_in(client)
    assert "Too many failed login attempts" in response.content.decode()


def test_too_many_requests_to_sign_in_end_on_a_page_that_says_so(client: Client, db: None) -> None:
    for _ in range(31):
        response = sign_in(client, "nobody", "nothing")
    assert response.status_code == 429
    assert "Too many tries" in response.content.decode()


def test_a_forgotten_password_is_replaced_through_a_link_in_a_message(
    client: Client, owner: User, mailoutbox: Any
) -> None:
    client.post(reverse("account_reset_password"), {"email": owner.email})
    link = re.search(r"http://testserver(\S+/key/\S+)", mailoutbox[0].body)
    assert link is not None
    form = client.get(link[1], follow=True)
    path = form.redirect_chain[-1][0]
    client.post(path, {"password1": "another good one", "password2": "another good one"})
    sign_in(client, "owner", "another good one")
    assert is_signed_in(client)


def test_a_password_reset_does_not_tell_whether_an_address_has_an_account(client: Client, owner: User) -> None:
    pages = [
        client.post(reverse("account_reset_password"), {"email": email}, follow=True).content
        for email in (owner.email, "nobody@example.com")
    ]
    strip = [re.sub(rb'value="[^"]*"', b"", page) for page in pages]
    assert strip[0] == strip[1]


def test_an_authenticator_app_is_set_up_by_its_picture_and_asked_for_from_then_on(client: Client, owner: User) -> None:
    sign_in(client, "owner")
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = client.get(reverse("mfa_activate_totp")).content.decode()
    assert 'src="data:image/svg+xml' in page
    assert 'autocomplete="one-time-code"' in page
    secret = re.search(r'id="authenticator_secret" value="(\w+)"', page)
    assert secret is not None
    client.post(reverse("mfa_activate_totp"), {"code": current_code(secret[1])})
    assert Authenticator.objects.filter(user=owner, type="totp").exists()

    client.post(reverse("account_logout"))
    response = sign_in(client, "owner")
    assert response.headers["Location"].startswith(reverse("mfa_authenticate"))
    assert not is_signed_in(client)


def test_a_recovery_code_signs_in_once(client: Client, owner: User) -> None:
    TOTP.activate(owner, generate_totp_secret())
    code = RecoveryCodes.activate(owner).get_unused_codes()[0]
    sign_in(client, "owner")
    client.post(reverse("mfa_authenticate"), {"code": code})
    assert is_signed_in(client)

    client.post(reverse("account_logout"))
    sign_in(client, "owner")
    client.post(reverse("mfa_authenticate"), {"code": code})
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    ("host", "works"), [("localhost:8000", True), ("127.0.0.1:8000", False), ("[::1]:8000", False)]
)
def test_the_sign_in_page_says_where_passkeys_do_not_work(client: Client, host: str, works: bool) -> None:
    page = client.get(reverse("account_login"), headers={"host": host}).content.decode()
    assert ("Passkeys do not work at this address" not in page) == works
    assert ("http://localhost:8000/accounts/login/" in page) != works


def test_pages_say_that_messages_are_only_printed(client: Client, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert "sends no email" in client.get(reverse("account_reset_password_done")).content.decode()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert "sends no email" not in client.get(reverse("account_reset_password_done")).content.decode()


def test_the_account_page_tells_what_there_is(client: Client, owner: User, recognized_image: Any) -> None:
    recognized_image(owner)
    client.force_login(owner)
    page = client.get(reverse("accounts:overview")).content.decode()
    assert "owner@example.com" in page
    assert "Not confirmed" in page
    assert "1 image (" in page


def test_the_account_page_is_for_people_signed_in(client: Client) -> None:
    for name in ("overview", "download_data", "delete_account"):
        response = client.get(reverse(f"accounts:{name}"))
        assert response.headers["Location"].startswith(reverse("account_login"))


def test_only_staff_are_shown_the_administration(client: Client, owner: User) -> None:
    client.force_login(owner)
    address = f'href="{reverse("admin:index")}"'
    assert address not in client.get(reverse("accounts:overview")).content.decode()
    owner.is_staff = True
    owner.save()
    assert address in client.get(reverse("accounts:overview")).content.decode()


def test_the_first_administrator_is_made_and_told_once() -> None:
    first, second = StringIO(), StringIO()
    call_command("first_admin", stdout=first)
    call_command("first_admin", stdout=second)
    told = re.fullmatch(r"Administrator: admin\nPassword: (\S{16})\n", first.getvalue())
    assert told is not None
    assert second.getvalue() == ""
    admin = User.objects.get(is_superuser=True)
    assert admin.check_password(told[1])


def test_the_first_administrator_can_sign_in_where_confirming_is_mandatory(client: Client, settings: Any) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    admin = make_first_admin("admin")
    assert admin is not None
    sign_in(client, admin.username, admin.password)
    assert is_signed_in(client)


def test_the_first_administrator_takes_another_name_where_its_own_is_taken(owner: User) -> None:
    admin = make_first_admin("owner")
    assert admin is not None
    assert admin.username == "owner2"
    assert not User.objects.get(username="owner").is_superuser
