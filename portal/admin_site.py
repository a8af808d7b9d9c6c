"""The administration's own site: the sign-in everybody uses, a policy without inline code, and its menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from allauth.account.decorators import secure_admin_login
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.templatetags.static import static
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

View = Callable[..., HttpResponseBase]
Column = TypeVar("Column", bound=Callable[..., str | tuple[str, str] | None])


class ImageSiftAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """Signs people in through the portal's own page, with its rate limits and second factors."""

    index_title = "Overview"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        login = secure_admin_login(super().login)
        response: HttpResponse = login(request, extra_context)
        return response

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """As Django's; its pages alone may compile the theme's Alpine expressions (docs/adr/0004)."""
        allowing_alpine = csp_update({"script-src": ["'unsafe-eval'"]})
        return allowing_alpine(super().admin_view(view, cacheable))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        # The theme would write its colours into an inline <style>; they are in static/css/admin.css instead.
        return {**super().each_context(request), "colors": None}


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]
    """Rows that the portal's machinery writes: people may look at them and no more."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: object | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: object | None = None) -> bool:
        return False


def badge(colors: Mapping[str, str]) -> Callable[[Column], Column]:
    """Show a column's texts as the theme's badges: `colors` maps a text to success, info, warning or danger.

    A column may give such a text together with the words to show for it.
    """

    def mark(column: Column) -> Column:
        column.label = colors  # type: ignore[attr-defined]
        return column

    return mark


def stylesheet(_request: HttpRequest) -> str:
    return static("css/admin.css")


def password_address(_request: HttpRequest) -> str:
    return reverse("account_change_password")


def icon(_request: HttpRequest) -> str:
    return static("images/logo.svg")


def script(_request: HttpRequest) -> str:
    return static("js/admin.js")


@dataclass(frozen=True)
class Entry:
    """One line of the menu, for those who hold `permission`, or the one that opens it `also`.

    `address` names a list of the administration, or with a colon any page. `query` picks a filtered view of the list.
    """

    title: str
    icon: str
    address: str
    permission: str
    query: str = ""
    also: str = ""

    def link(self) -> str:
        return reverse(self.address if ":" in self.address else f"admin:{self.address}_changelist") + self.query

    def opens_for(self, request: HttpRequest) -> bool:
        user = request.user
        return user.has_perm(self.permission) or (bool(self.also) and user.has_perm(self.also))

    def is_active(self, request: HttpRequest) -> bool:
        path, _, query = self.link().partition("?")
        if not request.path.startswith(path):
            return False
        shows_failures = request.path == path and request.GET.get("status__exact") == "failed"
        return shows_failures == bool(query)


_IMAGES = "images_image"
_REVIEW = "moderation.review_images"
MENU: dict[str, tuple[Entry, ...]] = {
    "Images": (
        Entry("Images", "image", _IMAGES, "images.view_image"),
        Entry("Failures", "error", _IMAGES, "images.view_image", "?status__exact=failed"),
        Entry("Recognitions", "center_focus_strong", "images_recognition", "images.view_recognition"),
    ),
    "Moderation": (
        Entry("Review queue", "rate_review", "moderation:review", _REVIEW),
        Entry("In bulk", "grid_view", "moderation:grid", _REVIEW),
        Entry("Vocabulary", "label", "images_label", "images.view_label"),
        Entry("What detectors' names mean", "translate", "images_detectorname", "images.view_detectorname"),
        Entry("Content thresholds", "tune", "moderation_contentthreshold", "moderation.view_contentthreshold"),
        Entry("Vocabulary changes", "history", "moderation_vocabularychange", "moderation.view_vocabularychange"),
        Entry("Annotations", "draw", "moderation_annotation", "moderation.view_annotation"),
        Entry("Suggestions", "reviews", "moderation_suggestion", "moderation.view_suggestion"),
        Entry("Audit log", "policy", "moderation_auditentry", "moderation.view_auditentry", also=_REVIEW),
        Entry("Quality", "monitoring", "moderation:quality", _REVIEW),
    ),
    "Training": (
        Entry("Datasets", "dataset", "finetuning_datasetsnapshot", "finetuning.view_datasetsnapshot"),
        Entry("Models", "model_training", "finetuning_modelversion", "finetuning.view_modelversion"),
    ),
    "People": (
        Entry("Users", "person", "accounts_user", "accounts.view_user"),
        Entry("Groups", "group", "auth_group", "auth.view_group"),
        Entry("E-mail addresses", "mail", "account_emailaddress", "account.view_emailaddress"),
        Entry("Second factors", "key", "mfa_authenticator", "mfa.view_authenticator"),
        Entry("API tokens", "vpn_key", "api_apitoken", "api.view_apitoken"),
        Entry("Erasure receipts", "receipt_long", "accounts_erasurereceipt", "accounts.view_erasurereceipt"),
    ),
    "Money": (
        Entry("Budgets", "savings", "images_budget", "images.view_budget"),
        Entry("Monthly spend", "payments", "images_monthlyspend", "images.view_monthlyspend"),
    ),
    "Machinery": (
        Entry("Workers", "memory", "images_workerheartbeat", "images.view_workerheartbeat"),
        Entry("Tasks", "task", "django_tasks_database_dbtaskresult", "django_tasks_database.view_dbtaskresult"),
        Entry("Webhooks", "webhook", "webhooks_webhook", "webhooks.view_webhook"),
        Entry("Webhook deliveries", "outbox", "webhooks_delivery", "webhooks.view_delivery"),
        Entry("Files to erase", "delete_sweep", "images_storagedeletion", "images.view_storagedeletion"),
    ),
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu at the side, holding what this person may open."""
    home = {"title": "Overview", "icon": "home", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"items": [home]}]
    for title, entries in MENU.items():
        items = [
            {"title": entry.title, "icon": entry.icon, "link": entry.link(), "active": entry.is_active(request)}
            for entry in entries
            if entry.opens_for(request)
        ]
        if items:
            groups.append({"title": title, "separator": True, "items": items})
    return groups
