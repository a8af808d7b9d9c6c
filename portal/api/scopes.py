"""The permission that asks for a scope of the token."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from portal.api.models import ApiToken, Scope
from portal.api.problems import Problem

if TYPE_CHECKING:
    from rest_framework.views import APIView

__all__ = ["Scope", "insufficient", "requires"]


@cache
def requires(scope: Scope) -> type[BasePermission]:
    """A permission for views: the request has a token with `scope`. Refusing it says which one is missing."""

    class RequiresScope(BasePermission):
        required_scope = scope

        def has_permission(self, request: Request, _view: APIView) -> bool:
            if not isinstance(request.auth, ApiToken):
                return False
            if not request.auth.allows(scope):
                raise insufficient(scope)
            return True

    return RequiresScope


def insufficient(scope: Scope) -> Problem:
    detail = f"This token lacks the scope {scope.value}."
    if scope is Scope.ADMIN:
        detail = f"This needs a token with the scope {scope.value} that belongs to staff."
    # https://www.rfc-editor.org/rfc/rfc6750#section-3.1
    challenge = f'Bearer error="insufficient_scope", scope="{scope.value}"'
    return Problem("insufficient_scope", detail, headers={"WWW-Authenticate": challenge})
