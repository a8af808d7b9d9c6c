"""Entry point of `manage`: runs an allowed management command, and packs the exports that people asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from django.core.files.storage import storages
from django.core.management.base import CommandError
from django.db import close_old_connections

from lambdas.logs import make_logger
from lambdas.manage.commands import Done, Order, run
from lambdas.s3_events import created_objects
from portal.images.exports import build
from portal.waking import connect

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_PATIENCE_S: Final = 60.0
# A deployment may come before the database's proxy is ready for the first time.
_PATIENCE_WHEN_DEPLOYING_S: Final = 300.0
# For ending in order once the time is over.
_MARGIN_S: Final = 60.0
_EXPORTS: Final = "outbox/exports/"

logger = make_logger()


class CommandFailed(Exception):
    """So that a deployment stops, and an alarm hears of a sweep that fails."""


# The event is never logged: it may hold a password.
@logger.inject_lambda_context(log_event=False, clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, object]:
    """Answers {"ok", "output", "error"}.

    A command that fails raises CommandFailed, or with "raise_errors": false in the event is told of in the answer.
    """
    within = context.get_remaining_time_in_millis() / 1000 - _MARGIN_S
    try:
        if "Records" in event:
            return _build_exports(event, within)
        done = _run(event, within)
    finally:
        close_old_connections()
    if done.error and event.get("raise_errors", True):
        raise CommandFailed(f"{done.error}\n{done.output}".strip())
    return done.as_dict()


def _run(event: Mapping[str, Any], within: float) -> Done:
    try:
        order = Order.of(event)
    except CommandError as error:
        return Done("", str(error))
    connect(_PATIENCE_WHEN_DEPLOYING_S if order.command == "migrate" else _PATIENCE_S)
    done = run(order, within)
    logger.info("ran %s", order.command, extra={"command": order.command, "ok": not done.error})
    return done


def _build_exports(event: Mapping[str, Any], within: float) -> dict[str, object]:
    """S3's word of requests in the outbox: each is named by the export's id."""
    connect(_PATIENCE_S)
    built = 0
    for created in created_objects(json.dumps(event)):
        if not created.key.startswith(_EXPORTS):
            logger.warning("an object that asks for nothing was passed over", extra={"key": created.key})
            continue
        # Before it is worked at: what is not done in time is asked for once more, under the same name.
        storages["derived"].delete(created.key)
        built += build(PurePosixPath(created.key).stem, within)
    return Done(f"{built} archives were completed.").as_dict()
