"""What the worker does with candidates: a look beside what runs, and what would change if one were promoted."""

from __future__ import annotations

from typing import Final

from django_tasks import task

from portal.finetuning.models import DifferenceRun, SnapshotState

# Images go first.
_PRIORITY: Final = -10
# Those that come meanwhile wait: so long at a time, and then it queues up again.
TASK_SECONDS: Final = 5.0


@task(priority=_PRIORITY)
def look_beside(run_id: int, image_id: str) -> None:
    """Have the candidate of a shadow look at an image. Tasks may come twice."""
    # Loaded by workers alone: elsewhere its libraries may be missing.
    from portal.finetuning.shadow_looking import look

    look(run_id, image_id)


@task(priority=_PRIORITY)
def find_differences(run_id: str) -> None:
    """Compare two models on a part of a sample, and ask for the next. Does nothing while somebody else is at it."""
    from portal.finetuning.differing import advance

    if not advance(run_id, TASK_SECONDS):
        free = DifferenceRun.objects.filter(pk=run_id, state=SnapshotState.BUILDING, claim=None)
        if free.exists():
            find_differences.enqueue(run_id)
