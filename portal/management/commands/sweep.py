from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from portal.images.sweeping import sweep


class Command(BaseCommand):
    help = "Find whatever got stuck (images, uploads, files to erase) and set it going again. The worker does this too."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        for name, count in asdict(sweep()).items():
            self.stdout.write(f"{name.replace('_', ' ')}: {count}")
