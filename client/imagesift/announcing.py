"""Announcing files to the portal, so that the second run of a command that was killed is answered as the first was."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from imagesift.api import Api
from imagesift.errors import Refused
from imagesift.photos import Photo
from imagesift.problems import problem_in
from imagesift.sending import Form

FILES_AT_ONCE = 100
# Forms last an hour: not so much at once that the last would be too old when its turn comes.
BYTES_AT_ONCE = 500_000_000
# A list ends after every file whose key begins so, one in 64: a file more or less in a folder changes the list that it
# is in, and the lists behind it remain what the portal remembers from the run before.
_LAST_OF_A_LIST = range(4)


@dataclass(frozen=True)
class Place:
    """What the portal says of an announced file: its image, and the form to send it by unless it is there already."""

    photo: Photo
    image_id: str
    form: Form | None


def together(photos: Iterable[Photo]) -> Iterator[list[Photo]]:
    """Lists of photos to be announced at once, in their order."""
    held: list[Photo] = []
    for photo in photos:
        held.append(photo)
        if _is_last(photo) or len(held) == FILES_AT_ONCE or sum(photo.size for photo in held) > BYTES_AT_ONCE:
            yield held
            held = []
    if held:
        yield held


def _is_last(photo: Photo) -> bool:
    return int(photo.key[:2], 16) in _LAST_OF_A_LIST


def announce(api: Api, photos: list[Photo]) -> list[Place | Refused]:
    """A place for each of the photos, in their order, or why there is none."""
    # One key for the whole, of what is in it: a list that has changed since is another list.
    key = hashlib.sha256("\n".join(photo.key for photo in photos).encode()).hexdigest()
    answers = api.announce([photo.announcement() for photo in photos], key)
    return [_place(photo, answer) for photo, answer in zip(photos, answers, strict=True)]


def announce_anew(api: Api, photo: Photo) -> Place:
    """A place for a photo whose first was deleted before the file came: not the one that is remembered."""
    answer = api.announce_one(photo.announcement(), secrets.token_hex(16))
    return Place(photo, str(answer["id"]), Form.of(answer))


def _place(photo: Photo, answer: dict[str, Any]) -> Place | Refused:
    if problem := answer.get("problem"):
        return Refused(problem_in(problem, int(answer["status_code"])))
    return Place(photo, str(answer["id"]), Form.of(answer))
