"""A person's webhooks: making them, trying them, and seeing what became of each delivery."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.person import person
from portal.images.tasks import erase_soon
from portal.webhooks.announcing import deliver_again, send_test
from portal.webhooks.forms import WebhookForm
from portal.webhooks.models import TEST_EVENT, Delivery, State, Webhook
from portal.webhooks.registering import HAS_ENOUGH, MOST, TooManyWebhooks, register
from portal.webhooks.withdrawing import stop

PER_PAGE = 20


def _own(request: HttpRequest, webhook_id: UUID) -> Webhook:
    return get_object_or_404(Webhook, pk=webhook_id, owner=person(request))


@require_safe
@login_required
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    webhooks = list(Webhook.objects.filter(owner=person(request)))
    return render(request, "webhooks/index.html", {"webhooks": webhooks, "most": MOST})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def add(request: HttpRequest) -> HttpResponse:
    """Make a webhook. The page that follows shows its secret."""
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        origin = f"{request.scheme}://{request.get_host()}"
        try:
            made = register(person(request), form.cleaned_data["url"], form.cleaned_data["events"], origin)
        except TooManyWebhooks:
            form.add_error(None, HAS_ENOUGH)
        else:
            messages.success(request, "The webhook is ready. Configure your server with its secret.")
            return redirect(_with_secret(made))
    return render(request, "webhooks/add.html", {"form": form})


def _with_secret(webhook: Webhook) -> str:
    return f"{webhook.get_absolute_url()}?secret=shown"


@require_safe
@login_required
@never_cache
def detail(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """One webhook and its deliveries; with `?secret=shown` its secret as well. htmx gets the deliveries alone."""
    webhook = _own(request, webhook_id)
    log = webhook.deliveries.prefetch_related("log")
    page = Paginator(log, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "webhook": webhook,
        "page": page,
        "is_under_way": any(delivery.is_under_way for delivery in page),
        "shows_secret": request.GET.get("secret") == "shown",
    }
    template = "webhooks/_deliveries.html" if request.headers.get("HX-Request") else "webhooks/detail.html"
    return render(request, template, context)


@require_POST
@login_required
def test(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    webhook = _own(request, webhook_id)
    if not webhook.active:
        messages.error(request, "This webhook is paused. Resume it first.")
    elif webhook.deliveries.filter(event=TEST_EVENT, state=State.PENDING).exists():
        messages.info(request, "A test event is on its way already.")
    else:
        send_test(webhook)
        messages.success(request, "A test event is on its way. What comes of it is listed below.")
    return redirect(webhook)


@require_POST
@login_required
def pause(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    webhook = _own(request, webhook_id)
    stop(webhook)
    erase_soon()
    messages.success(request, "The webhook is paused: nothing is delivered until you resume it.")
    return redirect(webhook)


@require_POST
@login_required
def resume(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    webhook = _own(request, webhook_id)
    webhook.resume()
    messages.success(request, "The webhook delivers again what happens from now on.")
    return redirect(webhook)


@require_POST
@login_required
def rotate(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    webhook = _own(request, webhook_id)
    webhook.rotate_secret()
    messages.success(
        request, "The webhook has a new secret. What is on its way already may still be signed with the old one."
    )
    return redirect(_with_secret(webhook))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def delete(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """Ask, and then delete the webhook with the log of its deliveries."""
    webhook = _own(request, webhook_id)
    if request.method != "POST":
        return render(request, "webhooks/delete.html", {"webhook": webhook})
    webhook.delete()
    erase_soon()
    messages.success(request, "The webhook is deleted.")
    return redirect("webhooks:index")


@require_POST
@login_required
def redeliver(request: HttpRequest, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    webhook = _own(request, webhook_id)
    delivery = get_object_or_404(Delivery.objects.select_related("webhook"), pk=delivery_id, webhook=webhook)
    if deliver_again(delivery):
        messages.success(request, "The event is on its way once more.")
    elif webhook.active:
        messages.warning(request, "This event is on its way already.")
    else:
        messages.error(request, "This webhook is paused. Resume it first.")
    page = request.POST.get("page", "")
    return redirect(reverse("webhooks:detail", args=[webhook.pk]) + (f"?page={page}" if page.isdecimal() else ""))
