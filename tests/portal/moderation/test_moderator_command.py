"""`manage.py moderator`: who reviews, looks after the words or trains models, from the command line."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command

from portal.accounts.models import User
from portal.moderation.groups import make_vocabulary_editor


def said(*args: str) -> str:
    output = io.StringIO()
    call_command("moderator", *args, stdout=output)
    return output.getvalue()


def test_somebody_becomes_a_moderator_and_hears_so_once(owner: User) -> None:
    assert said("owner") == "owner is a moderator now.\n"
    assert said("owner") == "owner was a moderator already.\n"
    person = User.objects.get(pk=owner.pk)
    assert person.is_staff
    assert person.has_perm("moderation.review_images")
    assert not person.has_perm("images.change_label")


def test_somebody_becomes_a_vocabulary_editor(owner: User) -> None:
    assert said("owner", "--vocabulary") == "owner is a vocabulary editor now.\n"
    assert User.objects.get(pk=owner.pk).has_perm("images.change_label")


def test_somebody_becomes_a_model_trainer_and_is_one_no_longer(owner: User) -> None:
    assert said("owner", "--trainer") == "owner is a model trainer now.\n"
    assert said("owner", "--trainer") == "owner was a model trainer already.\n"
    trainer = User.objects.get(pk=owner.pk)
    assert trainer.has_perms(["finetuning.add_modelversion", "finetuning.promote_modelversion"])
    assert not trainer.has_perm("moderation.review_images")
    ended = "owner is not a model trainer any more, and no longer opens the administration.\n"
    assert said("owner", "--trainer", "--remove") == ended
    assert not User.objects.get(pk=owner.pk).has_perm("finetuning.add_modelversion")


def test_one_call_gives_one_role(owner: User) -> None:
    with pytest.raises(CommandError, match="not allowed with"):
        said("owner", "--trainer", "--vocabulary")


def test_who_is_no_moderator_any_more_leaves_the_administration_unless_something_else_keeps_them(
    owner: User, stranger: User
) -> None:
    said("owner")
    assert said("owner", "--remove") == "owner is not a moderator any more, and no longer opens the administration.\n"
    assert said("owner", "--remove") == "owner was not a moderator.\n"
    assert not User.objects.get(pk=owner.pk).is_staff

    make_vocabulary_editor(stranger)
    said("stranger")
    assert said("stranger", "--remove") == "stranger is not a moderator any more.\n"
    stranger.user_permissions.add(Permission.objects.get(codename="view_image"))
    assert said("stranger", "--vocabulary", "--remove") == "stranger is not a vocabulary editor any more.\n"
    assert User.objects.get(pk=stranger.pk).is_staff


def test_nobody_of_that_name_is_an_error_that_says_so(db: None) -> None:
    with pytest.raises(CommandError, match="There is nobody called ghost"):
        said("ghost")
