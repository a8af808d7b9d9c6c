"""The pages where people make and revoke their own tokens."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.person import person
from portal.api.forms import TokenForm
from portal.api.models import ApiToken
from portal.api.tokens import MOST_LIVE, live_tokens, revoke


@require_safe
@login_required
@never_cache
def overview(request: HttpRequest) -> HttpResponse:
    """The person's tokens, those that work first."""
    tokens = ApiToken.objects.filter(owner=person(request))
    return render(request, "api/tokens.html", {"tokens": sorted(tokens, key=lambda token: not token.is_live)})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
@reauthentication_required  # type: ignore[untyped-decorator]
def create(request: HttpRequest) -> HttpResponse:
    """The form, and once it is sent the token, this one time: it is in this answer and nowhere else."""
    owner = person(request)
    form = TokenForm(request.POST or None, owner=owner)
    if request.method == "POST" and form.is_valid():
        made = form.make()
        if made is not None:
            return render(request, "api/tokens_made.html", {"token": made[0], "text": made[1]})
    context = {"form": form, "full": live_tokens(owner).count() >= MOST_LIVE, "most": MOST_LIVE}
    return render(request, "api/tokens_create.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def confirm_revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """Ask, and once that is confirmed refuse the token from then on."""
    token = get_object_or_404(ApiToken, pk=token_id, owner=person(request))
    if request.method != "POST":
        return render(request, "api/tokens_revoke.html", {"token": token})
    revoke(token)
    messages.success(request, f"The token “{token.name}” is revoked.")
    return redirect("tokens:overview")
