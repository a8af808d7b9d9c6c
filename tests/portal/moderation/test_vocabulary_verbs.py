"""What each verb of the vocabulary does to what people see, and what it refuses."""

from __future__ import annotations

from uuid import UUID

import pytest

from portal.accounts.models import User
from portal.images.history import Filters, matching
from portal.images.models import Image, Label, LabelState
from portal.moderation.deeds import Refused
from portal.moderation.models import Annotation, AuditEntry, VocabularyChange
from portal.moderation.vocabulary.add import add_word
from portal.moderation.vocabulary.block import block, unblock
from portal.moderation.vocabulary.describe import describe
from portal.moderation.vocabulary.flags import set_thresholds
from portal.moderation.vocabulary.mapping import map_names
from portal.moderation.vocabulary.rename import rename
from portal.moderation.vocabulary.threshold import hide_below
from portal.moderation.vocabulary.undoing import undo
from recognition.result import ModerationLabel
from tests.conftest import MakeImage
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


def test_a_renamed_label_is_found_by_both_words(editor: User, owner: User, animals: dict[str, Image]) -> None:
    change = VERBS["rename"](wish(editor))
    followed(change)
    assert counts(owner)["Hound"] == 2
    assert "Dog" not in counts(owner)
    assert found(owner, "hound") == found(owner, "Dog") == {"1.jpg", "3.jpg"}
    assert matching(owner, Filters(q="hound")).count() == 2


def test_a_label_is_not_renamed_to_another_ones_word(editor: User, animals: dict[str, Image]) -> None:
    for taken in ("Pup", "pup", " PUP "):
        with pytest.raises(Refused, match="merge them"):
            rename(wish(editor), pk_of("Dog"), taken)
    assert Label.objects.get(name="Dog").title == "Dog"
    assert not VocabularyChange.objects.exists()


def test_an_empty_name_is_the_detectors_own_again(editor: User, animals: dict[str, Image]) -> None:
    VERBS["rename"](wish(editor))
    rename(wish(editor), pk_of("Dog"), "  ")
    assert Label.objects.get(name="Dog").title == "Dog"


def test_a_blocked_label_is_nowhere_until_it_is_shown_again(
    editor: User, owner: User, animals: dict[str, Image], recognized_image: MakeImage
) -> None:
    before = everything_seen(owner)
    followed(block(wish(editor), [pk_of("Dog"), pk_of("Cat")]))
    assert counts(owner) == {"Animal": 2, "Pup": 2}
    assert found(owner, "Dog") == set()
    assert matching(owner, Filters(q="dog")).count() == 0
    assert titles(recognized_image(owner, "new.jpg", labels=(label("Dog"),))) == []
    Image.objects.get(filename="new.jpg").delete()
    followed(unblock(wish(editor), [pk_of("Dog"), pk_of("Cat"), pk_of("Pup")]))
    assert everything_seen(owner) == before


def test_predictions_below_a_threshold_are_hidden_and_peoples_words_are_not(
    editor: User, owner: User, animals: dict[str, Image]
) -> None:
    Annotation.objects.create(image=animals["pup"], label_id=pk_of("Dog"), state=LabelState.ADDED, author=editor)
    followed(VERBS["threshold"](wish(editor)))
    assert found(owner, "Dog") == {"1.jpg", "2.jpg"}
    with pytest.raises(Refused, match="0 to 100"):
        hide_below(wish(editor), pk_of("Dog"), 101)
    followed(hide_below(wish(editor), pk_of("Dog"), None))
    assert found(owner, "Dog") == {"1.jpg", "2.jpg", "3.jpg"}


def test_aliases_parents_and_categories_are_searched_and_filtered(
    editor: User, owner: User, animals: dict[str, Image]
) -> None:
    followed(VERBS["describe"](wish(editor)))
    assert found(owner, "whelp") == found(owner, "Puppy Dog") == {"2.jpg", "3.jpg"}
    for word in ("whelp", "pets", "animal"):
        assert {"2.jpg", "3.jpg"} <= {image.filename for image in matching(owner, Filters(q=word))}, word


def test_a_renamed_parent_is_searched_by_its_new_name(editor: User, owner: User, animals: dict[str, Image]) -> None:
    followed(VERBS["describe"](wish(editor)))
    followed(rename(wish(editor), pk_of("Animal"), "Creature"))
    assert matching(owner, Filters(q="creature")).filter(pk=animals["both"].pk).exists()


def test_two_labels_never_share_a_word(editor: User, animals: dict[str, Image]) -> None:
    VERBS["describe"](wish(editor))
    for aliases in (["Whelp"], ["WHELP"], ["pup"], ["Dog", "Cat"]):
        with pytest.raises(Refused, match="merge them"):
            describe(wish(editor), pk_of("Dog"), parent=None, category="", aliases=aliases)
    with pytest.raises(Refused, match="merge them"):
        rename(wish(editor), pk_of("Dog"), "whelp")
    describe(wish(editor), pk_of("Dog"), parent=None, category="", aliases=["Hound", "hound", " ", "Dog"])
    assert Label.objects.get(name="Dog").aliases == ["Hound"]


