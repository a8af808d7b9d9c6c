import hashlib

from django.db import migrations, transaction
from django.db.models import Exists, OuterRef

_AT_ONCE = 2000


def fill(apps, schema_editor):
    """A place in the queue for every image that was recognised; how much it would teach is rated with its next change.

    Doing it twice changes nothing.
    """
    # What was interrupted goes on where it was.
    known = apps.get_model("moderation", "ReviewItem").objects.filter(image=OuterRef("pk"))
    images = apps.get_model("images", "Image").objects.filter(~Exists(known), current__isnull=False).order_by("pk")
    last = None
    while True:
        following = images.filter(pk__gt=last) if last else images
        with transaction.atomic():
            # Nobody deletes them in between.
            batch = list(following.select_for_update()[:_AT_ONCE])
            _fill(apps, batch)
        if len(batch) < _AT_ONCE:
            return
        last = batch[-1].pk


def _fill(apps, images):
    item = apps.get_model("moderation", "ReviewItem")
    item.objects.bulk_create(
        [
            item(
                image_id=image.pk,
                owner_id=image.owner_id,
                created_at=image.created_at,
                flagged=image.flagged,
                shared=image.shared,
                sample_order=_sample_order(image.pk),
            )
            for image in images
        ],
        ignore_conflicts=True,
    )


def _sample_order(image_id):
    """As `portal.moderation.scoring.sample_order`."""
    digest = hashlib.blake2b(image_id.bytes, digest_size=8, person=b"sample").digest()
    return (int.from_bytes(digest) >> 11) / (1 << 53)


class Migration(migrations.Migration):
    # In batches that are kept: with many images it takes minutes, in which the portal goes on.
    atomic = False

    dependencies = [
        ("images", "0006_titles_and_flags"),
        ("moderation", "0002_groups"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
