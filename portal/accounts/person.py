"""Whose request it is."""

from __future__ import annotations

from django.http import HttpRequest

from portal.accounts.models import User


def person(request: HttpRequest) -> User:
    """The signed-in person, for views behind `login_required`."""
    if not isinstance(request.user, User):
        raise TypeError("this view is for people who are signed in")
    return request.user
