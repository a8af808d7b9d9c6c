"""The kinds of values that this stack's configuration holds."""

from __future__ import annotations

import ipaddress
import re
from datetime import date
from typing import Any

from infra.values import Kind, list_of, mapping, pattern, whole_of

_ADDRESS = r"[^\s@<>\"]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}"
_ARN = r"arn:aws[a-z-]*"
_PRICED = ("rekognition", "rekognition-properties", "rekognition-moderation", "rekognition-text", "sagemaker")
_NETWORK_BITS = range(16, 25)

EMAIL = pattern("an e-mail address", _ADDRESS)
SENDER = pattern(
    "an e-mail address, or a name and one as in ImageSift <photos@example.com>", rf"{_ADDRESS}|[^<>\n]+ <{_ADDRESS}>"
)
_HOST = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
HOST = pattern("a host name", _HOST)
# A browser's own spelling: no port where it is 443, no path, no capitals.
_ORIGIN = pattern("an https origin", rf"https://{_HOST}(:(?!443$)[1-9]\d{{1,4}})?")
ORIGINS = list_of("a list of https origins such as https://app.example.com", _ORIGIN)
HOSTED_ZONE = pattern("the id of a Route 53 hosted zone", r"Z[A-Z0-9]{1,31}")
CERTIFICATE = pattern("the ARN of an ACM certificate", rf"{_ARN}:acm:[a-z0-9-]+:\d{{12}}:certificate/[a-f0-9-]+")
MODEL_PACKAGE = pattern(
    "the ARN of a SageMaker model package", rf"{_ARN}:sagemaker:[a-z0-9-]+:\d{{12}}:model-package/[\w./-]+"
)
INSTANCE_TYPE = pattern("a SageMaker instance type such as ml.c7g.xlarge", r"ml\.[a-z0-9-]+\.[a-z0-9]+")
IMAGE = pattern(
    "the address of a container image in Amazon ECR",
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9/._-]+(:[\w.-]+|@sha256:[0-9a-f]{64})",
)
AURORA_VERSION = pattern("a version of Aurora PostgreSQL such as 16.8", r"1[3-9]\.\d+")
SERVERLESS_MEMORY = whole_of(1024, 2048, 3072, 4096, 5120, 6144)
# The only periods that CloudWatch Logs takes.
LOG_DAYS = whole_of(
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
)
# What every service takes, and names that are neither AWS's nor the stack's own: IAM minds no capitals.
_TAG = re.compile(r"[\w .:/=+@-]*")
_OUR_TAGS = frozenset({"application", "stack", "managed-by", "name"})


def _is_tag(key: str, value: object) -> bool:
    if not isinstance(value, str) or not (1 <= len(key) <= 128 and len(value) <= 256):
        return False
    is_free = key.casefold() not in _OUR_TAGS and not key.casefold().startswith("aws:")
    return is_free and bool(_TAG.fullmatch(key) and _TAG.fullmatch(value))


TAGS = mapping("an object of tags with text as values", _is_tag)


def _network(text: str) -> str:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError:
        network = None
    if network is None or not network.is_private or network.prefixlen not in _NETWORK_BITS:
        raise ValueError(f"must be {NETWORK.words}, not “{text}”.")
    return text


NETWORK = Kind("a private IPv4 network of 16 to 24 bits such as 10.42.0.0/16", _network)


def _prices(text: str) -> dict[str, Any]:
    prices = _PRICE_ENTRIES.parse(text)
    if prices.keys() != {"as_of", "micro_usd"}:
        raise ValueError(f"must be {PRICES.words}.")
    return prices


def _is_price_entry(key: str, value: object) -> bool:
    if key == "as_of":
        return _is_date(value)
    amounts = value if key == "micro_usd" and isinstance(value, dict) else {"": None}
    return all(name in _PRICED and type(amount) is int and amount >= 0 for name, amount in amounts.items())


def _is_date(value: object) -> bool:
    try:
        date.fromisoformat(value)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return False
    return True


_PRICE_ENTRIES = mapping(
    f"an object of as_of (a date) and micro_usd (millionths of a dollar for each call, by {', '.join(_PRICED)})",
    _is_price_entry,
)
PRICES = Kind(_PRICE_ENTRIES.words, _prices)
