"""What can go wrong, each with the sentence that a person reads and the status that the command ends with."""

from __future__ import annotations

from dataclasses import dataclass


class ClientError(Exception):
    """The command cannot go on. The message is one sentence for the person."""

    exit_status = 1


class UsageError(ClientError):
    """The command was called in a way that makes no sense."""

    exit_status = 2


class QuotaReached(ClientError):
    """The day's allowance of images is used up."""

    exit_status = 3


class NotSignedIn(ClientError):
    """There is no token, or the portal does not take it."""

    exit_status = 4


class Unreachable(ClientError):
    """The portal did not answer, or with nothing that makes sense, however often it was asked."""

    exit_status = 5


class Stopped(Exception):
    """Somebody pressed Ctrl+C while this was under way."""


@dataclass(frozen=True)
class Problem:
    """What the portal says of a request that it refuses: `code` is for programs, `sentence` for the person."""

    status: int
    code: str
    sentence: str


class Refused(ClientError):
    """The portal refused a request, and would again."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem
