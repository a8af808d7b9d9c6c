from django.db import migrations

GROUPS = {
    "Moderator": {
        "moderation": {
            "annotation": ("review_images", "view_annotation"),
            "suggestion": ("view_suggestion",),
        },
        "images": {"label": ("view_label",)},
    },
    "Vocabulary editor": {
        "images": {
            "label": ("view_label", "add_label", "change_label"),
            "detectorname": ("view_detectorname", "add_detectorname", "change_detectorname", "delete_detectorname"),
        },
        "moderation": {
            "vocabularychange": ("view_vocabularychange",),
            "contentthreshold": (
                "view_contentthreshold",
                "add_contentthreshold",
                "change_contentthreshold",
                "delete_contentthreshold",
            ),
        },
    },
}


def make_groups(apps, schema_editor):
    """Groups that are there already keep their members and what they may do besides."""
    alias = schema_editor.connection.alias
    for name, may in GROUPS.items():
        group, _ = apps.get_model("auth", "Group").objects.using(alias).get_or_create(name=name)
        for app_label, models in may.items():
            for model, codenames in models.items():
                for codename in codenames:
                    group.permissions.add(_permission(apps, alias, app_label, model, codename))


def _permission(apps, alias, app_label, model, codename):
    """Django makes permissions once all migrations are over, and leaves those alone that it finds."""
    options = apps.get_model(app_label, model)._meta
    verb, _, _ = codename.partition("_")
    title = dict(options.permissions).get(codename, f"Can {verb} {options.verbose_name_raw}")
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(alias)
    content_type, _ = content_types.get_or_create(app_label=app_label, model=model)
    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    return permissions.get_or_create(content_type=content_type, codename=codename, defaults={"name": title})[0]


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("images", "0005_vocabulary_and_verdicts"),
        ("moderation", "0001_initial"),
    ]

    operations = [
        # Backwards the groups stay: their members would be lost, and without the tables they may do nothing here.
        migrations.RunPython(make_groups, migrations.RunPython.noop),
    ]
