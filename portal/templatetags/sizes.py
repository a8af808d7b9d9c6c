"""Bytes for people: in powers of a thousand, as the settings and the messages count them."""

from __future__ import annotations

from django import template

register = template.Library()

UNITS = ("bytes", "kB", "MB", "GB", "TB")


@register.filter
def size(byte_count: int) -> str:
    """47,700,000 is "47.7 MB": one decimal at most, none where it is zero."""
    value, unit = float(byte_count), UNITS[0]
    for unit in UNITS:
        if value < 999.95 or unit == UNITS[-1]:
            break
        value /= 1000
    number = f"{value:,.1f}".removesuffix(".0")
    return f"{number} {unit}"
