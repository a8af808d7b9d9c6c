"""The queue: which images wait for a moderator, and what makes each of them worth a look."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from portal.images.models import Image

# What the queue may be in the order of; ends are told apart by the image.
ORDERS = {
    "score": "-score",
    "uncertain": "-uncertainty",
    "disagree": "-disagreement",
    "rare": "-rarity",
    "random": "sample_order",
    "newest": "-created_at",
}
_OPEN = models.Q(completed_at__isnull=True)
# What moderators may see where they do not see all: without an index for it, the rest would be read to skip it.
CLASSES = {
    "all": models.Q(),
    "raised": models.Q(flagged=True) | models.Q(suggested=True),
    "shared": models.Q(shared=True),
}


def _indexes() -> list[models.Index]:
    """One for each order and class. Rows outside a class cost its indexes nothing, and no lease touches any of them."""
    return [
        models.Index(fields=[order, "image"], condition=_OPEN & seen, name=f"review_{name}_{which}")
        for which, seen in CLASSES.items()
        for name, order in ORDERS.items()
    ]


class ReviewItem(models.Model):
    """One recognised image and its place in the queue: repeated here beside what the queue is in the order of.

    Numbers run from 0 to 100, except `sample_order`: 0 to 1, drawn at random from the image's id, whatever is in it.
    """

    image = models.OneToOneField(Image, primary_key=True, on_delete=models.CASCADE, related_name="review")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    created_at = models.DateTimeField(help_text="The image's.")
    uncertainty = models.FloatField(default=0)
    disagreement = models.FloatField(default=0)
    rarity = models.FloatField(default=0)
    score = models.FloatField(default=0, help_text="What it would teach, all in all.")
    sample_order = models.FloatField(default=0)
    flagged = models.BooleanField(default=False, help_text="A content flag that nobody has decided on.")
    suggested = models.BooleanField(default=False, help_text="Its owner said something that nobody has looked at.")
    shared = models.BooleanField(default=False)

    completed_at = models.DateTimeField(null=True, blank=True, help_text="Since when nothing else is in the image.")
    completed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    sampled_at = models.DateTimeField(null=True, blank=True, help_text="When its turn came in the random sample.")
    leased_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    leased_until = models.DateTimeField(null=True, blank=True)
    skipped_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            *_indexes(),
            # Of these, completed ones as well: somebody has something new to say of them.
            models.Index(fields=["-score", "image"], condition=models.Q(flagged=True), name="review_flagged"),
            models.Index(fields=["-score", "image"], condition=models.Q(suggested=True), name="review_suggested"),
            models.Index(
                fields=["sample_order"],
                condition=models.Q(completed_at__isnull=False, sampled_at__isnull=True),
                name="review_not_sampled",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sample_order__gte=0, sample_order__lt=1), name="review_sample_order"
            ),
        ]

    def __str__(self) -> str:
        return str(self.image)
