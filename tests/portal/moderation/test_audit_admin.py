"""The audit log and people's words in the administration: who sees what, and that nobody changes anything."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import Image, Label, LabelState
from portal.moderation.groups import make_moderator
from portal.moderation.models import Annotation, AuditEntry, ReviewItem, Suggestion, Verb
from tests.conftest import PASSWORD
from tests.portal.bare_images import bare_images
from tests.portal.test_admin import root, signed_in

__all__ = ["root"]

LOG = "/admin/moderation/auditentry/"
ANNOTATIONS = "/admin/moderation/annotation/"
SUGGESTIONS = "/admin/moderation/suggestion/"


@pytest.fixture
def moderator(db: None) -> User:
    person = User.objects.create_user("moderator", "moderator@example.com", PASSWORD)
    make_moderator(person)
    return person


@pytest.fixture
def auditor(db: None) -> User:
    """May read the log and nothing else."""
    person = User.objects.create_user("auditor", "auditor@example.com", PASSWORD, is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_auditentry"))
    return person


def deed(actor: User, verb: Verb = Verb.APPROVED, image: Image | None = None, **values: Any) -> AuditEntry:
    about = {"image": image, "image_uuid": image.pk} if image else {}
    return AuditEntry.objects.create(actor=actor, actor_name=actor.username, verb=verb, **about, **values)


def listed(person: User, address: str, **query: str) -> list[Any]:
    return list(signed_in(person).get(address, query).context["cl"].result_list)


def test_the_log_is_searched_by_image_person_and_batch_and_filtered_by_verb_person_and_day(
    root: User, moderator: User, owner: User
) -> None:
    one, other = bare_images(owner, 2)
    batch = uuid.uuid4()
    looked = deed(moderator, Verb.LOOKED, one)
    refused = deed(root, Verb.REJECTED, other, subject="Dog", batch=batch, at=timezone.now() - timedelta(days=3))
    day = str((timezone.now() - timedelta(days=3)).date())
    expected = {
        f"q={one.pk}": [looked],
        f"q={str(other.pk)[:8]}": [refused],
        "q=moder": [looked],
        "q=dog": [refused],
        f"q={batch}": [refused],
        "verb__exact=looked": [looked],
        f"actor={root.pk}": [refused],
        "actor=nobody": [looked, refused],
        f"at_from={day}&at_to={day}": [refused],
    }
    for query, entries in expected.items():
        assert listed(root, f"{LOG}?{query}") == entries, query


def test_an_entry_says_what_was_before_and_after_and_leads_to_the_review_of_its_image(root: User, owner: User) -> None:
    (image,) = bare_images(owner, 1)
    entry = deed(root, Verb.RELABELLED, image, subject="Cat", before={"label": "Dog"}, after={"label": "Cat"})
    client = signed_in(root)
    html = client.get(reverse("admin:moderation_auditentry_change", args=[entry.pk])).content.decode()
    assert "&quot;label&quot;: &quot;Dog&quot;" in html
    assert f'href="{reverse("moderation:review")}?image={image.pk}"' in html
    assert "Relabelled" in html
    image.delete()
    html = client.get(LOG).content.decode()
    assert f"{entry.image_uuid}, deleted since" in html


def test_what_was_undone_is_marked(root: User) -> None:
    undone = deed(root)
    deed(root, Verb.REJECTED)
    undone.undone_by = deed(root, Verb.UNDONE)
    undone.save()
    assert undone_cell(root, "approve") == "Undone"
    assert undone_cell(root, "reject") != "Undone"


def undone_cell(person: User, verb: str) -> str:
    """What the list's only row with this verb says of undoing."""
    html = signed_in(person).get(f"{LOG}?verb__exact={verb}").content.decode()
    (cell,) = re.findall(r"<td[^>]*field-undone.*?</td>", html, re.DOTALL)
    return re.sub(r"<[^>]+>", "", cell).strip()


def test_nobody_adds_changes_or_deletes_entries_even_a_superuser(root: User, owner: User) -> None:
    (image,) = bare_images(owner, 1)
    entry = deed(root, image=image)
    annotation = Annotation.objects.create(
        image=image, label=Label.objects.create(name="Dog"), state=LabelState.ADDED, author=root
    )
    suggestion = Suggestion.objects.create(image=image, author=owner, label="Dog", kind="wrong")
    client = signed_in(root)
    for row in (entry, annotation, suggestion):
        name = f"admin:moderation_{row._meta.model_name}"
        assert client.get(reverse(f"{name}_add")).status_code == 403
        assert client.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200
        assert client.post(reverse(f"{name}_change", args=[row.pk]), {"subject": "x"}).status_code == 403
        assert client.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
        client.post(reverse(f"{name}_changelist"), chosen)
        assert type(row)._default_manager.filter(pk=row.pk).exists()


