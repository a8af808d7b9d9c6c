"""A training starts from the hub, from S3, from a folder or from an archive, or says in one line why it cannot."""

from __future__ import annotations

import json
import shutil
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from recognition.download import Patience
from tests.recognition.fake_hub import REPOSITORY, REVISION, FakeHub, fake_hub
from training import starting
from training.starting import FILES, HubModel, StartError, resolve

TINY = Path(starting.__file__).parent / "starts" / "tiny-shapes"
SOON = Patience(answer_s=0.5, stall_s=0.5)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def copied(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(TINY / name, folder)
    return folder


def packed(archive: Path, folder: str) -> Path:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as content:
        for name in FILES:
            content.add(TINY / name, f"{folder}{name}")
    return archive


def test_the_drawn_shapes_are_at_hand(cache: Path) -> None:
    assert resolve("tiny-shapes", cache) == TINY
    assert not cache.exists()


def test_the_pretrained_detector_is_pinned_to_one_commit() -> None:
    known = starting.KNOWN["rtdetr-v2-r18"]
    assert known == HubModel("PekingU/rtdetr_v2_r18vd", "5650961749fa93567c0d46fc7f43ea4f9e914107")


@pytest.mark.parametrize("place", [".", "torch", "result/torch"])
def test_a_folder_may_be_a_start_or_the_result_of_a_training(place: str, tmp_path: Path, cache: Path) -> None:
    copied(tmp_path / "run" / place)
    assert resolve(str(tmp_path / "run"), cache) == tmp_path / "run" / place


@pytest.mark.parametrize("folder", ["", "torch/", "./torch/"])
def test_an_archive_is_unpacked_once(folder: str, tmp_path: Path, cache: Path) -> None:
    archive = packed(tmp_path / "model.tar.gz", folder)
    found = resolve(str(archive), cache)
    assert contents(found) == contents(TINY)
    assert resolve(str(tmp_path), cache) == found


def test_an_archive_without_weights_is_refused(tmp_path: Path, cache: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as content:
        content.add(TINY / "config.json", "config.json")
    with pytest.raises(StartError, match="no model for PyTorch"):
        resolve(str(tmp_path), cache)


def test_a_broken_archive_is_refused(tmp_path: Path, cache: Path) -> None:
    archive = packed(tmp_path / "model.tar.gz", "")
    archive.write_bytes(archive.read_bytes()[:5000])
    with pytest.raises(StartError, match="cannot be unpacked"):
        resolve(str(archive), cache)


@pytest.mark.parametrize("start", ["no-such-model", "."])
def test_what_is_no_start_is_refused_with_those_that_are(start: str, tmp_path: Path, cache: Path) -> None:
    with pytest.raises(StartError, match=r"nothing to start from.*rtdetr-v2-r18, tiny-shapes"):
        resolve(str(tmp_path / start), cache)


# From the hub ------------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with fake_hub(FakeHub(files=contents(TINY))) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setitem(starting.KNOWN, "tiny-from-hub", HubModel(REPOSITORY, REVISION))  # type: ignore[arg-type]
        yield hub


def test_the_hub_is_asked_once(hub: FakeHub, cache: Path) -> None:
    found = resolve("tiny-from-hub", cache)
    assert contents(found) == contents(TINY)
    assert resolve("tiny-from-hub", cache) == found
    assert [asked.file for asked in hub.asked] == list(FILES)


def test_a_silent_hub_is_given_up_on_in_one_line(hub: FakeHub, cache: Path) -> None:
    hub.silent = True
    began = time.monotonic()
    with pytest.raises(StartError, match=r"someone/tiny-ONNX could not be fetched: .* does not answer") as caught:
        resolve("tiny-from-hub", cache, patience=SOON)
    assert time.monotonic() - began < 5
    assert "\n" not in str(caught.value)


def test_no_hub_at_all_is_said_in_one_line(hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StartError, match=r"no connection to 127\.0\.0\.1:9"):
        resolve("tiny-from-hub", cache, patience=SOON)


@pytest.mark.parametrize(
    ("name", "content"),
    [("config.json", b"<html>Sign in</html>"), ("model.safetensors", b"<html>Sign in to the hotel's network</html>")],
)
def test_a_sign_in_page_is_not_taken_for_a_model(hub: FakeHub, cache: Path, name: str, content: bytes) -> None:
    right = hub.files[name]
    hub.files[name] = content
    with pytest.raises(StartError, match=f"{name} is missing or damaged"):
        resolve("tiny-from-hub", cache)
    hub.files[name] = right
    assert contents(resolve("tiny-from-hub", cache)) == contents(TINY)


def test_weights_that_are_not_all_there_are_refused(hub: FakeHub, cache: Path) -> None:
    hub.files["model.safetensors"] = hub.files["model.safetensors"][:-1]
    with pytest.raises(StartError, match=r"model\.safetensors is missing or damaged"):
        resolve("tiny-from-hub", cache)


# From S3 -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="models")
        yield client
    server.stop()


@pytest.mark.parametrize("place", ["", "torch/", "result/torch/"])
def test_a_folder_in_s3_is_fetched(s3: Any, cache: Path, place: str) -> None:
    for name, content in contents(TINY).items():
        s3.put_object(Bucket="models", Key=f"run{len(place)}/{place}{name}", Body=content)
    for address in (f"s3://models/run{len(place)}/", f"s3://models/run{len(place)}"):
        assert contents(resolve(address, cache)) == contents(TINY)


def test_an_archive_in_s3_is_fetched_again_when_it_is_another(s3: Any, tmp_path: Path, cache: Path) -> None:
    s3.upload_file(str(packed(tmp_path / "model.tar.gz", "torch/")), "models", "job/model.tar.gz")
    first = resolve("s3://models/job/model.tar.gz", cache)
    assert contents(first) == contents(TINY)
    assert resolve("s3://models/job", cache) == first
    (tmp_path / "other").mkdir()
    other = json.loads((TINY / "config.json").read_text()) | {"dropout": 0.5}
    (tmp_path / "other/config.json").write_text(json.dumps(other))
    with tarfile.open(tmp_path / "other/model.tar.gz", "w:gz") as content:
        content.add(tmp_path / "other/config.json", "config.json")
        for name in FILES[1:]:
            content.add(TINY / name, name)
    s3.upload_file(str(tmp_path / "other/model.tar.gz"), "models", "job/model.tar.gz")
    second = resolve("s3://models/job/model.tar.gz", cache)
    assert json.loads((second / "config.json").read_text())["dropout"] == 0.5


@pytest.mark.parametrize("address", ["s3://models/nothing", "s3://no-such-bucket/run"])
def test_nothing_in_s3_is_said_in_one_line(s3: Any, cache: Path, address: str) -> None:
    with pytest.raises(StartError, match=address) as caught:
        resolve(address, cache)
    assert "\n" not in str(caught.value)
