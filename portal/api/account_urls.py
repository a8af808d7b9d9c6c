"""Addresses of the pages where a person makes and revokes their tokens."""

from __future__ import annotations

from django.urls import URLPattern, path

from portal.api.views import tokens

app_name = "tokens"

urlpatterns: list[URLPattern] = [
    path("", tokens.overview, name="overview"),
    path("new/", tokens.create, name="create"),
    path("<int:token_id>/revoke/", tokens.confirm_revoke, name="revoke"),
]