def test_names_that_differ_in_case_alone_may_be_kept(editor: User, recognized_image: MakeImage, owner: User) -> None:
    recognized_image(owner, labels=(label("Dog"), label("dog", detector="rekognition"), label("Cat")))
    describe(wish(editor), pk_of("dog"), parent=None, category="Pets", aliases=["Hound"])
    with pytest.raises(Refused):
        rename(wish(editor), pk_of("Cat"), "DOG")


def test_a_word_given_away_since_keeps_a_merge_from_being_undone(editor: User, animals: dict[str, Image]) -> None:
    change = VERBS["merge"](wish(editor))
    describe(wish(editor), pk_of("Dog"), parent=None, category="", aliases=["Pup"])
    with pytest.raises(Refused, match="“pup”"):
        undo(wish(editor), change.pk)
    assert Label.objects.get(name="Pup").merged_into is not None


def test_nothing_is_its_own_parent(editor: User, animals: dict[str, Image]) -> None:
    VERBS["describe"](wish(editor))
    for name in ("Pup", "Animal"):
        with pytest.raises(Refused, match="own parent"):
            describe(wish(editor), pk_of(name), parent=pk_of("Pup"), category="", aliases=[])


def test_a_word_means_another_label_when_one_detector_says_it(
    editor: User, owner: User, animals: dict[str, Image], recognized_image: MakeImage
) -> None:
    followed(VERBS["mapping"](wish(editor)))
    assert titles(animals["pup"]) == ["Animal", "Dog"]
    assert titles(animals["both"]) == ["Cat", "Dog", "Pup"]
    new = recognized_image(owner, "new.jpg", labels=(label("Pup", detector="rekognition"),))
    assert titles(new) == ["Dog"]
    followed(map_names(wish(editor), {("rekognition", pk_of("Pup")): pk_of("Pup")}))
    assert titles(new) == ["Pup"]
    with pytest.raises(Refused) as refused:
        map_names(wish(editor), {("rekognition", pk_of("Pup")): 123456789})
    assert refused.value.status == 404


def test_a_mapped_word_follows_what_it_means(editor: User, owner: User, animals: dict[str, Image]) -> None:
    followed(VERBS["mapping"](wish(editor)))
    followed(VERBS["rename"](wish(editor)))
    assert titles(animals["pup"]) == ["Animal", "Hound"]


def test_thresholds_of_content_flags_hide_and_show_photos(
    editor: User, owner: User, recognized_image: MakeImage
) -> None:
    weapons = (ModerationLabel("Weapons", "Violence", 70.0, 2), ModerationLabel("Violence", "", 70.0, 1))
    image = recognized_image(owner, moderation_labels=weapons)
    other = recognized_image(owner, "2.jpg", moderation_labels=(ModerationLabel("Explicit", "", 70.0, 1),))
    assert image.flagged
    change = followed(set_thresholds(wish(editor), {"Violence": 90.0}))
    assert not Image.objects.get(pk=image.pk).flagged
    assert Image.objects.get(pk=other.pk).flagged
    assert change.images_done == 2
    followed(set_thresholds(wish(editor), {"Violence": 20.0}))
    assert Image.objects.get(pk=image.pk).flagged
    followed(undo(wish(editor), VocabularyChange.objects.first().pk))
    assert not Image.objects.get(pk=image.pk).flagged
    with pytest.raises(Refused):
        set_thresholds(wish(owner), {"Violence": 50.0})


def test_a_new_word_is_known_to_nobody_else(editor: User, animals: dict[str, Image]) -> None:
    asked = wish(editor)
    assert add_word(asked, " Wombat ") == add_word(asked, "Wombat")
    assert AuditEntry.objects.get().subject == "Added “Wombat”"
    for taken in ("wombat", "DOG", ""):
        with pytest.raises(Refused):
            add_word(wish(editor), taken)


def test_what_was_changed_again_since_cannot_be_undone_before_that(editor: User, animals: dict[str, Image]) -> None:
    first = VERBS["rename"](wish(editor))
    second = rename(wish(editor), pk_of("Dog"), "Canine")
    with pytest.raises(Refused) as refused:
        undo(wish(editor), first.pk)
    assert refused.value.code == "changed_since"
    undo(wish(editor), second.pk)
    with pytest.raises(Refused) as refused:
        undo(wish(editor), second.pk)
    assert refused.value.code == "undone_already"
    undo(wish(editor), first.pk)
    assert Label.objects.get(name="Dog").title == "Dog"
    with pytest.raises(Refused):
        undo(wish(editor), UUID(int=1))
