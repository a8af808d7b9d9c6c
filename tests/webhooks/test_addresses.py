"""Which addresses webhooks may go to."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from webhooks.addresses import AddressRefused, Target, check_url, is_public, resolve_public

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - refused, not listened on
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "fec0::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "::8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "2001::1",
    "2001:0:a00:1::f5ff:fffe",
    "2606:4700::5efe:a00:1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_of_the_public_internet_is_known(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_an_address_of_the_public_internet_is_known(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "example.com",
        "https://",
        "https:///path",
        "https://user:word@example.com/",
        "https://user@example.com/",
        "https://example.com:80/",
        "https://example.com:22/",
        "https://example.com:0/",
        "https://example.com:70000/",
        "https://example.com:x/",
        "https://exa mple.com/",
        "https://example.com/\r\nX-Injected: yes",
        "https://example.com\\@127.0.0.1/",
        "https://bücher.example/",
        "https://[::1/",
        "https://-.example/",
        "https://example.com/" + "x" * 500,
        *(f"https://[{address}]/" if ":" in address else f"https://{address}/" for address in PRIVATE),
    ],
)
def test_an_address_that_nothing_could_be_sent_to_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(AddressRefused, match=r"\.$"):
        check_url(url)


def test_an_address_is_taken_apart() -> None:
    assert check_url("https://Example.com") == Target("https", "example.com", 443, "/")
    assert check_url("https://example.com:8443/a/b?c=d#e") == Target("https", "example.com", 8443, "/a/b?c=d")
    assert check_url("https://[2606:4700::1111]/") == Target("https", "2606:4700::1111", 443, "/")


def test_a_laptop_may_allow_its_own_network() -> None:
    assert check_url("http://127.0.0.1:8000/", allow_private=True).port == 8000
    assert resolve_public("127.0.0.1", 8000, allow_private=True) == [("127.0.0.1", 8000)]


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
def test_every_spelling_of_this_machine_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        resolve_public(host, 443)


@pytest.mark.parametrize("private", ["127.0.0.1", "::ffff:10.0.0.1", "fd00::1", "fe80::1%eth0"])
def test_a_name_with_one_private_address_among_public_ones_is_refused(
    private: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: entries("8.8.8.8", private))
    with pytest.raises(AddressRefused):
        resolve_public("both.example", 443)


def test_a_name_with_public_addresses_alone_leads_to_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: entries("8.8.8.8", "2606:4700::1111"))
    assert resolve_public("both.example", 443) == [("8.8.8.8", 443), ("2606:4700::1111", 443, 0, 0)]


def entries(*addresses: str) -> list[Any]:
    """What socket.getaddrinfo answers with."""
    return [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 443, 0, 0))
        if ":" in address
        else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
        for address in addresses
    ]
