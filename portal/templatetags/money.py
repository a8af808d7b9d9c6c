"""Amounts for people: micro-dollars (millionths of a US dollar) as dollars."""

from __future__ import annotations

from django import template

register = template.Library()

_MICRO_USD = 1_000_000


@register.filter
def dollars(micro_usd: int) -> str:
    """5,000,000 is "$5.00" and 3,750 is "$0.00375": below a dollar every digit counts, above it every full cent."""
    if micro_usd >= _MICRO_USD:
        return f"${micro_usd // _MICRO_USD:,}.{micro_usd % _MICRO_USD // 10_000:02}"
    whole, _, decimals = f"{micro_usd / _MICRO_USD:.6f}".partition(".")
    return f"${whole}.{decimals.rstrip('0'):0<2}"


@register.filter
def dollars_per_thousand(micro_usd: int) -> str:
    """The price of one as the price of a thousand: 1,000 is "$1.00"."""
    return dollars(1000 * micro_usd)
