"""The pages of candidates: who may open them, what they show of whose photos, and what the buttons do."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse

from portal.accounts.models import User
from portal.finetuning import difference_page, repeat_page, shadow_page
from portal.finetuning.comparing_labels import Change, Kind
from portal.finetuning.difference_asking import begin_difference
from portal.finetuning.differing import advance
from portal.finetuning.models import DatasetSnapshot, DifferenceRun, ModelVersion, Repeat, RepeatState, ShadowRun
from portal.finetuning.promoting import promote
from portal.finetuning.shadowing import start_shadow
from portal.images.models import FlagVerdict, Image
from portal.moderation.models import AuditEntry, Verb
from recognition.result import Box
from tests.conftest import MakeImage
from tests.portal.finetuning.candidates import label, ran, shapes_image, staff
from tests.portal.finetuning.conftest import MakeAnnotated, make_snapshot
from tests.portal.finetuning.versions import approved_version, ready_version, trainer

pytestmark = pytest.mark.django_db

BOX, MOVED = Box(0.1, 0.2, 0.3, 0.4), Box(0.2, 0.2, 0.3, 0.4)


@pytest.fixture
def version(annotated: MakeAnnotated) -> ModelVersion:
    image = annotated()
    snapshot: DatasetSnapshot = make_snapshot()
    Image.objects.filter(pk=image.pk).delete()
    return approved_version(snapshot)


@pytest.fixture
def decider(client: Client, owner: User) -> Client:
    return staff(client, owner, "view_modelversion", "promote_modelversion", "review_images")


@pytest.fixture
def run(version: ModelVersion, owner: User, stranger: User, recognized_image: MakeImage) -> DifferenceRun:
    """A comparison of two images of the owner's and one of a stranger's."""
    run = DifferenceRun.objects.create(
        candidate=version, shown_from=50, author=owner, author_name="owner", images_done=3, state="ready"
    )
    run.counts = {"Star": {"appears": 3, "vanishes": 0, "moves": 1, "stays": 5}}
    run.save()
    star = Change(Kind.APPEARS, "Star", 81.4, BOX)
    for number, (person, changes) in enumerate(
        [(owner, [star]), (owner, [star, Change(Kind.MOVES, "Heart", 70, MOVED, BOX)]), (stranger, [star])]
    ):
        image = shapes_image(recognized_image, person, number)
        run.images.create(image=image, changes=[change.as_json() for change in changes], size=len(changes))
    return run


def images_in(content: str, run: DifferenceRun) -> set[str]:
    return {str(row.image_id) for row in run.images.all() if str(row.image_id) in content}


def picture_of(run: DifferenceRun, image: Any) -> str:
    return reverse("finetuning:difference_picture", args=[run.pk, image])


def partials(version: ModelVersion, user: User) -> str:
    request = RequestFactory().get("/")
    request.user = user
    context = {
        "version": version,
        "shadow": shadow_page.section(version, user),
        "difference": difference_page.section(version, user),
        "repeat": repeat_page.section(version, user),
    }
    names = ("_shadow", "_difference", "_repeat")
    return "".join(render_to_string(f"admin/finetuning/{name}.html", context, request) for name in names)


def test_images_are_shown_with_their_changed_boxes_those_with_the_most_changes_first(
    decider: Client, run: DifferenceRun
) -> None:
    content = decider.get(reverse("finetuning:difference", args=[run.pk])).content.decode()
    assert len(images_in(content, run)) == 3
    most = run.images.get(size=2)
    assert content.index(picture_of(run, most.image_id)) == min(
        content.index(picture_of(run, row.image_id)) for row in run.images.all()
    )
    assert '<rect class="changed__appears" x="16.0" y="32.0" width="48.0" height="64.0">' in content
    assert '<rect class="changed__moves" x="32.0"' in content
    assert '<rect class="changed__before" x="16.0"' in content
    assert "Star appears, 81 % sure" in content
    assert "Heart moves, 70 % sure" in content
    answer = decider.get(picture_of(run, most.image_id))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")


@pytest.mark.parametrize(("query", "found"), [("label=Heart", 1), ("kind=appears", 3), ("label=Heart&kind=appears", 0)])
def test_they_are_filtered_by_label_and_kind(decider: Client, run: DifferenceRun, query: str, found: int) -> None:
    content = decider.get(f"{reverse('finetuning:difference', args=[run.pk])}?{query}").content.decode()
    assert len(images_in(content, run)) == found
    assert ("There is no such photo" in content) == (found == 0)


def test_they_come_a_page_at_a_time(decider: Client, run: DifferenceRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference_page, "PER_PAGE", 2)
    address = reverse("finetuning:difference", args=[run.pk])
    pages = [decider.get(f"{address}?kind=appears&page={number}").content.decode() for number in (1, 2)]
    assert [len(images_in(content, run)) for content in pages] == [2, 1]
    assert "kind=appears&amp;page=2" in pages[0]
    assert 'rel="next"' not in pages[1]


def test_each_look_at_somebody_elses_photo_is_in_the_audit_log(
    decider: Client, run: DifferenceRun, stranger: User
) -> None:
    address = reverse("finetuning:difference", args=[run.pk])
    for _ in range(2):
        decider.get(address)
    entry = AuditEntry.objects.get(verb=Verb.LOOKED)
    assert entry.image
    assert (entry.actor_name, entry.image.owner) == ("owner", stranger)


def test_what_owners_do_not_share_stays_hidden(
    decider: Client, run: DifferenceRun, stranger: User, settings: Any
) -> None:
    settings.MODERATION_SEES = "shared"
    hidden = run.images.get(image__owner=stranger).image
    content = decider.get(reverse("finetuning:difference", args=[run.pk])).content.decode()
    assert len(images_in(content, run)) == 2
    assert str(hidden.pk) not in content
    assert "1 more photo would change that moderators may not see" in content
    assert decider.get(picture_of(run, hidden.pk)).status_code == 404
    assert not AuditEntry.objects.filter(verb=Verb.LOOKED).exists()
    Image.objects.filter(pk=hidden.pk).update(shared=True)
    assert decider.get(picture_of(run, hidden.pk)).status_code == 200
    assert AuditEntry.objects.filter(verb=Verb.LOOKED, image=hidden).exists()


def test_pictures_are_those_of_the_comparison_alone(
    decider: Client, run: DifferenceRun, owner: User, recognized_image: MakeImage
) -> None:
    other = shapes_image(recognized_image, owner, 9)
    assert decider.get(picture_of(run, other.pk)).status_code == 404
    assert decider.get(picture_of(run, uuid4())).status_code == 404


def test_who_may_not_review_sees_counts_and_no_photo(client: Client, owner: User, run: DifferenceRun) -> None:
    trains = staff(client, owner, "view_modelversion")
    content = trains.get(reverse("finetuning:difference", args=[run.pk])).content.decode()
    assert images_in(content, run) == set()
    assert "3 more photos would change that only people who may review photos see" in content
    assert "Star" in content
    assert all(trains.get(picture_of(run, row.image_id)).status_code == 404 for row in run.images.all())


def test_flagged_pictures_are_covered(decider: Client, run: DifferenceRun) -> None:
    assert "is-flagged" not in decider.get(reverse("finetuning:difference", args=[run.pk])).content.decode()
    Image.objects.update(flagged=True, verdict=FlagVerdict.NONE)
    assert decider.get(reverse("finetuning:difference", args=[run.pk])).content.decode().count("is-flagged") == 3


def test_others_open_none_of_it(client: Client, stranger: User, run: DifferenceRun) -> None:
    addresses = [reverse("finetuning:difference", args=[run.pk]), reverse("finetuning:repeat")]
    assert all(client.get(address).status_code == 302 for address in addresses)
    staff(client, stranger, "review_images")
    assert all(client.get(address).status_code == 403 for address in addresses)


def test_the_buttons_start_and_stop_a_shadow(decider: Client, owner: User, version: ModelVersion) -> None:
    start, stop = (reverse(f"finetuning:{name}", args=[version.pk]) for name in ("shadow_start", "shadow_stop"))
    assert start in partials(version, User.objects.get(pk=owner.pk))
    answer = decider.post(start, {"percent": "35"})
    assert answer.headers["Location"] == reverse("admin:finetuning_modelversion_change", args=[version.pk])
    assert ShadowRun.objects.get().percent == 35
    content = partials(version, User.objects.get(pk=owner.pk))
    assert "35 % of new uploads" in content
    assert stop in content
    decider.post(stop)
    assert not ShadowRun.objects.get().is_running
    decider.post(start, {"percent": "many"})
    assert ShadowRun.objects.count() == 1


def test_the_buttons_need_leave_to_promote(client: Client, owner: User, version: ModelVersion) -> None:
    promote(version, trainer(owner))
    trains = staff(client, owner, "view_modelversion", "review_images")
    trains.post(reverse("finetuning:shadow_start", args=[version.pk]), {"percent": "35"})
    trains.post(reverse("finetuning:difference_begin", args=[version.pk]), {"images": "35"})
    trains.post(reverse("finetuning:repeat_begin"), {"per_minute": "10"})
    assert [model.objects.count() for model in (ShadowRun, DifferenceRun, Repeat)] == [0, 0, 0]
    assert "<form" not in partials(version, User.objects.get(pk=owner.pk))


def test_a_comparison_is_asked_for_followed_and_shown(
    decider: Client, owner: User, version: ModelVersion, recognized_image: MakeImage
) -> None:
    shapes_image(recognized_image, owner)
    decider.post(reverse("finetuning:difference_begin", args=[version.pk]), {"images": "5"})
    run = DifferenceRun.objects.get()
    progress = reverse("finetuning:difference_progress", args=[run.pk])
    assert progress in partials(version, User.objects.get(pk=owner.pk))
    assert decider.post(progress).json()["state"] == "building"
    advance(run.pk, 60)
    assert decider.post(progress).json() == {
        "state": "ready",
        "percent": 100,
        "words": "1 of 1 photos compared. You may leave this page.",
    }
    content = partials(version, User.objects.get(pk=owner.pk))
    assert reverse("finetuning:difference", args=[run.pk]) in content
    assert "1 photo compared with no model" in content


def test_the_history_is_recognised_again_from_its_page(
    decider: Client, owner: User, version: ModelVersion, recognized_image: MakeImage
) -> None:
    address = reverse("finetuning:repeat")
    assert "No model of your own runs" in decider.get(address).content.decode()
    promote(version, User.objects.get(pk=owner.pk))
    recognized_image(owner, detectors=ran("shapes-v0-abc"))
    content = decider.get(address).content.decode()
    assert f"1 photo, not seen by {version.served_as}" in content
    decider.post(reverse("finetuning:repeat_begin"), {"per_minute": "10"})
    repeat = Repeat.objects.get()
    assert (repeat.per_minute, repeat.state) == (10, RepeatState.RUNNING)
    assert reverse("finetuning:repeat_progress", args=[repeat.pk]) in partials(version, owner)
    answer = decider.post(reverse("finetuning:repeat_progress", args=[repeat.pk])).json()
    assert answer["words"] == "0 of 1 photos looked at, 0 queued again; about 1 min left."
    for deed, state in (("pause", "paused"), ("go-on", "running"), ("cancel", "cancelled")):
        assert reverse("finetuning:repeat_decide", args=[repeat.pk, deed]) in decider.get(address).content.decode()
        decider.post(reverse("finetuning:repeat_decide", args=[repeat.pk, deed]))
        repeat.refresh_from_db()
        assert repeat.state == state
    assert decider.post(reverse("finetuning:repeat_decide", args=[repeat.pk, "burn"])).status_code == 404
    assert "Cancelled" in decider.get(address).content.decode()


def test_a_shadows_findings_are_on_the_page(
    decider: Client, owner: User, version: ModelVersion, recognized_image: MakeImage
) -> None:
    shadow = start_shadow(version, 20, User.objects.get(pk=owner.pk))
    sides = (BOX.left, BOX.top, BOX.width, BOX.height)
    image = recognized_image(owner, labels=(label("Star", sides),), detectors=ran("shapes-v0-abc", 40))
    said = {"left": BOX.left, "top": BOX.top, "width": BOX.width, "height": BOX.height}
    shadow.seen.create(
        image=image,
        recognition=image.current,
        labels=[
            {
                "name": "Star",
                "detector": "custom",
                "confidence": 90,
                "instances": [{"confidence": 90, "box": said}],
            }
        ],
        duration_ms=31,
        running_duration_ms=40,
    )
    content = partials(version, User.objects.get(pk=owner.pk))
    assert '<th scope="row">Star</th><td>1</td>' in content
    assert "31 ms" in content
    assert "40 ms" in content


def test_on_aws_the_page_says_what_it_takes(owner: User, version: ModelVersion, settings: Any) -> None:
    settings.RECOGNIZED_BY = "lambda"
    content = partials(version, trainer(owner))
    assert content.count("Candidates look at pictures in a worker that has the imaging libraries.") == 2
    assert "shadow/" not in content


def test_an_unpromoted_version_has_no_word_of_the_history(owner: User, version: ModelVersion) -> None:
    assert reverse("finetuning:repeat") not in partials(version, trainer(owner))
    ready_version(version.dataset, 2)
    promote(version, trainer(owner))
    assert reverse("finetuning:repeat") in partials(version, trainer(owner))


def test_begin_difference_against_what_runs_is_offered_to_others_only(owner: User, version: ModelVersion) -> None:
    promote(version, trainer(owner))
    assert "is what runs" in partials(version, trainer(owner))
    other = ready_version(version.dataset, 2)
    begin_difference(other, 5, trainer(owner))
    assert "0 of 0 photos compared" in partials(other, trainer(owner))
