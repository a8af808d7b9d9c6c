"""`imagesift upload`."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections import Counter
from threading import Event

from imagesift import account
from imagesift.api import Api
from imagesift.finding import Found, find
from imagesift.patience import Patience
from imagesift.progress import Progress
from imagesift.sending import Sender
from imagesift.terminal import counted, plain, say, size, tell
from imagesift.uploading import Report, Uploader
from imagesift.waiting import wait_for

_ATTEMPTS = 8
_NAMED_AT_MOST = 20
INTERRUPTED = 130


def upload(options: Namespace) -> int:
    """Upload what is not there yet, and say what became of each file that could not be."""
    found = find(options.paths, recursive=options.recursive)
    if not options.quiet:
        _tell_skipped(found)
    if options.dry_run:
        return _tell_plan(found)
    current, stop = account.current(), Event()
    with Progress(len(found.files), found.total_bytes, quiet=options.quiet) as progress:
        patience = Patience(_ATTEMPTS, stop, progress.note)
        with Api(current, patience) as api, Sender(current, patience) as sender:
            report = Uploader(api, sender, progress, options.concurrency, stop).upload(found)
    _tell_report(report, found)
    status = _status(report, found)
    if options.wait and report.images and report.error is None and not report.interrupted:
        return _wait(report, options.concurrency) or status
    return status


def _tell_skipped(found: Found) -> None:
    for skipped in found.skipped[:_NAMED_AT_MOST]:
        tell(f"Left out: {plain(str(skipped.path))} ({skipped.reason})")
    if len(found.skipped) > _NAMED_AT_MOST:
        reasons = Counter(skipped.reason for skipped in found.skipped)
        listed = "; ".join(f"{number:,} {reason}" for reason, number in reasons.most_common())
        tell(f"… and more, {counted(len(found.skipped), 'file')} and folders in all: {listed}.")


def _tell_plan(found: Found) -> int:
    for path, byte_count in found.files.items():
        say(f"{plain(str(path))}  {size(byte_count)}")
    for path, sentence in found.unreadable:
        tell(f"{plain(str(path))}: {sentence}")
    say(f"{counted(len(found.files), 'file')}, {size(found.total_bytes)}. Nothing was sent, and the portal not asked.")
    return 1 if found.unreadable else 0


def _tell_report(report: Report, found: Found) -> None:
    failures = [*found.unreadable, *report.failures]
    parts = [f"{report.sent:,} uploaded", f"{report.there:,} there already"]
    parts += [f"{len(failures):,} failed"] if failures else []
    parts += [f"{report.left:,} not come to"] if report.left else []
    say(f"{counted(report.files + len(found.unreadable), 'file')}: {', '.join(parts)}.")
    for path, sentence in failures:
        tell(f"{plain(str(path))}: {sentence}")
    if report.error:
        tell(str(report.error))
    if report.interrupted or report.error:
        tell(f"To go on where this ended, run it again: {shlex.join(['imagesift', *sys.argv[1:]])}")


def _status(report: Report, found: Found) -> int:
    if report.interrupted:
        return INTERRUPTED
    if report.error:
        return report.error.exit_status
    return 1 if report.failures or found.unreadable else 0


def _wait(report: Report, concurrency: int) -> int:
    """Wait for the images of this upload; 1 when the portal could not read one of them."""
    tell(f"Waiting for the recognition of {counted(len(report.images), 'image')}; Ctrl+C loses nothing.")
    stop = Event()
    with Api(account.current(), Patience(_ATTEMPTS, stop)) as api:
        outcome = wait_for(api, report.images, concurrency, stop)
    say(f"{outcome.images:,} recognised, {len(outcome.failures):,} failed.")
    for image in outcome.failures:
        failure = image.get("failure") or {}
        tell(f"{plain(str(report.images[image['id']]))}: {plain(str(failure.get('message', '')))}")
    return 1 if outcome.failures else 0
