"""The words that are offered while somebody types one."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from portal.moderation.finding import suggest_words

_LONGEST = 200


@require_safe
def words(request: HttpRequest) -> JsonResponse:
    """At most 20 labels, the best first."""
    found = suggest_words(request.GET.get("q", "")[:_LONGEST])
    return JsonResponse(
        {
            "words": [
                {"title": label.title, "category": label.category, "aliases": list(label.aliases)} for label in found
            ]
        }
    )
