"""What pages must know about where the portal runs, to tell people the truth about mail and passkeys."""

from __future__ import annotations

import ipaddress

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.template import Context

register = template.Library()


@register.simple_tag
def mail_is_printed() -> bool:
    """Whether messages go to the terminal instead of to people."""
    return settings.EMAIL_BACKEND == "django.core.mail.backends.console.EmailBackend"


@register.simple_tag(takes_context=True)
def passkeys_work_here(context: Context) -> bool:
    """Browsers bind passkeys to a name, never to an IP address, and ask for TLS except at localhost.

    https://www.w3.org/TR/webauthn-2/#relying-party-identifier
    """
    request: HttpRequest = context["request"]
    name = _host(request)
    return not _is_address(name) and (request.is_secure() or name == "localhost" or name.endswith(".localhost"))


@register.simple_tag(takes_context=True)
def name_for_passkeys(context: Context) -> str:
    """This page's address by the name that passkeys work at, where there is one: the machine's own."""
    request: HttpRequest = context["request"]
    name = _host(request)
    if not _is_address(name) or not ipaddress.ip_address(name).is_loopback or "localhost" not in settings.ALLOWED_HOSTS:
        return ""
    _, port = split_domain_port(request.get_host())
    authority = f"localhost:{port}" if port else "localhost"
    return f"{request.scheme}://{authority}{request.get_full_path()}"


def _host(request: HttpRequest) -> str:
    domain, _ = split_domain_port(request.get_host())
    return domain.strip("[]")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
