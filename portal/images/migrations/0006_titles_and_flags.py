from django.conf import settings
from django.db import migrations, transaction

_AT_ONCE = 2000


def fill_titles(apps, schema_editor):
    """As long as nobody has changed the vocabulary, the title of a label is its name. Twice changes nothing."""
    labels = apps.get_model("images", "Label").objects
    rows = apps.get_model("images", "CurrentLabel").objects
    # Names that differ in nothing but case are one label to the history.
    titles = {name.lower(): name for name in labels.order_by("-pk").values_list("name", flat=True)}
    last = 0
    while True:
        with transaction.atomic():
            batch = list(rows.filter(pk__gt=last).order_by("pk").only("name", "title")[:_AT_ONCE])
            for name in {row.name for row in batch if not row.title}:
                same = [row.pk for row in batch if row.name == name and not row.title]
                rows.filter(pk__in=same).update(title=titles.get(name, name))
        if len(batch) < _AT_ONCE:
            return
        last = batch[-1].pk


def fill_flags(apps, schema_editor):
    """No category has a threshold of its own yet."""
    images = apps.get_model("images", "Image").objects
    images.filter(content_flag_confidence__gte=settings.CONTENT_FLAG_CONFIDENCE, flagged=False).update(flagged=True)


class Migration(migrations.Migration):
    # In batches that are kept: with many images it takes minutes, in which the portal goes on.
    atomic = False

    dependencies = [
        ("images", "0005_vocabulary_and_verdicts"),
    ]

    operations = [
        migrations.RunPython(fill_titles, migrations.RunPython.noop),
        migrations.RunPython(fill_flags, migrations.RunPython.noop),
    ]
