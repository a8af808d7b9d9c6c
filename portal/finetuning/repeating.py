"""Recognising the history again with the model that runs now: in the background, at a pace, as long as it is wanted.

Each sweep and each look at its progress queues some images, as *Recognise again* does one: earlier results stay, paid
answers are used again, and what there is no budget for waits. How far it is lies in its row alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.accounts.models import User
from portal.finetuning import promoting
from portal.finetuning.deciding import PROMOTE, record, refuse_strangers
from portal.finetuning.models import Repeat, RepeatState
from portal.images.models import FlagVerdict, Hold, Image, Status
from portal.images.pace import images_per_second
from portal.images.queueing import FILE_MISSING, recognize_all_again
from portal.images.spending import cost_of_one
from portal.images.workers import by_lambda
from portal.moderation.deeds import Refused

PER_MINUTE: Final = 30
MOST_PER_MINUTE: Final = 6000
# Time that nobody used for more than so long is lost: after a standstill not everything comes at once.
_SAVED: Final = timedelta(minutes=5)
# Copied in S3 within somebody's request; on a laptop they are written into the queue.
_AT_ONCE_ON_AWS: Final = 40
_AT_ONCE: Final = 1000
_OPEN: Final = (RepeatState.RUNNING, RepeatState.PAUSED)


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many images there are to recognise again, what that will cost at most, and how long it will take."""

    images: int
    micro_usd: int
    minutes: int


def served_as() -> str:
    """What results call the model that runs: on AWS as the newest results say, as a promotion is not yet a roll-out.

    Empty where none runs.
    """
    if by_lambda():
        seen = promoting.last_seen()
        return seen.version if seen else ""
    version = promoting.running()
    return version.served_as if version else ""


def to_repeat(name: str) -> QuerySet[Image]:
    """The images whose newest result does not name this version, but for those whose originals are known to be gone."""
    named = Q(current__document__detectors__icontains=f'"{name}"')
    return Image.objects.filter(current__isnull=False).exclude(failure_code=FILE_MISSING).filter(~named)


def estimate(per_minute: int = PER_MINUTE) -> Estimate:
    """For all images at once, as things are now. Answers that were paid are used again, so that only an endpoint that
    is billed by the call costs money; and of what Rekognition never saw, all that it is asked."""
    images = to_repeat(served_as())
    count = images.count()
    rates = [per_minute / 60]
    measured = images_per_second()
    if measured:
        rates.append(measured)
    return Estimate(count, _cost(images, count), math.ceil(count / min(rates) / 60))


def _cost(images: QuerySet[Image], count: int) -> int:
    prices = settings.RECOGNITION_PRICES.micro_usd
    endpoint = prices.get("sagemaker", 0) if "sagemaker" in settings.DETECTORS else 0
    others = cost_of_one() - endpoint
    unseen = ~Q(current__document__detectors__icontains='"rekognition')
    return count * endpoint + (images.filter(unseen).count() * others if others else 0)


def begin_repeat(per_minute: int, actor: User) -> Repeat:
    """Begin to recognise again what the model that runs has not seen. Raises Refused, also while another is open."""
    refuse_strangers(actor, PROMOTE)
    if not 1 <= per_minute <= MOST_PER_MINUTE:
        raise Refused("malformed", f"The pace is between 1 and {MOST_PER_MINUTE:,} images a minute.", 400)
    name = served_as()
    if not name:
        raise Refused("nothing_runs", "No model of your own runs, so there is nothing to recognise images again with.")
    expected = estimate(per_minute)
    if not expected.images:
        raise Refused("nothing_to_do", f"The newest result of every image names {name} already.")
    with transaction.atomic():
        if Repeat.objects.filter(state__in=_OPEN).exists():
            raise Refused("repeat_open", "Images are being recognised again already. Cancel that first.")
        try:
            with transaction.atomic():
                repeat = Repeat.objects.create(
                    served_as=name,
                    per_minute=per_minute,
                    author=actor,
                    author_name=actor.username,
                    images_total=expected.images,
                    estimated_micro_usd=expected.micro_usd,
                )
        except IntegrityError:
            raise Refused("repeat_open", "Somebody began it just now. Load the page again.") from None
        _record(repeat, actor, "repeat begun", per_minute=per_minute, images=expected.images)
    return repeat


def pause(repeat_id: UUID, actor: User) -> Repeat:
    """Queue no more of them for now; what is queued is recognised. What is paused already stays so. Raises Refused."""
    return _change(repeat_id, actor, (RepeatState.RUNNING,), RepeatState.PAUSED, "repeat paused")


