"""The form that makes a webhook."""

from __future__ import annotations

from django import forms
from django.conf import settings

from portal.webhooks.models import Event
from webhooks.addresses import LONGEST, AddressRefused, check_url


class WebhookForm(forms.Form):
    """An address, and what to tell it. Whether its name leads to a public machine is seen at each delivery."""

    url = forms.CharField(
        label="Address",
        max_length=LONGEST,
        help_text="Begins with https:// and is reachable from the internet.",
        widget=forms.URLInput(
            attrs={"placeholder": "https://example.com/imagesift", "autocomplete": "url", "autofocus": True}
        ),
    )
    events = forms.MultipleChoiceField(
        label="Tell it when",
        choices=Event.choices,
        initial=[event.value for event in Event],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            check_url(url, allow_private=settings.WEBHOOKS_ALLOW_PRIVATE)
        except AddressRefused as error:
            raise forms.ValidationError(str(error)) from error
        return url
