import io
import threading

import numpy as np
import pytest
from PIL import Image

from recognition.detectors import faces
from recognition.detectors.faces import FaceDetector
from recognition.result import Box
from tests.recognition.pictures import photo, prepared

FACELESS = [
    "page.png",
    "coffee.png",
    "text.png",
    "brick.png",
    "grass.png",
    "gravel.png",
    "moon.png",
    "rocket.jpg",
    "hubble_deep_field.jpg",
    "retina.jpg",
    "motorcycle_left.png",
    "chelsea.png",
    "chessboard_GRAY.png",
    "chessboard_RGB.png",
    "china.jpg",
    "flower.jpg",
]

ASTRONAUT = Box(180 / 512, 70 / 512, 90 / 512, 100 / 512)


def iou(one, other):
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    shared = max(width, 0) * max(height, 0)
    return shared / (one.width * one.height + other.width * other.height - shared)


def test_the_astronauts_face_is_found_where_it_is_and_nothing_else():
    (label,) = FaceDetector().detect(prepared(photo("astronaut.png"))).labels
    (face,) = label.instances
    assert iou(face.box, ASTRONAUT) >= 0.5
    assert label.confidence == face.confidence >= 75


def test_a_face_is_named_as_rekognition_names_it():
    (label,) = FaceDetector().detect(prepared(photo("astronaut.png"))).labels
    assert (label.name, label.parents, label.detector) == ("Face", ("Head", "Person"), "faces")
    assert label.categories == ("Person Description",)


def test_two_faces_are_two_instances_of_one_label():
    astronaut = photo("astronaut.png")
    (label,) = FaceDetector().detect(prepared(np.hstack([astronaut, astronaut]))).labels
    assert sorted(round(face.box.left, 1) for face in label.instances) == [0.2, 0.7]


@pytest.mark.parametrize("shrunk_to", [96, 160, 256])
def test_a_face_in_a_small_picture_is_found(shrunk_to):
    astronaut = photo("astronaut.png")
    step = 512 // shrunk_to
    (label,) = FaceDetector().detect(prepared(astronaut[::step, ::step])).labels
    assert iou(label.instances[0].box, ASTRONAUT) >= 0.4


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_face_in_profile_is_found_on_either_side(mirrored):
    camera_man = photo("camera.png")
    (label,) = FaceDetector().detect(prepared(camera_man[:, ::-1] if mirrored else camera_man)).labels
    (face,) = label.instances
    seen = 1 - face.box.left - face.box.width if mirrored else face.box.left
    assert iou(Box(seen, face.box.top, face.box.width, face.box.height), Box(0.35, 0.18, 0.2, 0.2)) >= 0.5
    assert face.confidence < 75


@pytest.mark.parametrize("file_name", FACELESS)
def test_no_face_is_seen_where_there_is_none(file_name):
    assert FaceDetector().detect(prepared(photo(file_name))).labels == ()


@pytest.mark.parametrize("quality", [60, 75])
@pytest.mark.parametrize("scale", [0.6, 1.0, 1.6])
@pytest.mark.parametrize("file_name", ["flower.jpg", "china.jpg"])
def test_no_face_appears_when_a_picture_is_saved_smaller_or_worse(file_name, scale, quality):
    picture = Image.fromarray(photo(file_name))
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    saved = io.BytesIO()
    picture.save(saved, "JPEG", quality=quality)
    with Image.open(saved) as again:
        assert FaceDetector().detect(prepared(np.asarray(again))).labels == ()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2048, 8)])
def test_a_picture_too_small_for_a_face_has_none(shape):
    assert FaceDetector().detect(prepared(np.full((*shape, 3), 128, np.uint8))).labels == ()


def test_several_threads_may_search_at_once():
    detector, image = FaceDetector(), prepared(photo("astronaut.png"))
    expected = detector.detect(image)
    found = []
    threads = [threading.Thread(target=lambda: found.append(detector.detect(image))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_the_cascades_are_loaded_once_whichever_thread_asks(monkeypatch):
    loaded = []

    def counted(name):
        loaded.append(name)
        return load(name)

    load = faces._load
    monkeypatch.setattr(faces, "_load", counted)
    detector, image = FaceDetector(), prepared(photo("astronaut.png")[::4, ::4])
    for _ in range(3):
        thread = threading.Thread(target=detector.detect, args=(image,))
        thread.start()
        thread.join()
    assert len(loaded) == len(set(loaded)) == 3
