"""The administration of what people said: annotations, suggestions, and the log of who did what."""

from portal.moderation.admin import annotations, audit, changes, vocabulary

__all__ = ["annotations", "audit", "changes", "vocabulary"]
