"""`manage.py create_token`: a token of the API for somebody, without their browser."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.accounts.models import User
from portal.api.models import Scope
from portal.api.tokens import TokenRefused, make_token

_USUAL_SCOPES = [Scope.IMAGES_READ.value, Scope.IMAGES_WRITE.value]
_DAYS = re.compile(r"[0-9]{1,5}d", re.ASCII)


class Command(BaseCommand):
    help = "Make a token of the API and print it alone on standard output: it is not shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="whose token it is")
        parser.add_argument("--name", default="command line", help="what it is for (default: command line)")
        parser.add_argument(
            "--scope",
            action="append",
            metavar="SCOPE",
            help=f"what it may do, repeatable: {', '.join(Scope.values)} (default: {' and '.join(_USUAL_SCOPES)})",
        )
        parser.add_argument(
            "--expires",
            default="365d",
            metavar="WHEN",
            help="after so many days such as 90d, at the end of a day (UTC) such as 2027-01-01, or never "
            "(default: 365d)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            owner = User.objects.get(username=options["username"])
        except User.DoesNotExist:
            raise CommandError(f"There is nobody called {options['username']}.") from None
        scopes = options["scope"] or _USUAL_SCOPES
        try:
            row, token = make_token(owner, options["name"], scopes, _moment(options["expires"]))
        except TokenRefused as refusal:
            raise CommandError(refusal.message) from None
        until = f"until {row.expires_at:%Y-%m-%d %H:%M} UTC" if row.expires_at else "until it is revoked"
        self.stderr.write(f"A token of {owner.username} for {', '.join(row.scopes)}, {until}:", self.style.NOTICE)
        self.stdout.write(token)


def _moment(expires: str) -> datetime | None:
    """When `90d` or a day is over; None for `never`. Raises CommandError."""
    if expires == "never":
        return None
    try:
        if _DAYS.fullmatch(expires):
            return timezone.now() + timedelta(days=int(expires[:-1]))
        return datetime.combine(date.fromisoformat(expires), time.min, tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise CommandError(f"--expires is 90d, 2027-01-01 or never, not {expires}.") from None
