"""Addresses of a person's webhooks, beside their account. Somebody else's answers 404."""

from __future__ import annotations

from django.urls import URLPattern, path

from portal.webhooks import views

app_name = "webhooks"

urlpatterns: list[URLPattern] = [
    path("", views.index, name="index"),
    path("add/", views.add, name="add"),
    path("<uuid:webhook_id>/", views.detail, name="detail"),
    path("<uuid:webhook_id>/test/", views.test, name="test"),
    path("<uuid:webhook_id>/pause/", views.pause, name="pause"),
    path("<uuid:webhook_id>/resume/", views.resume, name="resume"),
    path("<uuid:webhook_id>/secret/", views.rotate, name="rotate"),
    path("<uuid:webhook_id>/delete/", views.delete, name="delete"),
    path("<uuid:webhook_id>/deliveries/<uuid:delivery_id>/", views.redeliver, name="redeliver"),
]