def test_a_moderator_sees_their_own_deeds_an_auditor_everybodys_and_others_none(
    moderator: User, auditor: User, owner: User
) -> None:
    own, others = deed(moderator), deed(auditor)
    assert listed(moderator, LOG) == [own]
    assert set(listed(auditor, LOG)) == {own, others}
    page = reverse("admin:moderation_auditentry_change", args=[others.pk])
    assert signed_in(moderator).get(page).status_code == 302
    assert signed_in(auditor).get(page).status_code == 200
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    assert signed_in(owner).get(LOG).status_code == 403
    titles = {item["title"] for group in menu(auditor) for item in group["items"]}
    assert titles == {"Overview", "Audit log"}


def menu(person: User) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = signed_in(person).get("/admin/").context["sidebar_navigation"]
    return groups


def test_chosen_entries_are_exported_as_csv_that_no_spreadsheet_runs(root: User, owner: User) -> None:
    (image,) = bare_images(owner, 1)
    entry = deed(root, Verb.ADDED, image, subject="=1+1", after={"label": "Dog"})
    deed(root, Verb.LOOKED, image)
    chosen = {"action": "export_as_csv", "_selected_action": [str(entry.pk)]}
    response: Any = signed_in(root).post(LOG, chosen)
    assert response.streaming
    assert "imagesift-audit-log.csv" in response["Content-Disposition"]
    head, *rows = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
    assert head == "at,who,did,image_id,label,before,after,batch,undone,id"
    (row,) = rows
    assert f",root,add,{image.pk},'=1+1,," in row
    assert row.endswith(f",no,{entry.pk}")


def test_annotations_are_listed_with_what_was_predicted_and_filtered(root: User, owner: User) -> None:
    (image,) = bare_images(owner, 1)
    dog, cat = Label.objects.create(name="Dog"), Label.objects.create(name="Cat")
    predicted = {"predicted_label": dog, "predicted_confidence": 88.0, "detector": "onnx"}
    corrected = Annotation.objects.create(image=image, label=cat, state=LabelState.CORRECTED, author=root, **predicted)
    added = Annotation.objects.create(
        image=image, label=dog, state=LabelState.ADDED, author=owner, left=0.1, top=0.2, width=0.3, height=0.4
    )
    html = signed_in(root).get(ANNOTATIONS).content.decode()
    assert "Dog, 88 % (onnx)" in html
    assert "30% × 40%, 10% from the left, 20% from the top" in html
    expected = {
        "state__exact=corrected": [corrected],
        f"author={owner.pk}": [added],
        "q=cat": [corrected],
        f"q={image.pk}": [added, corrected],
        "detector=onnx": [corrected],
    }
    for query, rows in expected.items():
        assert set(listed(root, f"{ANNOTATIONS}?{query}")) == set(rows), query


def test_moderators_see_what_was_said_of_images_they_may_see_and_what_they_said_themselves(
    moderator: User, owner: User, settings: Any
) -> None:
    settings.MODERATION_SEES = "shared"
    hidden, shared, decided = bare_images(owner, 3)
    Image.objects.filter(pk=shared.pk).update(shared=True)
    for image in (hidden, shared, decided):
        ReviewItem.objects.create(image=image, owner=owner, created_at=image.created_at)
    dog = Label.objects.create(name="Dog")
    rows = {
        image: Annotation.objects.create(
            image=image, label=dog, state=LabelState.ADDED, author=moderator if image == decided else owner
        )
        for image in (hidden, shared, decided)
    }
    Suggestion.objects.create(image=hidden, author=owner, label="Dog", kind="wrong")
    said = Suggestion.objects.create(image=shared, author=owner, label="Dog", kind="wrong")
    assert set(listed(moderator, ANNOTATIONS)) == {rows[shared], rows[decided]}
    assert listed(moderator, SUGGESTIONS) == [said]
    settings.MODERATION_SEES = "all"
    assert len(listed(moderator, ANNOTATIONS)) == 3


def test_suggestions_that_wait_are_told_from_settled_ones(root: User, owner: User) -> None:
    (image,) = bare_images(owner, 1)
    waiting = Suggestion.objects.create(image=image, author=owner, label="Dog", kind="instead", instead="Cat")
    settled = Suggestion.objects.create(
        image=image, author=owner, label="Tree", kind="right", settled_at=timezone.now()
    )
    assert listed(root, f"{SUGGESTIONS}?settled_at__isempty=1") == [waiting]
    assert listed(root, f"{SUGGESTIONS}?settled_at__isempty=0") == [settled]
    html = signed_in(root).get(SUGGESTIONS).content.decode()
    assert "It should be Cat" in html
