"""`manage.py openapi`: the API's OpenAPI document on standard output, as archives store it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from portal.api.openapi import written_document


class Command(BaseCommand):
    help = "Print the API's OpenAPI document as JSON. What differs between portals is filled in when it is served."

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(written_document())
