"""The page for people who are not signed in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render


def home(request: HttpRequest) -> HttpResponse:
    """The welcome page; who is signed in goes on to their history."""
    if request.user.is_authenticated:
        return redirect("images:history")
    return render(request, "home.html")
