"""A person's own account: what there is, taking it along, and leaving."""

from __future__ import annotations

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from allauth.mfa.models import Authenticator
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts import leaving
from portal.accounts.forms import leaving_confirmation
from portal.accounts.models import ErasureReceipt, User
from portal.accounts.person import person
from portal.accounts.taking_along import Archive
from portal.images.exports import address_of, latest_export, request_export
from portal.images.models import DataExport
from portal.images.workers import by_lambda


@require_safe
@login_required
def overview(request: HttpRequest) -> HttpResponse:
    user = person(request)
    kinds = [authenticator.type for authenticator in Authenticator.objects.filter(user=user)]
    context = {
        "email_verified": EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True).exists(),
        "has_app": Authenticator.Type.TOTP in kinds,
        "passkeys": kinds.count(Authenticator.Type.WEBAUTHN),
        "belongings": leaving.belongings(user),
        # Where an answer cannot be of any length, the archive is made first and fetched afterwards.
        "made_first": by_lambda(),
        "export": latest_export(user) if by_lambda() else None,
    }
    return render(request, "accounts/overview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def data(request: HttpRequest) -> HttpResponseBase:
    """The person's own data as an attachment, made while it is sent. On AWS a POST asks for it, GET says how it is."""
    user = person(request)
    if not by_lambda():
        return _streamed(user)
    if request.method == "POST":
        request_export(user)
        if not request.headers.get("HX-Request"):
            return redirect(f"{reverse('accounts:overview')}#data")
    elif not request.headers.get("HX-Request"):
        return redirect(f"{reverse('accounts:overview')}#data")
    return render(request, "accounts/export.html", {"export": latest_export(user)})


def _streamed(user: User) -> StreamingHttpResponse:
    name = f"imagesift-{timezone.now():%Y-%m-%d}.zip"
    return StreamingHttpResponse(
        Archive(user),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_safe
@login_required
@never_cache
def exported_data(request: HttpRequest, export_id: UUID, number: int) -> HttpResponse:
    """A part of the person's own archive, from where it is stored."""
    export = get_object_or_404(DataExport, pk=export_id, user=person(request))
    address = address_of(export, number)
    if address is None:
        raise Http404
    return HttpResponseRedirect(address)


def _has_no_password(request: HttpRequest) -> bool:
    return not person(request).has_usable_password()


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
@reauthentication_required(allow_get=True, enabled=_has_no_password)  # type: ignore[untyped-decorator]
def delete_account(request: HttpRequest) -> HttpResponse:
    """Say what would be erased and, once confirmed by the password, erase it."""
    user = person(request)
    if request.method != "POST":
        return _leaving_page(request, user)
    # Somebody at an unlocked screen must not get to try passwords without end.
    limited: HttpResponse | None = ratelimit.consume_or_429(request, action="reauthenticate", user=user)
    if limited is not None:
        return limited
    form = leaving_confirmation(user, request.POST)
    if not form.is_valid():
        return _leaving_page(request, user, form)
    try:
        receipt = leaving.delete_account(user)
    except leaving.LastAdministratorError:
        return _leaving_page(request, user)
    except User.DoesNotExist:
        # Sent twice: the first request has the receipt.
        return redirect("home")
    logout(request)
    return redirect(receipt)


def _leaving_page(request: HttpRequest, user: User, form: object = None) -> HttpResponse:
    context = {
        "form": form or leaving_confirmation(user),
        "belongings": leaving.belongings(user),
        "is_last_administrator": leaving.is_last_administrator(user),
    }
    return render(request, "accounts/delete.html", context)


@require_safe
@never_cache
def erasure_receipt(request: HttpRequest, receipt_id: UUID) -> HttpResponse:
    """Whoever knows the receipt's unguessable address may see it: the person it was for is gone."""
    template = "accounts/receipt_state.html" if request.headers.get("HX-Request") else "accounts/receipt.html"
    return render(request, template, _receipt(receipt_id))


@require_safe
@never_cache
def erasure_receipt_text(request: HttpRequest, receipt_id: UUID) -> HttpResponse:
    response = render(request, "accounts/receipt.txt", _receipt(receipt_id), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="imagesift-receipt-{receipt_id}.txt"'
    return response


def _receipt(receipt_id: UUID) -> dict[str, object]:
    receipt = get_object_or_404(ErasureReceipt, pk=receipt_id)
    return {"receipt": receipt, "pending": receipt.pending.count(), "now": timezone.now()}
