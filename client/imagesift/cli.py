"""The command line: what may be asked, and how it is explained."""

from __future__ import annotations

import argparse
from pathlib import Path
from uuid import UUID

from imagesift import __version__
from imagesift.account import TOKEN_VARIABLE, URL_VARIABLE
from imagesift.commands import account, files, reading
from imagesift.commands.upload import upload

_STATUSES = ("queued", "processing", "recognized", "failed")

_ENDING = f"""\
examples:
  imagesift login https://photos.example
  imagesift upload ~/Pictures --recursive
  imagesift search label:Dog confidence:80 beach
  imagesift results --csv --since 2026-01-01 --output results.csv

exit status:
  0  all went well
  1  something could not be done: some files failed, an id is unknown
  2  the command was called in a way that makes no sense
  3  the day's allowance of images is used up
  4  not signed in, or the token is refused or may not do this
  5  the portal cannot be reached
  130  interrupted by Ctrl+C

{URL_VARIABLE} and {TOKEN_VARIABLE} in the environment beat what `imagesift login` has stored."""

_UPLOAD_ENDING = """\
Interrupted or killed, run the same command again: it goes on where it ended, and sends nothing twice.

examples:
  imagesift upload photo.jpg other.heic
  imagesift upload ~/Pictures --recursive --wait
  imagesift upload ~/Pictures --recursive --dry-run     which files would that be?
  imagesift upload /mnt/nas --recursive --quiet         for cron: speaks of what failed, and the exit status tells"""

_SEARCH_ENDING = """\
filters:
  label:Dog             shows a dog; may be given several times, then all must be there
  detector:onnx         a label of this detector
  status:failed         queued, processing, recognized or failed
  confidence:80         labels of which the detector was at least so sure, in percent
  since:2026-01-01      uploaded on that day or later (UTC); until: likewise

Anything else is looked for in labels, file names and the text in the pictures.
A filter is one argument: quote its spaces.

examples:
  imagesift search label:Dog label:Bicycle confidence:80
  imagesift search "label:Dining table" since:2026-01-01
  imagesift search status:failed --json"""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="imagesift",
        description="Upload photos to an ImageSift portal, and read what is in them.",
        epilog=_ENDING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"imagesift {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_account(commands)
    _add_upload(commands)
    _add_reading(commands)
    _add_files(commands)
    return top


def _add_account(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    login = commands.add_parser(
        "login", help="sign in to a portal by a token", description="Check a token with the portal, and keep it."
    )
    login.add_argument("url", metavar="URL", nargs="?", help="address of the portal; asked for when left out")
    login.add_argument("--token-stdin", action="store_true", help="read the token from standard input, for scripts")
    login.set_defaults(run=account.login)
    commands.add_parser("logout", help="forget the token on this machine").set_defaults(run=account.logout)
    commands.add_parser("whoami", help="who you are, and what the token may do").set_defaults(run=account.whoami)


def _add_upload(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    sub = commands.add_parser(
        "upload",
        help="upload image files; what is there already is not sent",
        description="Upload image files, and those in folders. What is there already is not sent.",
        epilog=_UPLOAD_ENDING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="image files, or folders that hold some")
    sub.add_argument("-r", "--recursive", action="store_true", help="go into the folders below as well")
    sub.add_argument(
        "--concurrency", type=_concurrency, default=4, metavar="N", help="files sent at once, 1 to 32 (default: 4)"
    )
    sub.add_argument("--wait", action="store_true", help="wait until the images have been looked at")
    sub.add_argument("--dry-run", action="store_true", help="only list what would be uploaded; the portal is not asked")
    sub.add_argument("-q", "--quiet", action="store_true", help="no progress: only the summary and what failed")
    sub.set_defaults(run=upload)


def _add_reading(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    results = commands.add_parser(
        "results", help="list images and what is in them", description="List images, newest first, as a table."
    )
    results.add_argument("--label", action="append", default=[], help="only images with this label; may be repeated")
    results.add_argument("--detector", help="only images with a label of this detector")
    results.add_argument("--status", choices=_STATUSES, help="only images in this state")
    results.add_argument("--min-confidence", type=float, metavar="PERCENT", help="leave out labels less sure than this")
    results.add_argument("--since", metavar="WHEN", help="uploaded then or later: 2026-01-31 or 2026-01-31T08:00:00Z")
    results.add_argument("--until", metavar="WHEN", help="uploaded then or earlier")
    _add_form(results)
    results.set_defaults(run=reading.results)
    search = commands.add_parser(
        "search",
        help="find images: label:Dog confidence:80 beach",
        description="Find images by filters and words.",
        epilog=_SEARCH_ENDING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    search.add_argument("query", metavar="QUERY", nargs="+", help="filters, and words to look for")
    _add_form(search)
    search.set_defaults(run=reading.search)


def _add_form(sub: argparse.ArgumentParser) -> None:
    form = sub.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON array")
    form.add_argument("--csv", action="store_true", help="print CSV, a line for each label of an image")
    sub.add_argument("--limit", type=_positive, metavar="N", help="at most so many images (default: all)")
    sub.add_argument("--all", action="store_true", help="also the labels that people refused; a request for each image")
    sub.add_argument("-o", "--output", type=Path, metavar="FILE", help="write to a file")


def _add_files(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    show = commands.add_parser("show", help="show everything that was found in one image")
    show.add_argument("id", metavar="ID", type=UUID)
    show.add_argument("--json", action="store_true", help="print the API's document")
    show.add_argument("--all", action="store_true", help="also the labels that people refused, which --json has anyhow")
    show.set_defaults(run=reading.show)
    delete = commands.add_parser("delete", help="delete images for good")
    delete.add_argument("ids", metavar="ID", nargs="+", type=UUID)
    delete.add_argument("-y", "--yes", action="store_true", help="do not ask")
    delete.set_defaults(run=files.delete)
    download = commands.add_parser("download", help="fetch the file of an image as it was uploaded")
    download.add_argument("id", metavar="ID", type=UUID)
    download.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="where to (default: under its own name, here)"
    )
    download.add_argument("--force", action="store_true", help="replace a file that is there")
    download.set_defaults(run=files.download)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _concurrency(text: str) -> int:
    number = _positive(text)
    if number > 32:
        raise ValueError
    return number


# argparse names them in its own errors.
_positive.__name__, _concurrency.__name__ = "number of 1 or more", "number from 1 to 32"
