"""`imagesift results`, `search` and `show`."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path

from imagesift import account
from imagesift.api import Api
from imagesift.errors import ClientError, Refused
from imagesift.filters import search_filters
from imagesift.output import REJECTED, Document, csv_lines, description, json_lines, table_lines
from imagesift.terminal import say

# Without it spreadsheets read the file in the letters of the last century.
_BYTE_ORDER_MARK = "\ufeff"
# What lists say of a label.
_SUMMARY = ("name", "confidence", "detector", "state")


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
    if options.json:
        say(json.dumps(image, ensure_ascii=False, indent=2))
    else:
        say(description(image, rejected=options.all))
    return 0


def _print(filters: list[tuple[str, str]], options: Namespace) -> int:
    with Api(account.current()) as api:
        images = api.images(filters, options.limit)
        lines = _lines(_with_rejected(api, images) if options.all else images, options)
        if options.output is None:
            _write_out(lines, raw=options.json or options.csv)
        else:
            _write_file(options.output, lines, _BYTE_ORDER_MARK if options.csv else "")
    return 0


def _with_rejected(api: Api, images: Iterable[Document]) -> Iterator[Document]:
    """Lists leave out what people refused: each image is asked for by itself."""
    for image in images:
        try:
            whole = api.image(str(image["id"])).get("labels") or ()
        except Refused as refusal:
            if refusal.problem.status != HTTPStatus.NOT_FOUND:
                raise
            # Deleted since it was listed.
            continue
        refused = [{name: label[name] for name in _SUMMARY} for label in whole if label.get("state") == REJECTED]
        yield {**image, "labels": [*(image.get("labels") or ()), *refused]}


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
