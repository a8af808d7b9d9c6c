from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import pytest
from filelock import FileLock

from recognition import hub
from recognition.hub import FetchError, ModelRef, fetch, installed
from tests.recognition.fake_hub import FILES, MODEL, FakeHub, fake_hub, tiny_model

HALF = len(MODEL) // 2


def fetch_from(served: FakeHub, cache: Path, model: ModelRef | None = None, **options: float) -> Path:
    return fetch(model or tiny_model(), cache, endpoint=served.address, **options)  # type: ignore[arg-type]


def test_a_fetched_model_folder_holds_the_model_and_both_configurations(tmp_path: Path) -> None:
    with fake_hub() as served:
        folder = fetch_from(served, tmp_path)
    assert folder == tmp_path / "tiny-0123456789ab"
    assert installed(tiny_model(), tmp_path) == folder
    content = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert content == {Path(name).name: bytes_ for name, bytes_ in FILES.items()}


def test_nothing_but_the_folder_and_its_lock_is_left_behind(tmp_path: Path) -> None:
    with fake_hub() as served:
        folder = fetch_from(served, tmp_path)
    assert {path for path in tmp_path.iterdir() if path.suffix != ".lock"} == {folder}


def test_a_model_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    with fake_hub() as served:
        first = fetch_from(served, tmp_path)
        served.asked.clear()
        assert fetch_from(served, tmp_path) == first
        assert served.asked == []


def test_a_folder_with_a_damaged_model_is_replaced(tmp_path: Path) -> None:
    with fake_hub() as served:
        folder = fetch_from(served, tmp_path)
        (folder / "model.onnx").write_bytes(b"damaged")
        fetch_from(served, tmp_path)
    assert (folder / "model.onnx").read_bytes() == MODEL


def test_a_folder_that_lacks_a_configuration_is_not_taken_for_installed(tmp_path: Path) -> None:
    with fake_hub() as served:
        folder = fetch_from(served, tmp_path)
        (folder / "config.json").unlink()
        assert installed(tiny_model(), tmp_path) is None
        assert fetch_from(served, tmp_path) == folder
    assert (folder / "config.json").is_file()


