"""Pages of the administration on which a change may be refused: the form comes back and says why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from portal.accounts.models import User
from portal.moderation.deeds import Refused
from portal.moderation.models import VocabularyChange
from portal.moderation.vocabulary.changing import Wish


class RefusableForm(forms.ModelForm):  # type: ignore[type-arg]
    """Says why what it asked for was refused, when it is made once more."""

    refusal: Refused | None = None

    def clean(self) -> dict[str, Any] | None:
        if self.refusal is not None:
            raise ValidationError(self.refusal.message, code=self.refusal.code)
        return super().clean()


class VocabularyAdmin(ModelAdmin):  # type: ignore[misc]
    """Every change is one of the verbs of portal.moderation.vocabulary."""

    form = RefusableForm
    list_per_page = 50
    show_full_result_count = False

    def changeform_view(self, request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().changeform_view(request, *args, **named)
        except Refused as refusal:
            # All of it is rolled back: the same form once more, as it was filled in.
            request.refusal = refusal  # type: ignore[attr-defined]
            response = super().changeform_view(request, *args, **named)
        return response

    def get_form(self, request: HttpRequest, *args: Any, **named: Any) -> type[RefusableForm]:
        form: type[RefusableForm] = super().get_form(request, *args, **named)
        form.refusal = getattr(request, "refusal", None)
        return form

    def ask(self, request: HttpRequest, verb: Callable[[Wish], VocabularyChange]) -> VocabularyChange:
        """Have a verb done, and tell where its progress is shown. Raises Refused."""
        change = verb(wish_of(request))
        address = reverse("moderation:change", args=[change.pk])
        link = format_html('{}. <a class="inline-link" href="{}">See how far the images are</a>.', change, address)
        self.message_user(request, link, messages.SUCCESS)
        return change

    def try_to(self, request: HttpRequest, verb: Callable[[Wish], VocabularyChange]) -> None:
        """As `ask`, where there is no form to come back: a refusal becomes a message."""
        try:
            self.ask(request, verb)
        except Refused as refusal:
            self.message_user(request, refusal.message, messages.ERROR)


def wish_of(request: HttpRequest) -> Wish:
    """Whoever is signed in wants something new."""
    return Wish(uuid4(), cast(User, request.user))
