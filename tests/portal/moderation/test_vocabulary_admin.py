"""The vocabulary in the administration: who may change it, by which pages, and what they say when they refuse."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.images.models import DetectorName, Image, Label
from portal.moderation.groups import make_moderator
from portal.moderation.models import AuditEntry, ContentThreshold, VocabularyChange
from portal.moderation.vocabulary.merge import merge
from tests.conftest import PASSWORD, MakeImage
from tests.portal.moderation.vocabulary import everything_seen, followed, label, make_editor, pk_of, titles, wish

LIST = "/admin/images/label/"
INLINE = re.compile(r"<style|<script(?![^>]*\bsrc=)(?![^>]*application/json)|\sstyle=|\son[a-z]+=")


@pytest.fixture
def editor(db: None) -> User:
    return make_editor()


@pytest.fixture
def client(editor: User) -> Client:
    return signed_in(editor)


@pytest.fixture
def images(recognized_image: MakeImage, owner: User) -> list[Image]:
    return [
        recognized_image(owner, "1.jpg", labels=(label("Dog"), label("Cat"))),
        recognized_image(owner, "2.jpg", labels=(label("Pup", detector="rekognition"),)),
    ]


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page_of(name: str) -> str:
    return reverse("admin:images_label_change", args=[pk_of(name)])


def form_of(name: str, **changed: Any) -> dict[str, Any]:
    """The page's form as it is filled in, with changes."""
    known = Label.objects.get(name=name)
    lines = list(DetectorName.objects.filter(meaning=known))
    values: dict[str, Any] = {
        "display_name": known.display_name,
        "parent": known.parent_id or "",
        "category": known.category,
        "words": ", ".join(known.aliases),
        "shown_from": "" if known.shown_from is None else known.shown_from,
        "meant_by-TOTAL_FORMS": len(lines),
        "meant_by-INITIAL_FORMS": len(lines),
        **({"blocked": "on"} if known.blocked else {}),
    }
    for number, line in enumerate(lines):
        values[f"meant_by-{number}-id"] = line.pk
        values[f"meant_by-{number}-meaning"] = known.pk
        values[f"meant_by-{number}-detector"] = line.detector
        values[f"meant_by-{number}-label"] = line.label_id
    return {**values, **changed}


def new_line(name: str, detector: str, said: str) -> dict[str, Any]:
    added = {"meant_by-0-meaning": pk_of(name), "meant_by-0-detector": detector, "meant_by-0-label": pk_of(said)}
    return {**added, "meant_by-TOTAL_FORMS": 1}


def change() -> VocabularyChange:
    return VocabularyChange.objects.get()


# Who may -------------------------------------------------------------------------------------------------------------


def test_moderators_look_at_words_and_change_none(images: list[Image], stranger: User, editor: User) -> None:
    make_moderator(stranger)
    client = signed_in(stranger)
    assert client.get(LIST).status_code == 200
    assert client.get(page_of("Dog")).status_code == 200
    assert client.post(page_of("Dog"), form_of("Dog", display_name="Hound")).status_code == 403
    assert client.post(f"{LIST}add/", {"name": "Wombat"}).status_code == 403
    assert client.get(f"{LIST}merge/?labels={pk_of('Dog')}").status_code == 403
    client.post(LIST, {"action": "block_selected", "_selected_action": [pk_of("Dog")]})
    assert not Label.objects.exclude(display_name="", blocked=False).exists()
    made = merge(wish(editor), [pk_of("Pup")], pk_of("Dog"))
    address = reverse("moderation:change", args=[made.pk])
    assert client.get(address).status_code == 403
    assert client.post(address, {"wish": str(uuid4())}).status_code == 403
    assert VocabularyChange.objects.count() == 1


def test_nobody_else_gets_in(images: list[Image], owner: User, editor: User) -> None:
    made = merge(wish(editor), [pk_of("Pup")], pk_of("Dog"))
    for address in (LIST, f"{LIST}merge/", reverse("moderation:change", args=[made.pk])):
        for client in (Client(), signed_in(owner)):
            assert client.get(address).status_code == 302, address


def test_labels_are_never_deleted(images: list[Image], db: None) -> None:
    root = signed_in(User.objects.create_superuser("root", "root@example.com", PASSWORD))
    assert root.post(reverse("admin:images_label_delete", args=[pk_of("Dog")]), {"post": "yes"}).status_code == 403