def test_progress_tells_the_bytes_that_are_there_and_those_of_the_whole_model(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    with fake_hub() as served:
        fetch(tiny_model(), tmp_path, endpoint=served.address, progress=lambda done, total: heard.append((done, total)))
    assert heard == sorted(heard)
    assert heard[-1] == (len(MODEL), len(MODEL))


def test_a_file_with_another_hash_is_deleted_and_named_as_such(tmp_path: Path) -> None:
    expected = "0" * 64
    with fake_hub() as served, pytest.raises(FetchError, match=f"not the expected one.*not {expected}"):
        fetch_from(served, tmp_path, tiny_model(expected))
    assert installed(tiny_model(), tmp_path) is None
    assert not list(tmp_path.rglob("model.onnx"))


def test_a_good_model_survives_being_asked_for_with_a_wrong_hash(tmp_path: Path) -> None:
    with fake_hub() as served:
        folder = fetch_from(served, tmp_path)
        with pytest.raises(FetchError):
            fetch_from(served, tmp_path, tiny_model("0" * 64))
    assert (folder / "model.onnx").read_bytes() == MODEL


def test_a_download_cut_off_half_way_goes_on_where_it_was(tmp_path: Path) -> None:
    with fake_hub(FakeHub(cut_after=HALF, cuts=1)) as served:
        folder = fetch_from(served, tmp_path)
        first, second = served.asked_for("onnx/model.onnx")
    assert (first.range, first.sent) == (None, HALF)
    assert (second.range, second.sent) == (f"bytes={HALF}-", len(MODEL) - HALF)
    assert (folder / "model.onnx").read_bytes() == MODEL


def test_what_came_before_the_connection_was_lost_for_good_serves_the_next_fetch(tmp_path: Path) -> None:
    with fake_hub(FakeHub(cut_after=1000, cuts=99)) as served:
        with pytest.raises(FetchError, match="cut off half-way"):
            fetch_from(served, tmp_path)
        assert installed(tiny_model(), tmp_path) is None
        kept = sum(asked.sent for asked in served.asked_for("onnx/model.onnx"))
        served.cuts = 0
        served.asked.clear()
        fetch_from(served, tmp_path)
        (rest,) = served.asked_for("onnx/model.onnx")
    assert kept > 1000
    assert (rest.range, rest.sent) == (f"bytes={kept}-", len(MODEL) - kept)


def test_a_download_that_was_complete_but_never_checked_is_not_sent_again(tmp_path: Path) -> None:
    partial = tmp_path / ".tiny-0123456789ab.partial"
    partial.mkdir()
    (partial / "model.onnx").write_bytes(MODEL)
    with fake_hub() as served:
        folder = fetch_from(served, tmp_path)
        assert [asked.sent for asked in served.asked_for("onnx/model.onnx")] == [0]
    assert (folder / "model.onnx").read_bytes() == MODEL


def test_a_server_without_ranges_sends_everything_again(tmp_path: Path) -> None:
    with fake_hub(FakeHub(cut_after=HALF, cuts=1, ranges=False)) as served:
        folder = fetch_from(served, tmp_path)
    assert (folder / "model.onnx").read_bytes() == MODEL


def test_a_server_that_accepts_and_stays_silent_is_given_up_on_in_the_time_given(tmp_path: Path) -> None:
    with fake_hub(FakeHub(silent=True)) as served:
        started = time.monotonic()
        with pytest.raises(FetchError, match="does not answer"):
            fetch_from(served, tmp_path, answer_s=0.5)
        assert time.monotonic() - started < 2


def test_a_server_that_stops_sending_is_given_up_on_in_the_time_given(tmp_path: Path) -> None:
    with fake_hub(FakeHub(cut_after=0, cuts=99, stalls=True)) as served:
        started = time.monotonic()
        with pytest.raises(FetchError, match="stopped sending half-way"):
            fetch_from(served, tmp_path, stall_s=0.5)
        assert time.monotonic() - started < 3


def test_a_refused_connection_is_told_at_once(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(FetchError, match=f"no connection to {address}: Connection refused"):
            fetch(tiny_model(), tmp_path, endpoint=f"http://{address}")
        assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("status", "sentence"), [(404, "has no such file"), (401, "has no such file"), (503, "answered with status 503")]
)
def test_a_refusal_of_the_hub_is_told_in_words(tmp_path: Path, status: int, sentence: str) -> None:
    with fake_hub(FakeHub(status=status)) as served, pytest.raises(FetchError, match=sentence):
        fetch_from(served, tmp_path)


def test_a_sign_in_page_on_the_way_is_not_taken_for_the_hub(tmp_path: Path) -> None:
    page = dict.fromkeys(FILES, b"<html>Sign in to use the Wi-Fi</html>")
    with fake_hub(FakeHub(files=page)) as served, pytest.raises(FetchError, match="instead of the hub"):
        fetch_from(served, tmp_path)
    assert installed(tiny_model(), tmp_path) is None


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with fake_hub() as served, pytest.raises(FetchError, match=r"cannot be kept in .*file"):
        fetch_from(served, in_the_way)


FETCH = """
    import sys
    from pathlib import Path
    from recognition.hub import fetch
    from tests.recognition.fake_hub import tiny_model
    print(fetch(tiny_model(), Path(sys.argv[1]), endpoint=sys.argv[2]))
"""


def test_of_two_processes_one_fetches_and_the_other_waits_for_it(tmp_path: Path) -> None:
    with fake_hub(FakeHub(seconds_before_model=1.0)) as served:
        command = [sys.executable, "-c", textwrap.dedent(FETCH), str(tmp_path), served.address]
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        printed = [process.communicate(timeout=60)[0].strip() for process in both]
        assert len(served.asked_for("onnx/model.onnx")) == 1
    assert printed == [str(tmp_path / "tiny-0123456789ab")] * 2
    assert [process.returncode for process in both] == [0, 0]


def test_who_waits_for_another_process_hears_how_far_that_one_is(tmp_path: Path) -> None:
    partial = tmp_path / ".tiny-0123456789ab.partial"
    partial.mkdir()
    (partial / "model.onnx").write_bytes(MODEL[:1000])
    heard: Queue[tuple[int, int]] = Queue()
    others = FileLock(tmp_path / ".tiny-0123456789ab.lock")
    others.acquire()
    with fake_hub() as served, ThreadPoolExecutor() as pool:
        options = {"endpoint": served.address, "progress": lambda done, total: heard.put((done, total))}
        waiting = pool.submit(fetch, tiny_model(), tmp_path, **options)
        assert heard.get(timeout=10) == (1000, 0)
        others.release()
        assert waiting.result(timeout=10) == installed(tiny_model(), tmp_path)


def test_importing_the_fetcher_loads_no_http_client() -> None:
    check = "import sys, recognition.hub; print(sorted({'huggingface_hub', 'httpx2'} & sys.modules.keys()))"
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_model_outside_the_list_is_named_by_address_and_hash() -> None:
    sha256 = hashlib.sha256(b"model").hexdigest()
    commit = "f" * 40
    model = hub.parse(f"Owner/Some.Model@{commit}:onnx/model_int8.onnx", sha256.upper())
    assert (model.repository, model.revision, model.file) == ("Owner/Some.Model", commit, "onnx/model_int8.onnx")
    assert model.sha256 == sha256
    assert model.folder_name == f"some.model-{sha256[:8]}-ffffffffffff"


@pytest.mark.parametrize(
    "specification",
    [
        "d-fine",
        "owner/name",
        "owner/name@main:model.onnx",
        f"owner/name@{'f' * 40}:../model.onnx",
        f"a/..@{'f' * 40}:m.onnx",
    ],
)
def test_an_address_that_pins_nothing_or_leaves_the_repository_is_refused(specification: str) -> None:
    with pytest.raises(ValueError, match=r"owner/name@commit:path/model\.onnx"):
        hub.parse(specification, "0" * 64)


def test_a_model_outside_the_list_needs_its_hash() -> None:
    with pytest.raises(ValueError, match="needs its SHA-256"):
        hub.parse(f"owner/name@{'f' * 40}:model.onnx", "")


def test_the_default_model_is_pinned_to_a_commit_and_a_hash() -> None:
    model = hub.MODELS["rtdetr-v2-r18"]
    assert len(model.revision) == 40
    assert len(model.sha256) == 64
