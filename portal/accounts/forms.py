"""Forms of the account pages, and allauth's where its words or defaults do not fit."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm as AllauthLoginForm
from allauth.account.forms import ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms

from portal.accounts.models import User


class LoginForm(AllauthLoginForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields["login"]
        login.label = "Username or email"
        login.widget.attrs["autocomplete"] = "username webauthn"
        self.fields["remember"].label = "Stay signed in on this device"


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """allauth's form, with the choice most people want made for them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        count = Authenticator.objects.filter(user=self.user, type=Authenticator.Type.WEBAUTHN).count()
        self.initial["name"] = f"Passkey {count + 1}"
        self.fields["name"].label = "Name, to tell your passkeys apart"
        passwordless = self.fields["passwordless"]
        passwordless.initial = True
        passwordless.label = "Sign in with it instead of the password"
        passwordless.help_text = "Without this, it is only asked for after your password, as a second step."


class PasswordConfirmation(ReauthenticateForm):  # type: ignore[misc]
    """Asks for the password of `user`."""


class NameConfirmation(forms.Form):
    """Asks somebody who has no password to type their username."""

    username = forms.CharField(label="Type your username", widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        if username != self.user.username:
            raise forms.ValidationError("This is not your username.")
        return username


def leaving_confirmation(user: User, data: Any = None) -> PasswordConfirmation | NameConfirmation:
    """The form that must be filled in before an account is deleted."""
    if user.has_usable_password():
        return PasswordConfirmation(data, user=user)
    return NameConfirmation(data, user=user)
