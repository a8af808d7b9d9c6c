"""The command-line client of an ImageSift portal. It knows the portal's public API, and nothing of the portal."""

__version__ = "0.1.0"
