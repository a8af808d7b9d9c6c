"""Which addresses webhooks may go to: those of the public internet, by what their names resolve to at that moment."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

SockAddr = tuple[str, int] | tuple[str, int, int, int]

LONGEST = 500
_HTTPS_PORT = 443
_UNPRIVILEGED = range(1024, 65536)
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")

# NAT64 (RFC 6052): the last four bytes are an IPv4 address, which is then the one that counts.
_NAT64 = IPv6Network("64:ff9b::/96")
# The only space that is handed out to anybody (RFC 4291), and what of it leads to other machines than it says.
_UNICAST = IPv6Network("2000::/3")
_TUNNELS = (IPv6Network("2001::/32"), IPv6Network("2002::/16"))
# Interface identifiers of ISATAP (RFC 5214): an IPv4 address follows.
_ISATAP = (0x00005EFE, 0x02005EFE)


class AddressRefused(Exception):
    """Nothing is sent to this address. The text is a sentence for the person whose webhook it is."""


@dataclass(frozen=True)
class Target:
    """An address taken apart. `path` holds the query as well."""

    scheme: str
    host: str
    port: int
    path: str


def check_url(url: str, *, allow_private: bool = False) -> Target:
    """Take apart what a person registered; raises AddressRefused where nothing could ever be sent there.

    `allow_private` is for laptops and tests: it lets through http and the machines of one's own network.
    """
    if len(url) > LONGEST or not _VISIBLE_ASCII.fullmatch(url) or "\\" in url:
        raise AddressRefused(f"An address has at most {LONGEST} characters: letters, digits and signs, no spaces.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise AddressRefused("This is not an address.") from None
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise AddressRefused("The address must begin with https://.")
    if "@" in parts.netloc:
        raise AddressRefused("The address must not hold a username or a password.")
    _check_host(host, allow_private)
    port = port if port is not None else {"https": _HTTPS_PORT, "http": 80}[parts.scheme]
    if port != _HTTPS_PORT and port not in _UNPRIVILEGED and not allow_private:
        raise AddressRefused("The port must be 443 or one from 1024 on.")
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme, host, port, (parts.path or "/") + query)


def _check_host(host: str, allow_private: bool) -> None:
    literal = _literal(host)
    if literal is None:
        if not _NAME.fullmatch(host) or len(host) > 253:
            raise AddressRefused("The address names no server. Write a name with other letters in its xn-- form.")
    elif not allow_private and not is_public(literal):
        raise AddressRefused("The address is not one of the public internet.")


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def resolve_public(host: str, port: int, *, allow_private: bool = False) -> list[SockAddr]:
    """Where to connect to, from one look-up: connect to these and to nothing that is looked up later.

    Raises AddressRefused if any address of the name is not public, and OSError when it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    addresses: list[SockAddr] = [entry[4] for entry in found]  # type: ignore[misc]
    if not addresses:
        raise OSError("the name has no address")
    if not allow_private and not all(is_public(ip_address(address[0])) for address in addresses):
        raise AddressRefused("The name leads to an address that is not one of the public internet.")
    return list(dict.fromkeys(addresses))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether this is one machine of the public internet: not a private one, not by way of a tunnel, not many."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in _UNICAST or any(address in tunnel for tunnel in _TUNNELS):
            return False
        if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved
