"""Who corrects labels, looks after the words, or trains models: people in groups, with the staff flag to get in."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

from portal.accounts.models import User

MODERATORS: Final = "Moderator"
VOCABULARY_EDITORS: Final = "Vocabulary editor"
TRAINERS: Final = "Model trainer"

# As 0002_groups and, for trainers, finetuning's 0003_trainers make them; who administers the portal may change what
# each group may do.
GROUPS: Final = {
    MODERATORS: (
        "moderation.review_images",
        "moderation.view_annotation",
        "moderation.view_suggestion",
        "images.view_label",
    ),
    VOCABULARY_EDITORS: (
        "images.view_label",
        "images.add_label",
        "images.change_label",
        "images.view_detectorname",
        "images.add_detectorname",
        "images.change_detectorname",
        "images.delete_detectorname",
        "moderation.view_vocabularychange",
        "moderation.view_contentthreshold",
        "moderation.add_contentthreshold",
        "moderation.change_contentthreshold",
        "moderation.delete_contentthreshold",
    ),
    TRAINERS: (
        "finetuning.view_datasetsnapshot",
        "finetuning.add_datasetsnapshot",
        "finetuning.view_modelversion",
        "finetuning.add_modelversion",
        "finetuning.approve_modelversion",
        "finetuning.promote_modelversion",
    ),
}


def make_moderator(user: User) -> bool:
    """Let somebody review images, in the administration. Returns False when they could already."""
    return _join(user, MODERATORS)


def make_vocabulary_editor(user: User) -> bool:
    """Let somebody change the vocabulary, in the administration. Returns False when they could already."""
    return _join(user, VOCABULARY_EDITORS)


def make_trainer(user: User) -> bool:
    """Let somebody make datasets, train models and decide which runs. Returns False when they could already."""
    return _join(user, TRAINERS)


@transaction.atomic
def leave(user: User, name: str) -> bool:
    """Take somebody out of a group, and out of the administration when nothing else keeps them there.

    Returns False when they were not in it.
    """
    group = user.groups.filter(name=name).first()
    if group is None:
        return False
    user.groups.remove(group)
    if user.is_staff and not (user.is_superuser or user.groups.exists() or user.user_permissions.exists()):
        user.is_staff = False
        user.save(update_fields=["is_staff"])
    return True


@transaction.atomic
def _join(user: User, name: str) -> bool:
    if user.is_staff and user.groups.filter(name=name).exists():
        return False
    user.groups.add(_group(name))
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    return True


def _group(name: str) -> Group:
    """The group as it is, or as it was meant to be where somebody deleted it."""
    group, made = Group.objects.get_or_create(name=name)
    if made:
        wanted = Q()
        for permission in GROUPS[name]:
            app_label, codename = permission.split(".")
            wanted |= Q(content_type__app_label=app_label, codename=codename)
        group.permissions.set(Permission.objects.filter(wanted))
    return group