def go_on(repeat_id: UUID, actor: User) -> Repeat:
    """Go on from where it was. Raises Refused, also when another model runs by now."""
    refuse_strangers(actor, PROMOTE)
    repeat = _existing(repeat_id)
    if repeat.state == RepeatState.PAUSED and repeat.served_as != served_as():
        raise Refused("not_running", f"{repeat.served_as} does not run any more. Cancel this and begin anew.")
    return _change(repeat_id, actor, (RepeatState.PAUSED,), RepeatState.RUNNING, "repeat goes on")


def cancel(repeat_id: UUID, actor: User) -> Repeat:
    """End it for good; what is queued is recognised. What has ended already stays as it is. Raises Refused."""
    return _change(repeat_id, actor, _OPEN, RepeatState.CANCELLED, "repeat cancelled")


def step(repeat_id: UUID) -> int:
    """Queue as many images as its pace allows by now. Returns how many; safe to call at any time, by anybody.

    It pauses when another model runs than the one that it was begun for, and waits while no recent result says which.
    """
    repeat = Repeat.objects.filter(pk=repeat_id, state=RepeatState.RUNNING).first()
    runs = served_as() if repeat else ""
    if repeat is None or not runs:
        return 0
    if repeat.served_as != runs:
        Repeat.objects.filter(pk=repeat.pk, state=RepeatState.RUNNING).update(state=RepeatState.PAUSED)
        return 0
    seen = repeat.stepped_at, repeat.last_image
    allowed = _allowed(repeat)
    if not allowed:
        return 0
    after = Q(pk__gt=repeat.last_image) if repeat.last_image else Q()
    # Looking through a long history takes a while: nobody is to wait for the database meanwhile.
    found = list(to_repeat(repeat.served_as).filter(after).order_by("pk").values_list("pk", flat=True)[:allowed])
    with transaction.atomic():
        same = Repeat.objects.select_for_update().filter(pk=repeat.pk, state=RepeatState.RUNNING)
        if not same.filter(stepped_at=seen[0], last_image=seen[1]).exists():
            return 0
        return _queue(repeat, found, allowed)


def _queue(repeat: Repeat, found: list[UUID], allowed: int) -> int:
    images = list(Image.objects.filter(pk__in=found).order_by("pk"))
    queued = recognize_all_again(_settled(images))
    repeat.images_queued += queued
    repeat.images_left_alone += len(found) - queued
    if found:
        repeat.last_image = found[-1]
    if len(found) < allowed:
        _finish(repeat)
    repeat.save()
    return queued


def _settled(images: list[Image]) -> list[Image]:
    """Those that neither wait nor are being recognised, and that no moderator has removed."""
    return [image for image in images if image.is_settled and image.verdict != FlagVerdict.REMOVED]


def _allowed(repeat: Repeat) -> int:
    """How many images may be queued now; moves `stepped_at` on by as much of the time as they use up.

    No more than a minute's worth ever waits, so that who uploads a photo does not wait behind all of the history.
    """
    now = timezone.now()
    since = max(repeat.stepped_at, now - _SAVED)
    earned = int((now - since).total_seconds() * repeat.per_minute / 60)
    waiting = Image.objects.filter(status__in=(Status.QUEUED, Status.PROCESSING), hold=Hold.NONE).count()
    most = _AT_ONCE_ON_AWS if by_lambda() else _AT_ONCE
    allowed = max(0, min(earned, repeat.per_minute - waiting, most))
    repeat.stepped_at = since + timedelta(seconds=60 * allowed / repeat.per_minute)
    return allowed


def _finish(repeat: Repeat) -> None:
    """Of those that are missing now the owner deleted some, or had them recognised; new ones may have come instead."""
    repeat.state = RepeatState.DONE
    repeat.finished_at = timezone.now()
    repeat.images_total = max(repeat.images_total, repeat.images_queued + repeat.images_left_alone)
    repeat.images_left_alone = repeat.images_total - repeat.images_queued


def _existing(repeat_id: UUID) -> Repeat:
    repeat = Repeat.objects.filter(pk=repeat_id).first()
    if repeat is None:
        raise Refused("not_found", "There is no such thing to decide on.", 404)
    return repeat


@transaction.atomic
def _change(repeat_id: UUID, actor: User, earlier: tuple[RepeatState, ...], state: RepeatState, did: str) -> Repeat:
    refuse_strangers(actor, PROMOTE)
    values: dict[str, Any] = {"state": state}
    # The time that it stood still is nobody's.
    values |= {"finished_at": timezone.now()} if state == RepeatState.CANCELLED else {"stepped_at": timezone.now()}
    changed = Repeat.objects.filter(pk=repeat_id, state__in=earlier).update(**values)
    repeat = _existing(repeat_id)
    if changed:
        _record(repeat, actor, did)
    return repeat


def _record(repeat: Repeat, actor: User, did: str, **more: Any) -> None:
    record(promoting.running(), actor, did, served_as=repeat.served_as, repeat=str(repeat.pk), **more)
