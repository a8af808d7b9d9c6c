"""What the worker does for moderation."""

from __future__ import annotations

from django_tasks import task

from portal.images.workers import by_lambda
from portal.moderation.models import VocabularyChange
from portal.moderation.vocabulary.following import follow

# Then recognition has its turn.
TURN_SECONDS = 20.0


@task()
def follow_change(change_id: str) -> None:
    """Let images follow a change of the vocabulary for a while; another task does what is left."""
    if not follow(change_id, TURN_SECONDS) and VocabularyChange.objects.filter(pk=change_id, claim=None).exists():
        follow_change.enqueue(change_id)


def follow_soon(change: VocabularyChange) -> None:
    """Have images follow the change that is made in the transaction under way.

    Where there are no workers, the page that shows its progress and the sweep take it on.
    """
    if not by_lambda():
        follow_change.enqueue(str(change.pk))
