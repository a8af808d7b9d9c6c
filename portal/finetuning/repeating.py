"""Recognising the history again with the model that runs now: in the background, at a pace, as long as it is wanted.

Each sweep and each look at its progress queues some images, as *Recognise again* does one: earlier results stay, paid
answers are used again, and what there is no budget for waits. How far it is lies in its row alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
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
# What results say is only found by reading them: a step is part of a request, so that it reads no more than this.
_READ_AT_ONCE: Final = 500
_READ_AT_MOST: Final = 5000
_OPEN: Final = (RepeatState.RUNNING, RepeatState.PAUSED)


@dataclass(frozen=True, slots=True)
class _Found:
    """Images to recognise again, up to which image that was looked for, and whether there are none after it."""

    images: list[UUID]
    last: UUID | None
    are_all: bool


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


def other_runs(repeat: Repeat) -> bool:
    """Whether another model runs than the one that it was begun for, or none.

    On AWS only results tell: where no recent one names a model, nothing is known, and it waits.
    """
    runs = served_as()
    return repeat.served_as != runs and (bool(runs) or not by_lambda())


def to_repeat(name: str) -> QuerySet[Image]:
    """The images whose newest result does not name this version, but for those whose originals are known to be gone.

    It reads every result: from a long history take a part.
    """
    named = Q(current__document__detectors__icontains=f'"{name}"')
    return _recognizable().filter(~named)


def _recognizable() -> QuerySet[Image]:
    return Image.objects.filter(current__isnull=False).exclude(failure_code=FILE_MISSING)


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
    if repeat.state == RepeatState.PAUSED and other_runs(repeat):
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
    allowed = _allowed(repeat)
    if not allowed:
        return 0
    # Looking through a long history takes a while: nobody is to wait for the database meanwhile.
    found = _search(repeat, allowed)
    with transaction.atomic():
        running = Repeat.objects.select_for_update().filter(pk=repeat.pk, state=RepeatState.RUNNING)
        same = running.filter(stepped_at=repeat.stepped_at, last_image=repeat.last_image).first()
        queued = _queue(same, found) if same else 0
    return queued - _without_file(repeat, found, queued) if queued else 0


def _search(repeat: Repeat, most: int) -> _Found:
    """The next images, in pages: to say which are on a page costs nothing, to read their results does."""
    found: list[UUID] = []
    last = repeat.last_image
    for _ in range(_READ_AT_MOST // _READ_AT_ONCE):
        after = Q(pk__gt=last) if last else Q()
        page = list(_recognizable().filter(after).order_by("pk").values_list("pk", flat=True)[:_READ_AT_ONCE])
        if page:
            on_page = to_repeat(repeat.served_as).filter(after, pk__lte=page[-1]).order_by("pk")
            found += on_page.values_list("pk", flat=True)[: most - len(found)]
        if len(found) == most:
            return _Found(found, found[-1], are_all=False)
        last = page[-1] if page else last
        if len(page) < _READ_AT_ONCE:
            return _Found(found, last, are_all=True)
    return _Found(found, last, are_all=False)


def _queue(repeat: Repeat, found: _Found) -> int:
    # Some may have been recognised since they were looked for.
    still = to_repeat(repeat.served_as).filter(pk__in=found.images).order_by("pk")
    queued = recognize_all_again(_settled(still))
    repeat.images_queued += queued
    repeat.images_left_alone += len(found.images) - queued
    repeat.last_image = found.last
    repeat.stepped_at = _since(repeat) + timedelta(seconds=60 * len(found.images) / repeat.per_minute)
    if found.are_all:
        _finish(repeat)
    repeat.save()
    return queued


def _without_file(repeat: Repeat, found: _Found, queued: int) -> int:
    """How many of them turned out to have no original any more, when S3 was to copy it: they count as left alone."""
    gone = min(queued, Image.objects.filter(pk__in=found.images, failure_code=FILE_MISSING).count())
    if gone:
        counted = Repeat.objects.filter(pk=repeat.pk)
        counted.update(images_queued=F("images_queued") - gone, images_left_alone=F("images_left_alone") + gone)
    return gone


def _settled(images: Iterable[Image]) -> list[Image]:
    """Those that neither wait nor are being recognised, and that no moderator has removed."""
    return [image for image in images if image.is_settled and image.verdict != FlagVerdict.REMOVED]


def _since(repeat: Repeat) -> datetime:
    """From when on time counts that nobody used."""
    return max(repeat.stepped_at, timezone.now() - _SAVED)


def _allowed(repeat: Repeat) -> int:
    """How many images may be queued now.

    No more than a minute's worth ever waits, so that who uploads a photo does not wait behind all of the history.
    """
    earned = int((timezone.now() - _since(repeat)).total_seconds() * repeat.per_minute / 60)
    waiting = Image.objects.filter(status__in=(Status.QUEUED, Status.PROCESSING), hold=Hold.NONE).count()
    most = _AT_ONCE_ON_AWS if by_lambda() else _AT_ONCE
    return max(0, min(earned, repeat.per_minute - waiting, most))


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
