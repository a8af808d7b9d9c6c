"""How long AWS keeps the functions' runtime."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from portal.doctor.findings import Finding, fine, to_do

RUNTIME = "Runtime of the functions"


@dataclass(frozen=True)
class _Support:
    """Security fixes end; then nothing can be created with it; then nothing deployed with it can be changed."""

    ends: date
    create_until: date
    update_until: date


# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, as of 22 November 2026.
_SUPPORT = {"python3.13": _Support(date(2029, 6, 30), date(2029, 7, 31), date(2029, 8, 31))}
USED = "python3.13"
_SOON = timedelta(days=180)


def check_runtime(today: date) -> Finding:
    support = _SUPPORT[USED]
    if today >= support.create_until:
        return to_do(RUNTIME, f"AWS takes no new functions of {USED}: update ImageSift before you deploy")
    if today >= support.ends - _SOON:
        return to_do(RUNTIME, f"{USED} gets no fixes after {support.ends}: update ImageSift soon")
    return fine(RUNTIME, f"{USED} is supported until {support.ends}, and can be updated until {support.update_until}")
