"""The certificates that Aurora's are checked against: AWS publishes them, the portal's archive carries them."""

from __future__ import annotations

import os
import re
import ssl
import tempfile
import time
import urllib.request
from pathlib import Path

from infra.archives.errors import BundleError

URL = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
VARIABLE = "IMAGESIFT_RDS_TRUSTSTORE"
FILE_NAME = "rds-global-bundle.pem"

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_TIMEOUT_SECONDS = 10
_KEPT_SECONDS = 30 * 24 * 3600
# The published file holds more than a hundred; a login page of some proxy holds none.
_FEWEST_PUBLISHED = 20


def truststore(cache: Path, named: Path | None = None, url: str = URL) -> bytes:
    """The certificates as PEM: of the file that is `named` (or VARIABLE names), else fetched and kept in `cache`.

    A kept file is fetched again after 30 days, and used on where that fails. BundleError where there is none at all:
    an archive is never built to trust whatever certificate it meets.
    """
    local = named or _named_by_environment()
    if local is not None:
        return _read_named(local)
    kept = cache / FILE_NAME
    if kept.exists() and time.time() - kept.stat().st_mtime < _KEPT_SECONDS:
        return kept.read_bytes()
    try:
        fetched = _fetch(url)
    except (OSError, ValueError) as error:
        if kept.exists():
            return kept.read_bytes()
        raise BundleError(
            f"the certificates of Aurora could not be fetched ({error}): fetch {url} where it can be reached "
            f"and name the file in {VARIABLE}"
        ) from error
    _keep(kept, fetched)
    return fetched


def certificates(pem: bytes) -> int:
    """How many certificates `pem` holds, between whatever else. ValueError where one is unreadable, or none there."""
    blocks = _CERTIFICATE.findall(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        for block in blocks:
            context.load_verify_locations(cadata=block.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError) as error:
        raise ValueError(f"certificates that cannot be read: {error}") from error
    if not blocks:
        raise ValueError("no certificate in it")
    return len(blocks)


def is_named(named: Path | None) -> bool:
    """Whether a local file of certificates was given, by argument or in VARIABLE."""
    return (named or _named_by_environment()) is not None


def _named_by_environment() -> Path | None:
    value = os.environ.get(VARIABLE, "")
    return Path(value) if value else None


def _read_named(path: Path) -> bytes:
    try:
        pem = path.read_bytes()
        certificates(pem)
    except (OSError, ValueError) as error:
        raise BundleError(f"{VARIABLE} names {path}, which holds no usable certificates: {error}") from error
    return pem


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310  (our URL, or a test's)
        pem: bytes = answer.read()
    found = certificates(pem)
    if found < _FEWEST_PUBLISHED:
        raise ValueError(f"{found} certificates came, at least {_FEWEST_PUBLISHED} were expected")
    return pem


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)
