from django.db import migrations

TRAINERS = "Model trainer"
MAY = {
    "datasetsnapshot": ("view_datasetsnapshot", "add_datasetsnapshot"),
    "modelversion": ("view_modelversion", "add_modelversion", "approve_modelversion", "promote_modelversion"),
}


def make_group(apps, schema_editor):
    """A group that is there already keeps its members and what they may do besides."""
    alias = schema_editor.connection.alias
    group, _ = apps.get_model("auth", "Group").objects.using(alias).get_or_create(name=TRAINERS)
    for model, codenames in MAY.items():
        for codename in codenames:
            group.permissions.add(_permission(apps, alias, model, codename))


def _permission(apps, alias, model, codename):
    """Django makes permissions once all migrations are over, and leaves those alone that it finds."""
    options = apps.get_model("finetuning", model)._meta
    verb, _, _ = codename.partition("_")
    title = dict(options.permissions).get(codename, f"Can {verb} {options.verbose_name_raw}")
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(alias)
    content_type, _ = content_types.get_or_create(app_label="finetuning", model=model)
    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    return permissions.get_or_create(content_type=content_type, codename=codename, defaults={"name": title})[0]


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("finetuning", "0002_model_versions"),
    ]

    operations = [
        # Backwards the group stays: its members would be lost, and without the tables they may do nothing here.
        migrations.RunPython(make_group, migrations.RunPython.noop),
    ]
