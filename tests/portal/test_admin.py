"""The administration: who gets in, what they see, and what they may do."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import ErasureReceipt, User
from portal.images.models import Image, Label, Recognition, Status, StorageDeletion
from recognition import result as contract
from tests.conftest import PASSWORD, MakeImage

LIST = "/admin/images/image/"


@pytest.fixture
def staff(db: None) -> User:
    """May see images and nothing else."""
    person = User.objects.create_user("staff", "staff@example.com", PASSWORD, is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_image", content_type__app_label="images"))
    return person


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", "root@example.com", PASSWORD)


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page_of(image: Image) -> str:
    return reverse("admin:images_image_change", args=[image.pk])


def listed(response: Any) -> set[str]:
    return {image.filename for image in response.context["cl"].result_list}


def failed_image(make: MakeImage, owner: User, name: str, code: str = "truncated_image") -> Image:
    image = make(owner, name.encode(), name, Status.FAILED)
    message = "We could not read this file: it is cut off half-way."
    Image.objects.filter(pk=image.pk).update(failure_code=code, failure_message=message, queued_at=timezone.now())
    return image


def run_action(client: Client, action: str, *images: Image, **more: str) -> Any:
    chosen = {"action": action, "_selected_action": [str(image.pk) for image in images], **more}
    return client.post(LIST, chosen, follow=True)


def test_who_is_not_signed_in_is_sent_to_the_portals_own_sign_in_page(client: Client, db: None) -> None:
    response = client.get("/admin/", follow=True)
    address, _ = response.redirect_chain[-1]
    assert address.startswith(reverse("account_login") + "?next=")
    assert client.post("/admin/login/", {"username": "root", "password": PASSWORD}).status_code == 302


def test_a_person_who_is_not_staff_does_not_get_in(owner: User) -> None:
    client = signed_in(owner)
    assert client.get("/admin/", follow=True).status_code == 403
    assert client.get(LIST, follow=True).status_code == 403


@pytest.mark.parametrize("kind", ["thumbnail", "preview"])
def test_pictures_are_served_to_staff_who_may_view_images_and_to_nobody_else(
    recognized_image: MakeImage, owner: User, staff: User, kind: str
) -> None:
    image = recognized_image(owner)
    address = reverse(f"admin:images_image_{kind}", args=[image.pk])
    response = signed_in(staff).get(address)
    assert response.status_code == 200
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"].startswith("private")
    assert b"".join(response.streaming_content).startswith(b"\xff\xd8")

    assert Client().get(address).status_code == 302
    assert signed_in(owner).get(address).status_code == 302
    staff.user_permissions.clear()
    assert signed_in(staff).get(address).status_code == 403


def test_the_policy_has_nothing_inline_and_lets_alpine_compile_in_the_administration_alone(
    root: User, recognized_image: MakeImage, owner: User
) -> None:
    client = signed_in(root)
    image = recognized_image(owner)
    for address in ("/admin/", LIST, page_of(image), f"/admin/accounts/user/{owner.pk}/change/"):
        policy = client.get(address)["Content-Security-Policy"]
        assert "'unsafe-inline'" not in policy
        assert "script-src 'self' 'unsafe-eval'" in policy
        assert "style-src 'self'" in policy.split("; ")
    assert "unsafe" not in Client().get(reverse("account_login"))["Content-Security-Policy"]


def test_pages_hold_no_inline_script_or_style(root: User, recognized_image: MakeImage, owner: User) -> None:
    client = signed_in(root)
    image = recognized_image(owner)
    addresses = ["/admin/", LIST, page_of(image), f"/admin/accounts/user/{owner.pk}/change/"]
    inline = re.compile(r"<style|<script(?![^>]*\bsrc=)(?![^>]*application/json)|\sstyle=|\son[a-z]+=")
    for address in addresses:
        html = client.get(address).content.decode()
        assert inline.findall(html) == [], address


def test_the_list_is_searched_by_id_name_owner_hash_and_what_was_found(
    root: User, recognized_image: MakeImage, owner: User, stranger: User
) -> None:
    photo = recognized_image(owner, "holiday.jpg")
    recognized_image(stranger, "other.jpg", labels=(contract.Label("Cat", 90, "onnx"),))
    client = signed_in(root)
    for words in (str(photo.pk), str(photo.pk)[:8], "holiday", "owner@example.com", photo.sha256, "dog"):
        assert listed(client.get(LIST, {"q": words})) == {"holiday.jpg"}, words


def test_the_list_is_filtered_by_status_owner_date_detector_flag_and_reason(
    root: User, recognized_image: MakeImage, stored_image: MakeImage, owner: User, stranger: User
) -> None:
    flag = contract.ModerationLabel("Weapons", "Violence", 95, 2)
    recognized_image(owner, "flagged.jpg", moderation_labels=(flag,))
    faces = recognized_image(stranger, "faces.jpg", labels=(contract.Label("Face", 90, "faces"),))
    Image.objects.filter(pk=faces.pk).update(created_at=timezone.now() - timedelta(days=9))
    failed_image(stored_image, stranger, "broken.jpg")
    today, yesterday = (str((timezone.now() - timedelta(days=days)).date()) for days in (0, 1))
    client = signed_in(root)
    expected = {
        "status__exact=failed": {"broken.jpg"},
        "failure=truncated_image": {"broken.jpg"},
        "flagged=yes": {"flagged.jpg"},
        "flagged=no": {"faces.jpg", "broken.jpg"},
        "detector=faces": {"faces.jpg"},
        f"owner__id__exact={owner.pk}": {"flagged.jpg"},
        f"created_at_from={yesterday}": {"flagged.jpg", "broken.jpg"},
        f"created_at_to={yesterday}": {"faces.jpg"},
        f"created_at_to={today}": {"flagged.jpg", "faces.jpg", "broken.jpg"},
        "created_at_from=soon": {"flagged.jpg", "faces.jpg", "broken.jpg"},
    }
    for query, names in expected.items():
        assert listed(client.get(f"{LIST}?{query}")) == names, query


def test_the_page_of_an_image_draws_its_boxes_and_lists_its_recognitions(
    root: User, recognized_image: MakeImage, owner: User
) -> None:
    image = recognized_image(owner)
    html = signed_in(root).get(page_of(image)).content.decode()
    assert re.search(r'<rect data-group="Dog" x="0.1" y="0.2" width="0.3" height="0.4">', html)
    assert reverse("admin:images_image_preview", args=[image.pk]) in html
    recognition = image.recognitions.get()
    assert reverse("admin:images_recognition_change", args=[recognition.pk]) in html
    document = signed_in(root).get(reverse("admin:images_recognition_change", args=[recognition.pk]))
    assert "&quot;schema&quot;: &quot;imagesift.recognition/1&quot;" in document.content.decode()


def test_a_flagged_picture_is_covered_until_it_is_clicked(root: User, recognized_image: MakeImage, owner: User) -> None:
    flag = contract.ModerationLabel("Weapons", "Violence", 95, 2)
    flagged = recognized_image(owner, "flagged.jpg", moderation_labels=(flag,))
    harmless = recognized_image(owner, "harmless.jpg")
    client = signed_in(root)
    covered = client.get(page_of(flagged)).content.decode()
    assert 'class="picture is-flagged"' in covered
    assert "data-reveal" in covered
    assert "is-flagged" not in client.get(page_of(harmless)).content.decode()
    assert client.get(LIST).content.decode().count("is-flagged") == 1


def test_predictions_cannot_be_changed_added_or_deleted_even_by_a_superuser(
    root: User, recognized_image: MakeImage, owner: User
) -> None:
    image = recognized_image(owner)
    rows = {Image: image, Recognition: image.recognitions.get()}
    client = signed_in(root)
    for model, row in rows.items():
        name = f"admin:images_{model._meta.model_name}"
        assert client.post(reverse(f"{name}_change", args=[row.pk]), {"name": "Cat"}).status_code == 403
        assert client.get(reverse(f"{name}_add")).status_code == 403
        if model is not Image:
            assert client.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    label = Label.objects.get()
    client.post(reverse("admin:images_label_change", args=[label.pk]), {"name": "Cat"})
    assert client.post(reverse("admin:images_label_delete", args=[label.pk]), {"post": "yes"}).status_code == 403
    assert Label.objects.get().name == "Dog"


def test_failed_images_are_recognised_again_and_those_already_waiting_are_left_alone(
    root: User, stored_image: MakeImage, owner: User
) -> None:
    failed = failed_image(stored_image, owner, "broken.jpg")
    waiting = stored_image(owner, b"waiting", "waiting.jpg", Status.QUEUED)
    response = run_action(signed_in(root), "recognize_selected_again", failed, waiting)
    failed.refresh_from_db()
    assert (failed.status, failed.failure_code) == (Status.QUEUED, "")
    said = [str(message) for message in response.context["messages"]]
    assert said[0] == "1 image is queued to be recognised again."
    assert said[1].startswith("1 image is left alone")


def test_one_image_is_recognised_again_from_its_page_by_post_alone(
    root: User, staff: User, stored_image: MakeImage, owner: User
) -> None:
    image = failed_image(stored_image, owner, "broken.jpg")
    address = reverse("admin:images_image_recognize", args=[image.pk])
    assert signed_in(root).get(address).status_code == 405
    assert signed_in(staff).post(address).status_code == 403
    assert signed_in(root).post(address).status_code == 302
    image.refresh_from_db()
    assert image.status == Status.QUEUED


def test_deleting_images_or_their_owner_erases_the_files_too(
    root: User, recognized_image: MakeImage, owner: User, stranger: User
) -> None:
    first, second, third = recognized_image(owner), recognized_image(owner), recognized_image(stranger)
    client = signed_in(root)
    confirmation = run_action(client, "delete_selected", first)
    assert confirmation.status_code == 200
    assert Image.objects.count() == 3
    run_action(client, "delete_selected", first, post="yes")
    client.post(reverse("admin:images_image_delete", args=[second.pk]), {"post": "yes"})
    client.post(reverse("admin:accounts_user_delete", args=[stranger.pk]), {"post": "yes"})
    assert not Image.objects.exists()
    assert not User.objects.filter(pk=stranger.pk).exists()
    owed = set(StorageDeletion.objects.values_list("path", flat=True))
    assert owed >= {path for image in (first, second, third) for path in (image.upload_key, image.derived_prefix)}
    assert ErasureReceipt.objects.get().images == 1


def test_the_last_administrator_is_not_deleted(root: User, owner: User) -> None:
    client = signed_in(root)
    client.post(reverse("admin:accounts_user_delete", args=[root.pk]), {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [root.pk, owner.pk], "post": "yes"}
    client.post("/admin/accounts/user/", chosen)
    assert User.objects.count() == 2
    User.objects.create_superuser("second", "second@example.com", PASSWORD)
    client.post("/admin/accounts/user/", chosen)
    assert [user.username for user in User.objects.all()] == ["second"]


def test_a_user_is_added_with_an_address_and_lists_show_how_much_each_keeps(
    root: User, recognized_image: MakeImage, owner: User
) -> None:
    image = recognized_image(owner)
    client = signed_in(root)
    form = {"username": "new", "email": "new@example.com", "usable_password": "true"}
    client.post(reverse("admin:accounts_user_add"), {**form, "password1": PASSWORD, "password2": PASSWORD})
    assert User.objects.get(username="new").email == "new@example.com"
    rows = {user.username: user for user in client.get("/admin/accounts/user/").context["cl"].result_list}
    assert (rows["owner"].image_count, rows["owner"].image_bytes) == (1, image.byte_size)
    assert (rows["new"].image_count, rows["new"].image_bytes) == (0, 0)


def test_a_label_says_how_many_images_show_it_now(root: User, recognized_image: MakeImage, owner: User) -> None:
    recognized_image(owner)
    recognized_image(owner)
    label = signed_in(root).get("/admin/images/label/").context["cl"].result_list[0]
    assert (label.name, label.image_count, label.detection_count) == ("Dog", 2, 2)


def test_a_failing_erasure_is_tried_again_now_and_one_that_must_wait_is_left_alone(root: User) -> None:
    later = timezone.now() + timedelta(hours=1)
    failing = StorageDeletion.objects.create(storage="uploads", path="a", not_before=later, last_error="no disk")
    waiting = StorageDeletion.objects.create(storage="uploads", path="b", not_before=later)
    chosen = {"action": "try_again_now", "_selected_action": [failing.pk, waiting.pk]}
    signed_in(root).post("/admin/images/storagedeletion/", chosen)
    failing.refresh_from_db()
    waiting.refresh_from_db()
    assert failing.not_before <= timezone.now()
    assert waiting.not_before == later
