"""The form that makes a token."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.core.validators import MaxValueValidator
from django.utils import timezone

from portal.accounts.models import User
from portal.api.models import ApiToken, Scope
from portal.api.tokens import LONGEST_NAME, TokenRefused, make_token

USUAL_SCOPES = (Scope.IMAGES_READ, Scope.IMAGES_WRITE)
USUAL_DAYS = 365
_CUSTOM, _NEVER = "custom", "never"


class TokenForm(forms.Form):
    """A name, scopes and until when. Only staff are offered `admin`."""

    name = forms.CharField(
        label="Name",
        max_length=LONGEST_NAME,
        help_text="What it is for, to tell your tokens apart: “laptop”, “nightly upload”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[scope.value for scope in USUAL_SCOPES],
        error_messages={"required": "A token without a scope could do nothing: choose at least one."},
    )
    expires = forms.ChoiceField(
        label="Expires",
        choices=[
            ("30", "In 30 days"),
            ("90", "In 90 days"),
            (str(USUAL_DAYS), "In a year"),
            (_CUSTOM, "At the end of a day that I choose"),
            (_NEVER, "Never: it is good until you revoke it"),
        ],
        initial=str(USUAL_DAYS),
    )
    last_day = forms.DateField(
        label="Its last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        validators=[MaxValueValidator(date(9999, 12, 30))],
        help_text="Only for a day that you choose. Days end at midnight UTC.",
    )

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._owner = owner
        self.fields["scopes"].choices = [  # type: ignore[attr-defined]
            choice for choice in Scope.choices if owner.is_staff or choice[0] != Scope.ADMIN.value
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("expires") == _CUSTOM and not cleaned.get("last_day") and "last_day" not in self.errors:
            self.add_error("last_day", "Choose the day, or another time for the token to expire.")
        return cleaned

    def make(self) -> tuple[ApiToken, str] | None:
        """Make the token of a valid form. None when there can be no such token: then the form says why."""
        values = self.cleaned_data
        try:
            return make_token(self._owner, values["name"], values["scopes"], self._expires_at())
        except TokenRefused as refusal:
            field = {"expires_at": "last_day"}.get(refusal.field, refusal.field)
            self.add_error(field or NON_FIELD_ERRORS, refusal.message)
            return None

    def _expires_at(self) -> datetime | None:
        chosen = self.cleaned_data["expires"]
        if chosen == _NEVER:
            return None
        if chosen == _CUSTOM:
            return datetime.combine(self.cleaned_data["last_day"], time.min, tzinfo=UTC) + timedelta(days=1)
        return timezone.now() + timedelta(days=int(chosen))
