"""The administration of webhooks: whose there are and how they fare. Neither secrets nor bodies are shown."""

from __future__ import annotations

from django.contrib import admin

from portal.admin_site import ReadOnlyAdmin
from portal.webhooks.models import Delivery, Webhook


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    list_display = ("url", "owner", "active", "disabled_reason", "created_at")
    list_filter = ("active",)
    list_select_related = ("owner",)
    search_fields = ("url", "owner__username")
    fields = ("url", "owner", "events", "active", "disabled_reason", "created_at")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("id", "webhook", "event", "state", "attempts", "next_at", "created_at")
    list_filter = ("state", "event")
    list_select_related = ("webhook",)
    fields = list_display
