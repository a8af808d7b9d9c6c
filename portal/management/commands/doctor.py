from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.doctor.examination import examine
from portal.doctor.findings import State
from portal.doctor.stack import Stack, StackFileError, read

_DEFAULT_FILE = "Pulumi.dev.yaml"


class Command(BaseCommand):
    help = (
        "Look at this machine and the AWS account before `pulumi up`: each line is fine, a note, or says what to do. "
        "Exit status 1 where something is to be done. Creates and changes nothing."
    )
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--region", help="the AWS region (default: aws:region of the stack, then the profile's)")
        parser.add_argument(
            "--stack-config", type=Path, metavar="FILE", help=f"the stack's settings (default: {_DEFAULT_FILE})"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        # It would announce every credential and address that it finds, between the lines.
        logging.getLogger("botocore").setLevel(logging.WARNING)
        stack = _stack(options["stack_config"])
        styles = {State.FINE: self.style.SUCCESS, State.NOTE: self.style.WARNING, State.TO_DO: self.style.ERROR}
        to_do = 0
        for finding in examine(stack, options["region"], settings.BASE_DIR, datetime.now(UTC).date()):
            self.stdout.write(f"{styles[finding.state](f'{finding.state:<5}')}  {finding.subject}: {finding.sentence}")
            to_do += finding.state is State.TO_DO
        if to_do:
            raise CommandError(f"{to_do} to do before `pulumi up`.")


def _stack(named: Path | None) -> Stack:
    """The named file must be there; without the default one, the stack is as it would be without settings."""
    default = Path(settings.BASE_DIR) / _DEFAULT_FILE
    if named is None and not default.exists():
        return Stack()
    try:
        return read(named or default)
    except StackFileError as error:
        raise CommandError(str(error)) from None
