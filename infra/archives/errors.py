"""What stops a build."""

from __future__ import annotations


class BundleError(Exception):
    """An archive cannot be built; the message is one line that says what to do."""
