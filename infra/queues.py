"""The stack's queues: images to recognise, results to take in, letters and webhooks to send, models to train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from infra.naming import Names
from infra.storage import Storage
from infra.timeouts import (
    DEAD_LETTERS_SECONDS,
    INGEST_SECONDS,
    MAIL_SECONDS,
    RECOGNIZE_SECONDS,
    TRAIN_SECONDS,
    WEBHOOKS_SECONDS,
)
from infra.work_queue import WorkQueue, WorkQueueArgs

_ATTEMPTS = 5
# Results wait for a database that does not answer, for hours if they must.
_INGEST_ATTEMPTS = 100
# The schedule of attempts ends long before; these are the deliveries that nobody can read.
_WEBHOOKS_ATTEMPTS = 20


@dataclass(frozen=True, kw_only=True)
class QueuesArgs:
    """`with_mail`: there is mail to send only where the stack names a sender. `rules` tell `ingest`, by purpose."""

    names: Names
    storage: Storage
    with_mail: bool
    rules: Sequence[str]


class Queues(pulumi.ComponentResource):
    """`recognize` and `ingest` are filled by the uploads, `mail`, `webhooks` and `train` by the outbox."""

    def __init__(self, name: str, args: QueuesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:queues:Queues", name, None, opts)
        self._names = args.names
        uploads, derived = {"uploads": args.storage.uploads.arn}, {"derived": args.storage.derived.arn}
        self.recognize = self._make("recognize", uploads, RECOGNIZE_SECONDS, dead_timeout_seconds=DEAD_LETTERS_SECONDS)
        told_by = [args.names.arn("events", f"rule/{args.names.of(rule)}") for rule in args.rules]
        self.ingest = self._make("ingest", uploads, INGEST_SECONDS, _INGEST_ATTEMPTS, told_by=told_by)
        self.mail = self._make("mail", derived, MAIL_SECONDS) if args.with_mail else None
        self.webhooks = self._make("webhooks", derived, WEBHOOKS_SECONDS, _WEBHOOKS_ATTEMPTS)
        self.train = self._make("train", derived, TRAIN_SECONDS)
        self.register_outputs({})

    def by_purpose(self) -> dict[str, WorkQueue]:
        """Those that there are."""
        mail = {} if self.mail is None else {"mail": self.mail}
        return {
            "recognize": self.recognize,
            "ingest": self.ingest,
            **mail,
            "webhooks": self.webhooks,
            "train": self.train,
        }

    def _make(
        self,
        purpose: str,
        filled_by: Mapping[str, pulumi.Input[str]],
        timeout_seconds: int,
        attempts: int = _ATTEMPTS,
        dead_timeout_seconds: int = DEAD_LETTERS_SECONDS,
        told_by: Sequence[str] = (),
    ) -> WorkQueue:
        return WorkQueue(
            purpose,
            WorkQueueArgs(
                names=self._names,
                purpose=purpose,
                timeout_seconds=timeout_seconds,
                max_receive_count=attempts,
                dead_timeout_seconds=dead_timeout_seconds,
                filled_by=filled_by,
                told_by=told_by,
            ),
            pulumi.ResourceOptions(parent=self),
        )
