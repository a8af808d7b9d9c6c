"""What people decided, what waits for them, and who did what."""

from portal.moderation.models.annotation import Annotation, Suggestion
from portal.moderation.models.audit import AuditEntry, Verb
from portal.moderation.models.changes import ContentThreshold, VocabularyChange
from portal.moderation.models.review import ReviewItem

__all__ = [
    "Annotation",
    "AuditEntry",
    "ContentThreshold",
    "ReviewItem",
    "Suggestion",
    "Verb",
    "VocabularyChange",
]
