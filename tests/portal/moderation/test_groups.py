"""The groups of moderators, vocabulary editors and model trainers, as the migrations make them."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import connection

from portal.accounts.models import User
from portal.moderation.groups import (
    GROUPS,
    MODERATORS,
    TRAINERS,
    VOCABULARY_EDITORS,
    make_moderator,
    make_trainer,
    make_vocabulary_editor,
)


def permissions_of(name: str) -> set[str]:
    rows = Group.objects.get(name=name).permissions.values_list("content_type__app_label", "codename")
    return {f"{app_label}.{codename}" for app_label, codename in rows}


def migrate() -> None:
    """What the migrations do, with the tables as they are."""
    editor = SimpleNamespace(connection=connection)
    import_module("portal.moderation.migrations.0002_groups").make_groups(apps, editor)
    import_module("portal.finetuning.migrations.0003_trainers").make_group(apps, editor)


@pytest.mark.django_db
def test_the_migrations_make_all_groups_with_all_they_may_do() -> None:
    Group.objects.all().delete()
    migrate()
    assert {name: permissions_of(name) for name in GROUPS} == {name: set(may) for name, may in GROUPS.items()}


@pytest.mark.django_db
def test_permissions_that_do_not_exist_yet_are_made_under_djangos_own_names() -> None:
    made_by_django = dict(Permission.objects.values_list("codename", "name"))
    Permission.objects.filter(content_type__app_label__in=("images", "moderation", "finetuning")).delete()
    migrate()
    assert {name: permissions_of(name) for name in GROUPS} == {name: set(may) for name, may in GROUPS.items()}
    for app_label in ("images", "moderation", "finetuning"):
        create_permissions(apps.get_app_config(app_label), verbosity=0)
    assert dict(Permission.objects.values_list("codename", "name")) == made_by_django
    assert Permission.objects.filter(codename="review_images").count() == 1


@pytest.mark.django_db
def test_a_group_that_exists_keeps_its_members_and_whatever_else_it_may() -> None:
    Group.objects.all().delete()
    group = Group.objects.create(name=MODERATORS)
    group.permissions.add(Permission.objects.get(codename="view_image", content_type__app_label="images"))
    member = User.objects.create_user("member", "member@example.com")
    member.groups.add(group)
    migrate()
    migrate()
    assert permissions_of(MODERATORS) == {*GROUPS[MODERATORS], "images.view_image"}
    assert member.groups.get() == group


@pytest.mark.django_db
def test_a_moderator_reviews_and_a_vocabulary_editor_changes_words_and_neither_sees_everybodys_images(
    owner: User, stranger: User
) -> None:
    assert make_moderator(owner)
    assert make_vocabulary_editor(stranger)
    moderator, editor = (User.objects.get(pk=user.pk) for user in (owner, stranger))
    assert moderator.is_staff
    assert editor.is_staff
    assert moderator.has_perm("moderation.review_images")
    assert not moderator.has_perm("images.change_label")
    assert editor.has_perms(["images.change_label", "images.add_detectorname", "moderation.change_contentthreshold"])
    assert not editor.has_perm("moderation.review_images")
    assert not moderator.has_perm("images.view_image")
    assert not editor.has_perm("images.view_image")


@pytest.mark.django_db
def test_a_trainer_makes_datasets_and_decides_on_models_and_corrects_nothing(owner: User) -> None:
    assert make_trainer(owner)
    trainer = User.objects.get(pk=owner.pk)
    assert trainer.is_staff
    assert trainer.has_perms(GROUPS[TRAINERS])
    for permission in ("moderation.review_images", "images.view_image", "images.change_label"):
        assert not trainer.has_perm(permission)
    assert not make_trainer(trainer)


@pytest.mark.django_db
def test_a_group_that_somebody_deleted_is_made_again_and_one_that_was_changed_stays_so(owner: User) -> None:
    Group.objects.all().delete()
    make_moderator(owner)
    assert permissions_of(MODERATORS) == set(GROUPS[MODERATORS])
    Group.objects.get(name=MODERATORS).permissions.clear()
    owner.groups.clear()
    make_moderator(owner)
    assert permissions_of(MODERATORS) == set()
    assert not make_moderator(owner)
    assert not owner.groups.filter(name=VOCABULARY_EDITORS).exists()
