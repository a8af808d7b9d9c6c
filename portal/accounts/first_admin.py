"""The administrator that a new portal starts with."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import get_random_string

from portal.accounts.models import User

# Without the characters that people mistake for each other.
_READABLE = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_PASSWORD_LENGTH = 16


@dataclass(frozen=True)
class FirstAdmin:
    username: str
    password: str


def make_first_admin(username: str) -> FirstAdmin | None:
    """Make a superuser with a password of its own, or return None where the portal has one already.

    The name gets a number where it is taken.
    """
    with transaction.atomic():
        if User.objects.filter(is_superuser=True).exists():
            return None
        name = _free_name(username)
        password = get_random_string(_PASSWORD_LENGTH, _READABLE)
        user = User.objects.create_superuser(name, _address(name), password)
        # Verified, or a portal where that is mandatory would lock its only administrator out.
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return FirstAdmin(name, password)


def _address(name: str) -> str:
    return f"{name}@localhost"


def _free_name(username: str) -> str:
    for number in itertools.count(1):
        name = username if number == 1 else f"{username}{number}"
        if not User.objects.filter(Q(username__iexact=name) | Q(email__iexact=_address(name))).exists():
            break
    return name
