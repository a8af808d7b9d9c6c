"""The portal and `python -m training train` together: a few steps by PyTorch, and what they leave runs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from django.core.files.storage import storages

from portal.accounts.models import User
from portal.finetuning.approving import approve
from portal.finetuning.beginning import begin_training, stop_training, try_again
from portal.finetuning.models import ModelVersion, VersionState
from portal.finetuning.progress_lines import Follower
from portal.finetuning.promoting import promote, running_folder
from portal.finetuning.training_here import watch
from portal.finetuning.workplaces import workplace
from portal.moderation.deeds import Refused
from recognition.detectors.onnx import OnnxDetector
from tests.portal.finetuning.conftest import MakeAnnotated
from tests.portal.finetuning.versions import drawn_dataset, trainer
from tests.requirements import required

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

STEPS = 12


@pytest.fixture(autouse=True)
def _torch() -> None:
    if not find_spec("torch") or not find_spec("transformers"):
        required("torch", "PyTorch is not installed")


def test_a_training_is_stopped_goes_on_and_leaves_a_model_that_runs(
    annotated: MakeAnnotated, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = trainer(owner)
    options = {"steps": STEPS, "batch": 2, "threads": 1, "checkpoint_every": 2, "validate_every": 6, "flip": False}
    wanted = ModelVersion(name="shapes", dataset=drawn_dataset(annotated), start="tiny-shapes", options=options)
    version = begin_training(wanted, actor)
    more = Follower.more

    def stop_half_way(follower: Follower) -> bool:
        changed = more(follower)
        if STEPS // 2 <= follower.progress.steps_done < STEPS:
            stop_training(version, actor)
        return changed

    monkeypatch.setattr(Follower, "more", stop_half_way)
    watch(version.pk)
    version.refresh_from_db()
    assert (version.state, version.error) == (VersionState.STOPPED, "")
    monkeypatch.setattr(Follower, "more", more)

    try_again(version, actor)
    watch(version.pk)
    version.refresh_from_db()
    assert (version.state, version.error) == (VersionState.READY, "")
    assert (version.steps_done, version.steps_total) == (STEPS, STEPS)
    assert [step for step, _ in version.curve["loss"]][-1] == STEPS
    assert version.map50 is not None
    assert not workplace(version.pk).exists()
    # Two test images prove nothing.
    assert (version.verdict["verdict"], bool(version.verdict["reasons"])) == ("refused", True)
    with pytest.raises(Refused, match="did not pass the gate"):
        approve(version, actor)

    version.approval = "approved"
    version.save()
    promote(version, actor)
    folder = running_folder()
    assert folder == Path(storages["derived"].path(f"{version.folder}/model"))
    assert OnnxDetector(folder).version == version.served_as
    assert version.served_as.startswith("shapes-v1-")

    second = begin_training(
        ModelVersion(name="shapes", dataset=version.dataset, start=str(version.pk), options={**options, "steps": 2}),
        actor,
    )
    watch(second.pk)
    second.refresh_from_db()
    assert (second.state, second.error) == (VersionState.READY, "")
    assert second.report["running"]["name"] == "shapes"
    assert second.verdict["against"] == "shapes v1"
