from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.models import User
from portal.images.quotas import QuotaExceeded
from portal.images.uploads import UploadRefused
from portal.images.workers import any_alive, by_lambda
from portal.moderation.bringing import Brought, decide, settled, upload
from portal.moderation.coco_lists import LabelledPicture, ListError, read_folder
from portal.moderation.deeds import Refused

_LOOK_SECONDS = 0.5
_EVERY = 20


class Command(BaseCommand):
    help = (
        "Bring pictures that are labelled already: upload them for somebody, wait until they are recognised, and take"
        " their boxes as what a moderator said. The folder holds lists in COCO's form (annotations/*.json) and the"
        " pictures that they name. Again, it changes nothing. Progress goes to stderr."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="with the lists and the pictures")
        parser.add_argument("--owner", required=True, metavar="USERNAME", help="whose images they become")
        parser.add_argument("--by", metavar="USERNAME", help="the moderator who says so (default: the owner)")
        parser.add_argument(
            "--incomplete", action="store_true", help="other things may be in the pictures than the lists say"
        )

    def handle(self, *_args: Any, folder: Path, owner: str, by: str | None, incomplete: bool, **_options: Any) -> None:
        if by_lambda():
            raise CommandError("This works where workers recognise. On AWS, see “imports/” in docs/deploy.md.")
        person, moderator = _user(owner), _user(by or owner)
        if not moderator.has_perm("moderation.review_images"):
            raise CommandError(f"{moderator.username} is no moderator: manage.py moderator {moderator.username}")
        try:
            pictures = read_folder(folder)
        except ListError as error:
            raise CommandError(str(error)) from error
        brought = self._upload_all(person, pictures)
        problems = [each for each in brought if each.problem]
        problems += self._decide_all(moderator, [each for each in brought if not each.problem], not incomplete)
        boxes = sum(len(picture.boxes) for picture in pictures)
        self.stdout.write(f"{len(pictures) - len(problems)} of {len(pictures)} pictures brought; {boxes} boxes in all.")
        for each in problems:
            self.stderr.write(f"{each.picture.path.name}: {each.problem}")
        if problems:
            raise CommandError(f"{len(problems)} pictures were not brought. Mend what is wrong and call this again.")

    def _upload_all(self, owner: User, pictures: Sequence[LabelledPicture]) -> list[Brought]:
        brought = []
        for number, picture in enumerate(pictures, start=1):
            try:
                brought.append(Brought(picture, upload(owner, picture).pk))
            except (UploadRefused, QuotaExceeded) as error:
                brought.append(Brought(picture, None, error.message))
            except OSError as error:
                brought.append(Brought(picture, None, f"It cannot be read: {error.strerror or error}"))
            if number % _EVERY == 0 or number == len(pictures):
                self.stderr.write(f"uploaded: {number} of {len(pictures)}")
        return brought

    def _decide_all(self, moderator: User, waiting: list[Brought], is_complete: bool) -> list[Brought]:
        """Take each as soon as it is recognised. Returns those that something is wrong with."""
        problems, total, warned = [], len(waiting), False
        while waiting:
            for each, image in list(settled(waiting)):
                waiting.remove(each)
                try:
                    problem = decide(moderator, each.picture, image, is_complete=is_complete)
                except Refused as refused:
                    problem = refused.message
                if problem:
                    problems.append(Brought(each.picture, each.image_id, problem))
                if (total - len(waiting)) % _EVERY == 0 or not waiting:
                    self.stderr.write(f"labelled: {total - len(waiting)} of {total}")
            if waiting and not warned and not any_alive():
                self.stderr.write("No worker is running, so nothing is recognised: start ImageSift with `make run`.")
                warned = True
            if waiting:
                time.sleep(_LOOK_SECONDS)
        return problems


def _user(username: str) -> User:
    try:
        return User.objects.get(username=username)
    except User.DoesNotExist:
        raise CommandError(f"There is nobody called {username}.") from None
