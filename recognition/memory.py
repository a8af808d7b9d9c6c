"""Keeping a long-lived process as small as its work: the models' working memory goes back once an image is done."""

from __future__ import annotations

import ctypes
import sys

_M_MMAP_THRESHOLD = -3
_LARGE_BLOCK = 1 << 20


def give_large_blocks_back() -> None:
    """Have glibc take every block of 1 MB or more straight from the system, and return it as soon as it is freed.

    By default glibc raises that bound to 32 MB as a program frees large blocks, and keeps what lies under it in one
    heap for each thread: hundreds of megabytes after a few images of different sizes (mallopt(3), M_MMAP_THRESHOLD).
    Other systems' allocators are left as they are.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)
