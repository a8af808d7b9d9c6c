from django.db import migrations, transaction
from django.db.models import Exists, OuterRef

_AT_ONCE = 2000


def fill(apps, schema_editor):
    """For every image what `record_result` stores from now on. Doing it twice changes nothing."""
    # What was interrupted goes on where it was.
    filled = apps.get_model("images", "CurrentLabel").objects.filter(image=OuterRef("pk"))
    images = apps.get_model("images", "Image").objects.filter(~Exists(filled), current__isnull=False).order_by("pk")
    last = None
    while True:
        following = images.filter(pk__gt=last) if last else images
        with transaction.atomic():
            # Nobody deletes them or recognises them again in between.
            batch = list(following.select_for_update()[:_AT_ONCE])
            _fill(apps, batch)
        if len(batch) < _AT_ONCE:
            return
        last = batch[-1].pk


def _fill(apps, images):
    detected = apps.get_model("images", "DetectedLabel").objects
    current_label = apps.get_model("images", "CurrentLabel")
    surest = {image.current_id: {} for image in images}
    rows = detected.filter(recognition__in=surest).values_list(
        "recognition_id", "label__name", "detector", "confidence"
    )
    for recognition, name, detector, confidence in rows:
        key = (name.lower(), detector)
        surest[recognition][key] = max(confidence, surest[recognition].get(key, 0))
    filled = []
    for image in images:
        names, detectors = set(), set()
        ranked = sorted(surest[image.current_id].items(), key=lambda item: item[1], reverse=True)
        for (name, detector), confidence in ranked:
            filled.append(
                current_label(
                    image_id=image.pk,
                    owner_id=image.owner_id,
                    created_at=image.created_at,
                    name=name,
                    detector=detector,
                    confidence=confidence,
                    surest_of_name=name not in names,
                    surest_of_detector=detector not in detectors,
                )
            )
            names.add(name)
            detectors.add(detector)
    current_label.objects.bulk_create(filled, ignore_conflicts=True)


class Migration(migrations.Migration):
    # In batches that are kept: with many images it takes minutes, in which the portal goes on.
    atomic = False

    dependencies = [
        ("images", "0003_current_labels"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
