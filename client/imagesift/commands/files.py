"""`imagesift delete` and `download`."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path, PurePosixPath

from imagesift import account
from imagesift.api import Api
from imagesift.errors import ClientError, Refused, UsageError
from imagesift.terminal import counted, plain, say, size, tell

# What Windows does not take in a name; "/" nobody takes.
_NOT_IN_NAMES = frozenset('<>:"/\\|?*')


def delete(options: Namespace) -> int:
    """Delete images with everything that was found in them, after asking."""
    if not options.yes:
        _ask(f"Delete {counted(len(options.ids), 'image')} for good? This cannot be undone. [y/N] ")
    failed = 0
    with Api(account.current()) as api:
        for image_id in options.ids:
            try:
                api.delete(str(image_id))
            except Refused as error:
                failed += 1
                tell(f"{image_id}: {error}")
            else:
                say(f"{image_id} deleted")
    return 1 if failed else 0


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("There is nobody to ask: --yes deletes without asking.")
    if input(question).strip().lower() not in ("y", "yes"):
        raise ClientError("Nothing was deleted.")


def download(options: Namespace) -> int:
    """Fetch the file of an image as it was uploaded."""
    with Api(account.current()) as api:
        image_id = str(options.id)
        path = options.output or Path(safe_name(api.image(image_id)["filename"], image_id))
        if path.is_dir():
            path = path / safe_name(api.image(image_id)["filename"], image_id)
        if path.exists() and not options.force:
            raise ClientError(f"{path} is there already; --force replaces it.")
        byte_count = _fetch(api, image_id, path)
    say(f"{path}  {size(byte_count)}")
    return 0


def _fetch(api: Api, image_id: str, path: Path) -> int:
    partial, byte_count = path.with_name(f"{path.name}.part"), 0
    try:
        with api.original(image_id) as response, partial.open("wb") as file:
            for chunk in response.iter_bytes():
                byte_count += file.write(chunk)
        partial.replace(path)
    except OSError as error:
        raise ClientError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        partial.unlink(missing_ok=True)
    return byte_count


def safe_name(filename: str, image_id: str) -> str:
    """The name of a file in this folder, whatever the portal calls the image."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    kept = "".join("_" if character in _NOT_IN_NAMES else character for character in plain(name)).strip(". ")
    return kept or image_id
