"""What a refusal says: RFC 9457 from the API, a small object where the portal takes files, XML where S3 does."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx2

from imagesift.errors import ClientError, NotSignedIn, Problem, QuotaReached, Refused
from imagesift.terminal import plain

# Allowances: asking again does not help before midnight, or before something is deleted.
IMAGES_PER_DAY = "images_per_day"
QUOTAS = frozenset({IMAGES_PER_DAY, "bytes_per_user"})

_XML = re.compile(r"<(Code|Message)>([^<]*)</\1>")


def problem_of(response: httpx2.Response) -> Problem:
    """Read a refusal, whoever wrote it; of what cannot be understood only the status remains."""
    document = _json(response)
    if isinstance(document, dict):
        return problem_in(document, response.status_code)
    found = {name: html.unescape(text) for name, text in _XML.findall(response.text[:10_000])}
    sentence = found.get("Message") or f"The server answered with status {response.status_code}."
    return Problem(response.status_code, found.get("Code", ""), plain(sentence))


def problem_in(document: dict[str, Any], status: int) -> Problem:
    """The same from the JSON document of a refusal."""
    error = document.get("error")
    if isinstance(error, dict):
        return Problem(status, str(error.get("code", "")), plain(str(error.get("message", ""))))
    sentence = str(document.get("detail") or document.get("title") or f"The server answered with status {status}.")
    return Problem(status, str(document.get("code", "")), plain(" ".join([sentence, *_fields(document, sentence)])))


def _fields(document: dict[str, Any], sentence: str) -> list[str]:
    errors = document.get("errors")
    entries = [entry for entry in errors if isinstance(entry, dict)] if isinstance(errors, list) else []
    messages = [f"{entry.get('field', '')}: {entry.get('message', '')}" for entry in entries]
    return [message for message, entry in zip(messages, entries, strict=True) if entry.get("message") != sentence]


def raised(problem: Problem) -> ClientError:
    """The error to raise for a problem."""
    if problem.status == 401:
        return NotSignedIn(f"{problem.sentence} Run `imagesift login`.")
    if problem.code == "insufficient_scope":
        return NotSignedIn(problem.sentence)
    if problem.code == IMAGES_PER_DAY:
        return QuotaReached(problem.sentence)
    return Refused(problem)


def _json(response: httpx2.Response) -> Any:
    if "json" not in response.headers.get("Content-Type", ""):
        return None
    try:
        return response.json()
    except ValueError:
        return None
