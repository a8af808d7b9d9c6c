"""What can go wrong that a person can put right."""

from __future__ import annotations


class TrainingFailed(Exception):
    """Why there will be no model, as one sentence for the person who asked for it."""
