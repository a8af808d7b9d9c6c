"""What the lists of people's words have in common: the filter by who said it, and the way to the image."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from unfold.contrib.filters.admin import DropdownFilter

from portal.accounts.models import User


class PersonFilter(DropdownFilter):  # type: ignore[misc]
    """Rows by one person, out of those who have any. `field` names who it is."""

    field: str

    def lookups(self, _request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        theirs = model_admin.model._default_manager.filter(**{self.field: OuterRef("pk")})
        people = User.objects.filter(Exists(theirs)).order_by("username")
        return [(str(pk), name) for pk, name in people.values_list("pk", "username")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        return queryset.filter(**{self.field: int(value)}) if value.isdecimal() else queryset


class ActorFilter(PersonFilter):
    title = "who did it"
    parameter_name = "actor"
    field = "actor"


class AuthorFilter(PersonFilter):
    title = "who said it"
    parameter_name = "author"
    field = "author"


def review_link(image_id: UUID, text: object) -> str:
    """A link to the review of one image."""
    address = f"{reverse('moderation:review')}?image={image_id}"
    return render_to_string("admin/images/link.html", {"address": address, "text": text})
