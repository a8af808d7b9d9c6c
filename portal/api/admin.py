"""Tokens for administrators: whose there are, and a way to end one that got about. Nothing of the token itself."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from portal.admin_site import ReadOnlyAdmin, badge
from portal.api.models import ApiToken, State
from portal.api.tokens import revoke


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Who may change tokens may revoke them, and that is all that can be changed."""

    list_display = ("name", "owner", "hint", "may", "state", "created_at", "expires_at", "last_used_at")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__username", "owner__email")
    search_help_text = "Search by the token's name, its owner's name or e-mail address"
    fields = ("name", "owner", "hint", "may", "state", "created_at", "expires_at", "revoked_at", "last_used_at")
    actions = ("revoke_tokens",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("api.change_apitoken")

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke_tokens(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            revoke(token)
        self.message_user(request, f"{len(queryset):,} tokens are revoked.")

    @admin.display(description="May")
    def may(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    @badge({State.LIVE.label: "success", State.EXPIRED.label: "warning", State.REVOKED.label: "danger"})
    @admin.display(description="State")
    def state(self, token: ApiToken) -> str:
        return token.state.label
