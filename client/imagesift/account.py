"""Which portal, and the token for it: from the environment, else from the file that `imagesift login` wrote."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import httpx2

from imagesift.errors import NotSignedIn, UsageError

URL_VARIABLE = "IMAGESIFT_URL"
TOKEN_VARIABLE = "IMAGESIFT_TOKEN"  # noqa: S105 - the variable's name


@dataclass(frozen=True)
class Account:
    """A portal's address, without a slash at its end, and a token for it."""

    url: str
    token: str = field(repr=False)


def config_path() -> Path:
    """The file that keeps the account, in the folder where this platform keeps settings."""
    if folder := os.environ.get("XDG_CONFIG_HOME"):
        return Path(folder) / "imagesift" / "config.json"
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "imagesift" / "config.json"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "imagesift" / "config.json"
    return Path.home() / ".config" / "imagesift" / "config.json"


def current() -> Account:
    """The account to use. Raises NotSignedIn when there is none."""
    saved = _saved()
    url, token = os.environ.get(URL_VARIABLE, ""), os.environ.get(TOKEN_VARIABLE, "").strip()
    if url:
        url = portal_address(url)
    elif saved:
        url = saved.url
    # A token is shown to the portal that it was made by, and to no other.
    if not token and saved and saved.url == url:
        token = saved.token
    if not url or not token:
        missing = f"There is no token for {url}" if url else "You are not signed in"
        raise NotSignedIn(f"{missing}: run `imagesift login`, or set {URL_VARIABLE} and {TOKEN_VARIABLE}.")
    return Account(url, _sendable(token))


def saved_url() -> str:
    """The portal of the saved account, or nothing."""
    saved = _saved()
    return saved.url if saved else ""


def save(account: Account) -> Path:
    """Keep the account for the commands that follow, where nobody else can read it. Returns the file."""
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    # Made with mode 0600, and put in place whole: no moment at which others could read it or half of it is there.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".config-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"url": account.url, "token": account.token}, file)
    Path(name).replace(path)
    return path


def forget() -> bool:
    """Forget the saved account. False when there was none."""
    try:
        config_path().unlink()
    except FileNotFoundError:
        return False
    return True


def _saved() -> Account | None:
    path = config_path()
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Account(str(document["url"]), str(document["token"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise NotSignedIn(f"{path} makes no sense: run `imagesift login` again.") from None


def portal_address(text: str) -> str:
    """The address of a portal as somebody typed it. Raises UsageError when it is none."""
    address = text.strip()
    if "://" not in address:
        address = ("http://" if is_this_machine(address.partition("/")[0]) else "https://") + address
    with suppress(httpx2.InvalidURL):
        url = httpx2.URL(address)
        only_address = not (url.userinfo or url.query or url.fragment or any(map(str.isspace, address)))
        if url.scheme in ("http", "https") and url.host and only_address:
            return str(url).rstrip("/")
    raise UsageError(f"“{text}” is not the address of a portal. One looks like https://photos.example.")


def is_this_machine(host_and_port: str) -> bool:
    """Whether `host` or `host:port` is the machine that this runs on."""
    with suppress(ValueError, httpx2.InvalidURL):
        host = httpx2.URL(f"http://{host_and_port}").host
        return host == "localhost" or ip_address(host).is_loopback
    return False


def _sendable(token: str) -> str:
    """Raises NotSignedIn for what could not stand in a header."""
    if not token.isascii() or not token.isprintable() or " " in token:
        raise NotSignedIn("This is not a token: tokens are made under Account → API tokens and begin with isft_.")
    return token


def account_of(url: str, token: str) -> Account:
    """An account from what somebody typed. Raises UsageError or NotSignedIn when it cannot be one."""
    return Account(portal_address(url), _sendable(token.strip("\ufeff \t\r\n")))
