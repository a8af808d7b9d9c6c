"""The administration of people: their accounts, groups, addresses, second factors and erasure receipts."""

from __future__ import annotations

from collections.abc import Sequence

from allauth.account.admin import EmailAddressAdmin as AllauthEmailAddressAdmin
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from portal.accounts.leaving import delete_account
from portal.accounts.models import ErasureReceipt, User
from portal.admin_site import ReadOnlyAdmin
from portal.images.models import Image
from portal.templatetags.sizes import size

for model in (Group, EmailAddress, Authenticator):
    admin.site.unregister(model)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    """Accounts, with how much each keeps. Deleting one erases its files as well."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    list_display = ("username", "email", "group_names", "images", "stored", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    list_per_page = 50
    search_help_text = "Search by name or e-mail address"
    readonly_fields = ("last_login", "date_joined", "images", "stored")
    add_fieldsets = (
        (None, {"fields": ("username", "email", "usable_password", "password1", "password2"), "classes": ("wide",)}),
    )
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Images", {"fields": ("images", "stored")}),
        ("May do", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        own = Image.objects.filter(owner=OuterRef("pk")).order_by().values("owner")
        queryset: QuerySet[User] = super().get_queryset(request)
        return queryset.prefetch_related("groups").annotate(
            image_count=Coalesce(Subquery(own.annotate(number=Count("pk")).values("number")), 0),
            image_bytes=Coalesce(Subquery(own.annotate(number=Sum("byte_size")).values("number")), 0),
        )

    @admin.display(description="Groups")
    def group_names(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())

    @admin.display(description="Images", ordering="image_count")
    def images(self, user: User) -> str:
        return f"{user.image_count:,}"  # type: ignore[attr-defined]

    @admin.display(description="Stored", ordering="image_bytes")
    def stored(self, user: User) -> str:
        return size(user.image_bytes)  # type: ignore[attr-defined]

    def get_deleted_objects(
        self, users: Sequence[User] | QuerySet[User], _request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What goes with these people, counted instead of listed: an account may hold thousands of images."""
        ids = [user.pk for user in users]
        counts = {"users": len(ids), "images": Image.objects.filter(owner__in=ids).count()}
        others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk__in=ids)
        kept = [] if others.exists() else [f"{user}, the last administrator" for user in users if user.is_superuser]
        return [str(user) for user in users], counts, set(), kept

    def delete_model(self, _request: HttpRequest, user: User) -> None:
        delete_account(user)

    def delete_queryset(self, _request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            delete_account(user)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]
    pass


@admin.register(EmailAddress)
class EmailAddressAdmin(AllauthEmailAddressAdmin, ModelAdmin):  # type: ignore[misc]
    pass


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """Second factors. Staff may remove one for somebody who lost their phone, and never see its secret."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__username", "user__email")
    fields = list_display

    def has_delete_permission(self, request: HttpRequest, _obj: object | None = None) -> bool:
        return request.user.has_perm("mfa.delete_authenticator")


@admin.register(ErasureReceipt)
class ErasureReceiptAdmin(ReadOnlyAdmin):
    """What was erased when somebody left. `pending` files are still to go."""

    list_display = ("id", "requested_at", "images", "recognitions", "original_bytes", "pending")
    fields = list_display

    def get_queryset(self, request: HttpRequest) -> QuerySet[ErasureReceipt]:
        queryset: QuerySet[ErasureReceipt] = super().get_queryset(request)
        return queryset.annotate(pending_count=Count("pending"))

    @admin.display(description="Files still to erase", ordering="pending_count")
    def pending(self, receipt: ErasureReceipt) -> str:
        return f"{receipt.pending_count:,}"  # type: ignore[attr-defined]