def test_pages_hold_no_inline_script_or_style(client: Client, images: list[Image], editor: User) -> None:
    made = merge(wish(editor), [pk_of("Pup")], pk_of("Dog"))
    addresses = [LIST, page_of("Dog"), f"{LIST}add/", f"{LIST}merge/?labels={pk_of('Dog')},{pk_of('Cat')}"]
    addresses += [f"{LIST}merge/?labels={pk_of('Dog')}", reverse("moderation:change", args=[made.pk])]
    addresses += [reverse(f"admin:moderation_{name}_changelist") for name in ("vocabularychange", "contentthreshold")]
    addresses += [reverse("admin:images_detectorname_changelist"), reverse("admin:images_detectorname_add")]
    for address in addresses:
        response = client.get(address)
        assert response.status_code == 200, address
        assert INLINE.findall(response.content.decode()) == [], address


# One label -----------------------------------------------------------------------------------------------------------


def test_a_labels_page_changes_all_that_the_vocabulary_says_of_it(client: Client, images: list[Image]) -> None:
    given = {"display_name": "Hound", "parent": pk_of("Cat"), "category": "Pets", "words": "Doggy, Whelp,"}
    response = client.post(page_of("Dog"), form_of("Dog", **given, shown_from="60", blocked="on"))
    assert response.status_code == 302
    dog = Label.objects.get(name="Dog")
    assert (dog.title, dog.parent, dog.category) == ("Hound", Label.objects.get(name="Cat"), "Pets")
    assert (dog.aliases, dog.shown_from, dog.blocked) == (["Doggy", "Whelp"], 60, True)
    kinds = set(VocabularyChange.objects.values_list("kind", flat=True))
    assert kinds == {"rename", "describe", "threshold", "block"}
    assert AuditEntry.objects.filter(verb="vocabulary").count() == 4


def test_saving_a_page_without_changes_changes_nothing(client: Client, images: list[Image]) -> None:
    assert client.post(page_of("Dog"), form_of("Dog")).status_code == 302
    assert not VocabularyChange.objects.exists()


def test_the_message_leads_to_the_progress(client: Client, images: list[Image]) -> None:
    response = client.post(page_of("Dog"), form_of("Dog", display_name="Hound"), follow=True)
    assert reverse("moderation:change", args=[change().pk]) in response.content.decode()


def test_a_refusal_brings_the_form_back_as_it_was_filled_in(client: Client, images: list[Image]) -> None:
    filled = form_of("Dog", display_name="Hound", words="Pup")
    response = client.post(page_of("Dog"), filled)
    assert response.status_code == 200
    html = response.content.decode()
    assert "merge them" in html
    assert 'value="Hound"' in html
    assert not VocabularyChange.objects.exists()
    assert Label.objects.get(name="Dog").title == "Dog"


def test_words_of_detectors_are_mapped_on_the_labels_page(client: Client, images: list[Image]) -> None:
    client.post(page_of("Dog"), form_of("Dog", **new_line("Dog", "rekognition", "Pup")))
    followed(change())
    assert titles(images[1]) == ["Dog"]
    client.post(page_of("Dog"), form_of("Dog", **{"meant_by-0-label": pk_of("Cat")}))
    assert DetectorName.objects.get().label.name == "Cat"
    client.post(page_of("Dog"), form_of("Dog", **{"meant_by-0-DELETE": "on"}))
    assert not DetectorName.objects.exists()
    for each in VocabularyChange.objects.filter(finished_at=None):
        followed(each)
    assert titles(images[1]) == ["Pup"]


def test_a_new_label_is_added_unless_its_word_is_taken(client: Client, images: list[Image]) -> None:
    response = client.post(f"{LIST}add/", {"name": "Wombat"})
    assert response.status_code == 302
    assert pk_of("Wombat")
    response = client.post(f"{LIST}add/", {"name": "dog"})
    assert "already" in response.content.decode()
    assert not Label.objects.filter(name="dog").exists()


# Several labels ------------------------------------------------------------------------------------------------------


def test_labels_are_chosen_merged_watched_and_taken_apart_again(
    client: Client, images: list[Image], owner: User
) -> None:
    before = everything_seen(owner)
    chosen = [pk_of("Dog"), pk_of("Pup")]
    response = client.post(LIST, {"action": "merge_selected", "_selected_action": chosen}, follow=True)
    assert "2 images" in response.content.decode()
    address = response.redirect_chain[-1][0]
    filled = {"wish": str(uuid4()), "target": pk_of("Dog")}
    response = client.post(address, filled)
    assert response.url == client.post(address, filled).url == reverse("moderation:change", args=[change().pk])
    assert "Merged “Pup” into “Dog”" in client.get(response.url).content.decode()
    followed(change())
    assert titles(images[1]) == ["Dog"]
    undoing = client.post(response.url, {"wish": str(uuid4())}, follow=True)
    assert "Undid" in undoing.content.decode()
    followed(VocabularyChange.objects.get(summary__startswith="Undid"))
    assert everything_seen(owner) == before
    assert "It was undone" in client.get(response.url).content.decode()


