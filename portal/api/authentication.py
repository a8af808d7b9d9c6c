"""Who asks: the owner of the token in the Authorization header, and nobody else. No cookie counts, so no CSRF either.

https://www.rfc-editor.org/rfc/rfc6750
"""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from portal.accounts.models import User
from portal.api.models import ApiToken, State
from portal.api.problems import Problem
from portal.api.throttling import count
from portal.api.tokens import find_token, presented


class TokenAuthentication(BaseAuthentication):
    """`request.user` is the token's owner, `request.auth` the token. Two queries: one reads, one counts."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        given = presented(request.headers.get("Authorization", ""))
        if given is None:
            return None
        token = find_token(given)
        if token is None:
            raise _refusal("invalid_token", "There is no such token.")
        _require_good(token)
        count(token, request._request)
        return token.owner, token

    def authenticate_header(self, _request: Request) -> str:
        return "Bearer"


def _require_good(token: ApiToken) -> None:
    """Nothing is written for a token that is of no use any more."""
    if token.state is State.REVOKED:
        raise _refusal("token_revoked", "This token was revoked.")
    if token.state is State.EXPIRED:
        raise _refusal("token_expired", f"This token expired on {token.expires_at:%-d %B %Y at %H:%M} UTC.")
    if not token.owner.is_active:
        raise _refusal("account_inactive", "The account that this token belongs to is closed.")


def _refusal(code: str, detail: str) -> Problem:
    return Problem(code, detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
