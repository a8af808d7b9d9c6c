"""The management commands that may be run from outside, and how each is run."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.core.management import call_command
from django.core.management.base import CommandError

from portal.accounts.vouching import vouch_for_administrators

# More than this fits no answer of a function (6 MB); the end of the output is what matters.
_OUTPUT_CHARACTERS: Final = 1_000_000
PASSWORD: Final = "DJANGO_SUPERUSER_PASSWORD"  # noqa: S105 - the variable's name


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks for. `environment` may hold the password of an administrator to be made, and nothing else."""

    command: str
    args: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Order:
        """Read a payload. Raises CommandError for what is none, or not allowed."""
        command, args, environment = event.get("command", ""), event.get("args") or [], event.get("environment") or {}
        if command not in COMMANDS:
            raise CommandError(f"“{command}” is not run here; what is: {', '.join(COMMANDS)}.")
        if not isinstance(args, list) or not all(isinstance(value, str) for value in args):
            raise CommandError("“args” must be a list of texts.")
        if not isinstance(environment, Mapping) or set(environment) - {PASSWORD}:
            raise CommandError(f"“environment” may hold {PASSWORD} only.")
        return cls(command, tuple(args), environment)


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended: `error` is empty when it succeeded."""

    output: str
    error: str = ""

    def as_dict(self) -> dict[str, object]:
        return {"ok": not self.error, "output": self.output, "error": self.error}


def run(order: Order, within: float) -> Done:
    """Run a command; one that can stop and go on later stops after `within` seconds. Raises nothing."""
    output = io.StringIO()
    error = ""
    try:
        with _environment(order.environment or {}):
            COMMANDS[order.command](order.args, within, output)
    except CommandError as refused:
        error = str(refused) or "The command failed."
    except SystemExit as left:
        error = f"The command ended with exit code {left.code}." if left.code else ""
    except Exception as failed:  # noqa: BLE001 - whoever called it must hear of it, whatever it is
        error = f"{type(failed).__name__}: {failed}"
    return Done(output.getvalue()[-_OUTPUT_CHARACTERS:], error)


_Run = Callable[[Sequence[str], float, io.StringIO], None]


def _plain(name: str, **options: Any) -> _Run:
    def run_it(args: Sequence[str], _within: float, output: io.StringIO) -> None:
        call_command(name, *args, stdout=output, stderr=output, no_color=True, **options)

    return run_it


def _bounded(name: str) -> _Run:
    def run_it(args: Sequence[str], within: float, output: io.StringIO) -> None:
        call_command(name, *args, "--within", str(within), stdout=output, stderr=output, no_color=True)

    return run_it


def _migrate(args: Sequence[str], within: float, output: io.StringIO) -> None:
    _plain("migrate", interactive=False)(args, within, output)
    _plain("createcachetable")((), within, output)


def _createsuperuser(args: Sequence[str], within: float, output: io.StringIO) -> None:
    if not os.environ.get(PASSWORD):
        raise CommandError("A password is needed; `manage.py remote createsuperuser` asks for one.")
    _plain("createsuperuser", interactive=False)(args, within, output)
    vouch_for_administrators()


def _create_token(args: Sequence[str], _within: float, output: io.StringIO) -> None:
    """Prints the token alone: whoever may call this function reads it in the answer, and no log has it."""
    call_command("create_token", *args, stdout=output, stderr=io.StringIO(), no_color=True)


COMMANDS: Final[Mapping[str, _Run]] = {
    "migrate": _migrate,
    "createsuperuser": _createsuperuser,
    "first_admin": _plain("first_admin"),
    "sweep": _bounded("sweep"),
    "replay_results": _bounded("replay_results"),
    "check": _plain("check"),
    "create_token": _create_token,
    "moderator": _plain("moderator"),
    "export_dataset": _plain("export_dataset"),
}


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Variables for the time of one command: this process lives on, and must not keep a password."""
    os.environ.update(changes)
    try:
        yield
    finally:
        for name in changes:
            os.environ.pop(name, None)