def test_one_label_is_merged_from_its_page_into_any_other(client: Client, images: list[Image]) -> None:
    assert "Merge into…" in client.get(page_of("Pup")).content.decode()
    address = client.get(reverse("admin:images_label_merge_this", args=[pk_of("Pup")])).url
    assert client.post(address, {"wish": str(uuid4()), "other": pk_of("Dog")}).status_code == 302
    assert Label.objects.get(name="Pup").merged_into == Label.objects.get(name="Dog")


def test_the_merge_page_says_why_it_refuses(client: Client, images: list[Image], editor: User) -> None:
    merge(wish(editor), [pk_of("Pup")], pk_of("Dog"))
    address = f"{LIST}merge/?labels={pk_of('Pup')},{pk_of('Cat')}"
    response = client.post(address, {"wish": str(uuid4()), "target": pk_of("Cat")})
    assert "“Pup” is merged into “Dog” already" in response.content.decode()
    response = client.post(address, {"wish": str(uuid4())})
    assert "Choose one label" in response.content.decode()
    assert "Choose labels in the list first" in client.get(f"{LIST}merge/?labels=x").content.decode()


def test_several_labels_are_blocked_and_shown_again(client: Client, images: list[Image]) -> None:
    chosen = [pk_of("Dog"), pk_of("Cat")]
    client.post(LIST, {"action": "block_selected", "_selected_action": chosen})
    assert Label.objects.filter(blocked=True).count() == 2
    response = client.post(LIST, {"action": "block_selected", "_selected_action": chosen}, follow=True)
    assert "nothing was changed" in response.content.decode()
    client.post(LIST, {"action": "unblock_selected", "_selected_action": chosen})
    assert not Label.objects.filter(blocked=True).exists()


@pytest.mark.parametrize(("state", "names"), [("blocked", {"Cat"}), ("merged", {"Pup"}), ("shown", {"Dog"})])
def test_the_list_is_filtered_by_state(
    client: Client, images: list[Image], editor: User, state: str, names: set[str]
) -> None:
    merge(wish(editor), [pk_of("Pup")], pk_of("Dog"))
    Label.objects.filter(name="Cat").update(blocked=True)
    response = client.get(LIST, {"state": state})
    assert {row.name for row in response.context["cl"].result_list} == names


# Mappings, thresholds and changes ------------------------------------------------------------------------------------


def test_mappings_have_a_list_of_their_own(client: Client, images: list[Image]) -> None:
    filled = {"detector": "rekognition", "label": pk_of("Pup"), "meaning": pk_of("Dog")}
    assert client.post(reverse("admin:images_detectorname_add"), filled).status_code == 302
    name = DetectorName.objects.get()
    page = reverse("admin:images_detectorname_change", args=[name.pk])
    client.post(page, {"meaning": pk_of("Cat")})
    assert DetectorName.objects.get().meaning.name == "Cat"
    client.post(reverse("admin:images_detectorname_delete", args=[name.pk]), {"post": "yes"})
    assert not DetectorName.objects.exists()
    assert VocabularyChange.objects.count() == 3


def test_thresholds_of_content_flags_are_set_changed_and_taken_away(client: Client, db: None) -> None:
    add = reverse("admin:moderation_contentthreshold_add")
    assert client.post(add, {"category": "Violence", "confidence": "80"}).status_code == 302
    threshold = ContentThreshold.objects.get()
    client.post(reverse("admin:moderation_contentthreshold_change", args=[threshold.pk]), {"confidence": "90"})
    assert ContentThreshold.objects.get().confidence == 90
    client.post(reverse("admin:moderation_contentthreshold_delete", args=[threshold.pk]), {"post": "yes"})
    assert not ContentThreshold.objects.exists()
    assert VocabularyChange.objects.filter(kind="flags").count() == 3


def test_the_list_of_changes_leads_to_each_ones_page(client: Client, images: list[Image], editor: User) -> None:
    made = merge(wish(editor), [pk_of("Pup")], pk_of("Dog"))
    html = client.get(reverse("admin:moderation_vocabularychange_changelist")).content.decode()
    assert "Merged “Pup” into “Dog”" in html
    response = client.get(reverse("admin:moderation_vocabularychange_change", args=[made.pk]))
    assert response.url == reverse("moderation:change", args=[made.pk])


def test_undoing_says_why_it_is_refused(client: Client, images: list[Image], editor: User) -> None:
    made = merge(wish(editor), [pk_of("Pup")], pk_of("Dog"))
    Label.objects.filter(name="Pup").update(merged_into=pk_of("Cat"))
    address = reverse("moderation:change", args=[made.pk])
    assert "changed again since" in client.post(address, {"wish": str(uuid4())}, follow=True).content.decode()
    assert "incomplete" in client.post(address, {}, follow=True).content.decode()
