"""`imagesift results`, `search` and `show`."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path

from imagesift import account
from imagesift.api import Api
from imagesift.errors import ClientError
from imagesift.filters import search_filters
from imagesift.output import Document, csv_lines, description, json_lines, table_lines
from imagesift.terminal import say

# Without it spreadsheets read the file in the letters of the last century.
_BYTE_ORDER_MARK = "\ufeff"


def results(options: Namespace) -> int:
    """The images that match the options, newest first."""
    given = {
        "status": options.status,
        "detector": options.detector,
        "min_confidence": options.min_confidence,
        "since": options.since,
        "until": options.until,
    }
    labels = [("label", label) for label in options.label]
    filters = [*labels, *((name, str(value)) for name, value in given.items() if value is not None)]
    return _print(filters, options)


def search(options: Namespace) -> int:
    """The images that match a query such as `label:Dog confidence:80 beach`."""
    return _print(search_filters(options.query), options)


def show(options: Namespace) -> int:
    """One image, with everything that was found in it."""
    with Api(account.current()) as api:
        image = api.image(str(options.id))
    say(json.dumps(image, ensure_ascii=False, indent=2) if options.json else description(image))
    return 0


def _print(filters: list[tuple[str, str]], options: Namespace) -> int:
    with Api(account.current()) as api:
        lines = _lines(api.images(filters, options.limit), options)
        if options.output is None:
            _write_out(lines, raw=options.json or options.csv)
        else:
            _write_file(options.output, lines, _BYTE_ORDER_MARK if options.csv else "")
    return 0


def _lines(images: Iterable[Document], options: Namespace) -> Iterator[str]:
    if options.json:
        return json_lines(images)
    return csv_lines(images) if options.csv else table_lines(images)


def _write_out(lines: Iterable[str], *, raw: bool) -> None:
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if raw and reconfigure:
        # What programs read is UTF-8 with the line ends that it has, on Windows as elsewhere.
        reconfigure(encoding="utf-8", errors="strict", newline="")
    for line in lines:
        sys.stdout.write(line)
    sys.stdout.flush()


def _write_file(path: Path, lines: Iterable[str], start: str) -> None:
    """Raises ClientError when it cannot be written; an earlier file of that name stays until this one is whole."""
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            file.write(start)
            file.writelines(lines)
        partial.replace(path)
    except OSError as error:
        raise ClientError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        partial.unlink(missing_ok=True)
