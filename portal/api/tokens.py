"""Making, finding and revoking tokens.

A token is 256 random bits, so that its digest needs neither salt nor a slow hash: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.accounts.models import User
from portal.api.models import ApiToken, Scope
from portal.images.quotas import lock_owner

# Of one's own, so that whoever finds one somewhere knows what it is.
PREFIX = "isft_"
MOST_LIVE = 50
LONGEST_NAME = 100
_TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


class TokenRefused(Exception):
    """There can be no such token; `message` is a sentence for the person, `field` the argument to blame, if any."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


def make_token(
    owner: User, name: str, scopes: Iterable[str], expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Make a token, which is good until it expires (None: for ever) or is revoked.

    The second value is the token itself, which nobody can tell afterwards. Raises TokenRefused.
    """
    name, chosen = name.strip(), _known(scopes)
    _check(owner, name, chosen, expires_at)
    token = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        lock_owner(owner)
        if live_tokens(owner).count() >= MOST_LIVE:
            raise TokenRefused(f"There are {MOST_LIVE} live tokens already. Revoke one first.")
        row = ApiToken.objects.create(
            owner=owner, name=name, digest=digest_of(token), hint=token[-4:], scopes=chosen, expires_at=expires_at
        )
    return row, token


def _known(scopes: Iterable[str]) -> list[str]:
    """The scopes in their own order, once each. Raises TokenRefused, naming one that does not exist."""
    wanted = set(scopes)
    unknown = sorted(wanted - set(Scope.values))
    if unknown:
        raise TokenRefused(f"There is no scope {unknown[0]}: choose from {', '.join(Scope.values)}.", "scopes")
    return [value for value in Scope.values if value in wanted]


def _check(owner: User, name: str, scopes: list[str], expires_at: datetime | None) -> None:
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise TokenRefused(f"A token needs a name of 1 to {LONGEST_NAME} characters.", "name")
    if not scopes:
        raise TokenRefused("A token without a scope could do nothing: choose at least one.", "scopes")
    if Scope.ADMIN.value in scopes and not owner.is_staff:
        raise TokenRefused(f"Only staff can have tokens with the scope {Scope.ADMIN.value}.", "scopes")
    if expires_at is not None and expires_at <= timezone.now():
        raise TokenRefused("A token has to expire in the future.", "expires_at")


def revoke(token: ApiToken) -> None:
    """From now on it is refused. Doing it twice changes nothing."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())


def live_tokens(owner: User) -> QuerySet[ApiToken]:
    """Those of `owner` that are neither revoked nor expired."""
    unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return ApiToken.objects.filter(unexpired, owner=owner, revoked_at=None)


def find_token(token: str) -> ApiToken | None:
    """The row of a token with its owner, in whatever state they are: one query, and none for what can be no token."""
    if not looks_like_token(token):
        return None
    return ApiToken.objects.select_related("owner").filter(digest=digest_of(token)).first()


def looks_like_token(text: str) -> bool:
    """Whether `text` has the form of a token, which says nothing about whether there is one."""
    return _TOKEN.fullmatch(text) is not None


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def presented(authorization: str) -> str | None:
    """What an Authorization header presents as a token; None when there is none, or it is of another scheme."""
    scheme, _, credentials = authorization.partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else None
