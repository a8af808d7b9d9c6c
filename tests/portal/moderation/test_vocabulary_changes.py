"""What the vocabulary says is what people see: in histories, counts, searches and the API, for old images and new."""

from __future__ import annotations

from typing import Any

import pytest

from portal.accounts.models import User
from portal.api.models import Scope
from portal.api.tokens import make_token
from portal.images.models import CurrentLabel, DetectedLabel, Image, Label, LabelState
from portal.moderation.deeds import Refused
from portal.moderation.groups import make_moderator
from portal.moderation.models import Annotation, AuditEntry, Verb
from portal.moderation.vocabulary.describe import describe
from portal.moderation.vocabulary.merge import merge
from portal.moderation.vocabulary.undoing import undo
from tests.conftest import MakeImage
from tests.portal.api.conftest import with_token
from tests.portal.moderation.vocabulary import (
    VERBS,
    counts,
    everything_seen,
    followed,
    found,
    label,
    make_editor,
    pk_of,
    titles,
    wish,
)


@pytest.fixture
def editor(db: None) -> User:
    return make_editor()


@pytest.fixture
def animals(recognized_image: MakeImage, owner: User) -> dict[str, Image]:
    return {
        "dog": recognized_image(owner, "1.jpg", labels=(label("Dog", 97), label("Animal", 90))),
        "pup": recognized_image(owner, "2.jpg", labels=(label("Pup", 80, "rekognition"), label("Animal", 60))),
        "both": recognized_image(owner, "3.jpg", labels=(label("Dog", 70), label("Pup", 90), label("Cat", 55))),
    }


@pytest.mark.parametrize("name", VERBS)
def test_undoing_brings_everything_back_exactly(
    name: str, editor: User, owner: User, animals: dict[str, Image]
) -> None:
    before = everything_seen(owner)
    change = followed(VERBS[name](wish(editor)))
    assert everything_seen(owner) != before
    undoing = followed(undo(wish(editor), change.pk))
    assert everything_seen(owner) == before
    followed(undo(wish(editor), undoing.pk))
    assert everything_seen(owner) != before


@pytest.mark.parametrize("name", VERBS)
def test_asking_twice_is_one_change_and_one_entry_of_the_audit_log(
    name: str, editor: User, animals: dict[str, Image]
) -> None:
    asked = wish(editor)
    first, second = VERBS[name](asked), VERBS[name](asked)
    assert first == second
    entry = AuditEntry.objects.get()
    assert (entry.pk, entry.actor, entry.verb) == (asked.id, editor, Verb.VOCABULARY)
    assert (entry.before, entry.after) == (first.before, first.after)
    with pytest.raises(Refused) as refused:
        VERBS[name](wish(editor))
    assert refused.value.code in ("unchanged", "merged_already")
    back = wish(editor)
    assert undo(back, first.pk) == undo(back, first.pk)


@pytest.mark.parametrize("name", VERBS)
def test_moderators_and_others_may_not(name: str, editor: User, stranger: User, animals: dict[str, Image]) -> None:
    make_moderator(stranger)
    stranger = User.objects.get(pk=stranger.pk)
    with pytest.raises(Refused) as refused:
        VERBS[name](wish(stranger))
    assert refused.value.status == 403
    change = VERBS[name](wish(editor))
    with pytest.raises(Refused) as refused:
        undo(wish(stranger), change.pk)
    assert refused.value.status == 403
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize("name", VERBS)
def test_what_detectors_said_is_never_changed(name: str, editor: User, animals: dict[str, Image]) -> None:
    def said() -> list[Any]:
        return sorted(DetectedLabel.objects.values_list("recognition__document", "label__name", "confidence"), key=str)

    before = said()
    followed(VERBS[name](wish(editor)))
    assert said() == before


# Merging -------------------------------------------------------------------------------------------------------------


def test_merged_labels_are_one_for_everybody(
    editor: User, owner: User, animals: dict[str, Image], recognized_image: MakeImage
) -> None:
    change = VERBS["merge"](wish(editor))
    new = recognized_image(owner, "new.jpg", labels=(label("Pup"),))
    assert titles(new) == ["Dog"]
    followed(change)
    assert titles(animals["both"]) == ["Cat", "Dog"]
    assert counts(owner) == {"Dog": 4, "Animal": 2, "Cat": 1}
    assert found(owner, "dog") == found(owner, "Pup") == {"1.jpg", "2.jpg", "3.jpg", "new.jpg"}
    api = with_token(make_token(owner, "test", (Scope.IMAGES_READ,))[1])
    labels = {row["name"]: row["images"] for row in api.get("/api/v1/labels").json()["results"]}
    assert labels == {"Dog": 4, "Animal": 2, "Cat": 1}
    assert len(api.get("/api/v1/images", {"label": "Pup"}).json()["results"]) == 4


def test_merged_into_merged_leads_to_the_end_and_apart_again(
    editor: User, owner: User, animals: dict[str, Image]
) -> None:
    before = everything_seen(owner)
    one = followed(merge(wish(editor), [pk_of("Pup")], pk_of("Dog")))
    two = followed(merge(wish(editor), [pk_of("Dog")], pk_of("Animal")))
    assert counts(owner) == {"Animal": 3, "Cat": 1}
    assert found(owner, "pup") == {"1.jpg", "2.jpg", "3.jpg"}
    # Not in the order in which they were made.
    followed(undo(wish(editor), one.pk))
    assert titles(animals["pup"]) == ["Animal", "Pup"]
    assert titles(animals["dog"]) == ["Animal"]
    followed(undo(wish(editor), two.pk))
    assert everything_seen(owner) == before


def test_merging_is_refused_for_one_label_and_for_those_merged_already(editor: User, animals: dict[str, Image]) -> None:
    for sources in ([], [pk_of("Dog")]):
        with pytest.raises(Refused, match="at least two"):
            merge(wish(editor), sources, pk_of("Dog"))
    VERBS["merge"](wish(editor))
    with pytest.raises(Refused, match="“Dog” already"):
        merge(wish(editor), [pk_of("Pup")], pk_of("Cat"))
    with pytest.raises(Refused, match="“Dog” already"):
        merge(wish(editor), [pk_of("Cat")], pk_of("Pup"))
    with pytest.raises(Refused) as refused:
        merge(wish(editor), [pk_of("Cat")], 123456789)
    assert refused.value.status == 404


def test_a_parent_may_be_merged_into_its_child(editor: User, owner: User, animals: dict[str, Image]) -> None:
    followed(describe(wish(editor), pk_of("Dog"), parent=pk_of("Animal"), category="", aliases=[]))
    before = everything_seen(owner)
    change = followed(merge(wish(editor), [pk_of("Animal")], pk_of("Dog")))
    assert Label.objects.get(name="Dog").parent is None
    followed(undo(wish(editor), change.pk))
    assert everything_seen(owner) == before
    assert Label.objects.get(name="Dog").parent == Label.objects.get(name="Animal")


def test_what_people_said_follows_a_merge(editor: User, owner: User, animals: dict[str, Image]) -> None:
    Annotation.objects.create(image=animals["pup"], label_id=pk_of("Pup"), state=LabelState.ADDED, author=editor)
    followed(VERBS["merge"](wish(editor)))
    row = CurrentLabel.objects.get(image=animals["pup"], title="Dog", detector="people")
    assert (row.state, row.confidence) == (LabelState.ADDED, 100)
