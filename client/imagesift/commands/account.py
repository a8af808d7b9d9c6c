"""`imagesift login`, `logout` and `whoami`."""

from __future__ import annotations

import getpass
import sys
from argparse import Namespace

import httpx2

from imagesift import account
from imagesift.api import Api
from imagesift.errors import UsageError
from imagesift.terminal import plain, say, tell


def login(options: Namespace) -> int:
    """Check a token with the portal, and keep it."""
    url = account.portal_address(options.url or _asked_address(options.token_stdin))
    if url.startswith("http:") and not account.is_this_machine(httpx2.URL(url).netloc.decode()):
        tell(f"Beware: {url} is not encrypted, so others in the network can read the token and your photos.")
    token = sys.stdin.readline() if options.token_stdin else _asked_token(url)
    found = account.account_of(url, token)
    with Api(found) as api:
        me = api.me()
    path = account.save(found)
    say(f"You are signed in to {url} as {plain(str(me['username']))}, with the token “{_token_name(me)}”.")
    tell(f"The token is kept in {path}, which only you can read. `imagesift logout` forgets it.")
    return 0


def _asked_address(token_stdin: bool) -> str:
    if token_stdin:
        raise UsageError("With --token-stdin the portal's address must be named: imagesift login URL --token-stdin")
    before = account.saved_url()
    hint = f" [{before}]" if before else ""
    return input(f"Address of the portal{hint}: ").strip() or before


def _asked_token(url: str) -> str:
    tell(f"Make a token at {url}/account/tokens/ and paste it here; it is not shown.")
    return getpass.getpass("Token: ")


def logout(options: Namespace) -> int:  # noqa: ARG001
    """Forget the token on this machine; at the portal it stays until it is revoked there."""
    if account.forget():
        say("Forgotten on this machine. To make the token useless everywhere, revoke it at the portal.")
    else:
        say("Nobody was signed in.")
    return 0


def whoami(options: Namespace) -> int:  # noqa: ARG001
    """Who the token stands for, where, and what it may do."""
    current = account.current()
    with Api(current) as api:
        me = api.me()
    token = me["token"]
    say(f"{plain(str(me['username']))} at {current.url}")
    expires = f"expires {str(token['expires_at'])[:16]}" if token.get("expires_at") else "does not expire"
    say(f"Token “{_token_name(me)}”: {', '.join(token['scopes'])}; {expires}.")
    return 0


def _token_name(me: dict[str, dict[str, object]]) -> str:
    return plain(str(me["token"].get("name", "")))
