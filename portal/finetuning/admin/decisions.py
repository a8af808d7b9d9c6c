"""What may be decided on a model version, in the words of the page, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from portal.accounts.models import User
from portal.finetuning import approving, beginning, promoting
from portal.finetuning.deciding import APPROVE, PROMOTE, TRAIN
from portal.finetuning.models import Approval, ModelVersion, Place, VersionState
from portal.images.workers import by_lambda


@dataclass(frozen=True, slots=True)
class Decision:
    """`title` names the button, `words` say what will happen; `do` does it and returns what happened, in words."""

    name: str
    permission: str
    fits: Callable[[ModelVersion], bool]
    title: Callable[[ModelVersion], str]
    words: Callable[[ModelVersion], str]
    do: Callable[[ModelVersion, User], str]


def offered(version: ModelVersion, user: User) -> list[tuple[str, str]]:
    """Names and titles of what this person may decide on it now."""
    return [
        (name, decision.title(version))
        for name, decision in DECISIONS.items()
        if user.has_perm(decision.permission) and decision.fits(version)
    ]


def _stop(version: ModelVersion, actor: User) -> str:
    beginning.stop_training(version, actor)
    return f"{version} stops as soon as it has written down how far it is."


def _again(version: ModelVersion, actor: User) -> str:
    beginning.try_again(version, actor)
    return f"{version} goes on from where it was."


def _register(version: ModelVersion, actor: User) -> str:
    beginning.register_again(version, actor)
    return f"SageMaker’s registry is asked for {version} once more."


def _approve(version: ModelVersion, actor: User) -> str:
    approving.approve(version, actor)
    return f"{version} is approved: it may be promoted."


def _reject(version: ModelVersion, actor: User) -> str:
    approving.reject(version, actor)
    return f"{version} is rejected: it will not run."


def _promote(version: ModelVersion, actor: User) -> str:
    promoting.promote(version, actor)
    if by_lambda():
        return f"{version} is chosen. It runs when the stack is updated with the two lines below."
    return f"{version} looks at every photo from the next one on."


def _roll_back(version: ModelVersion, actor: User) -> str:
    promoting.roll_back(actor, of=version)
    before = promoting.running()
    return f"{before} runs again." if before else "No model of your own runs any more."


def _words_of_rolling_back(version: ModelVersion) -> str:
    before = promoting.previous()
    then = f"{before} runs again" if before else "no model of your own runs then"
    return f"{version} ends with the next photo; {then}. Nothing else changes."


def _words_of_promoting(version: ModelVersion) -> str:
    running = promoting.running()
    instead = f"instead of {running}" if running and running != version else "beside the other detectors"
    if by_lambda():
        return f"{version} is noted as the model to run {instead}. The page then shows the two lines that roll it out."
    return f"From the next photo on, {version} looks at every photo {instead}. Earlier results stay as they are."


DECISIONS: Final[Mapping[str, Decision]] = {
    decision.name: decision
    for decision in (
        Decision(
            "stop",
            TRAIN,
            lambda version: version.is_active and not version.stop_requested,
            lambda _version: "Stop",
            lambda version: f"The training of {version} ends. What it has learnt is kept: it can go on later.",
            _stop,
        ),
        Decision(
            "again",
            TRAIN,
            lambda version: version.state in (VersionState.FAILED, VersionState.STOPPED),
            lambda _version: "Go on with the training",
            lambda version: f"The training of {version} goes on from where it was.",
            _again,
        ),
        Decision(
            "register",
            TRAIN,
            lambda version: version.is_ready and version.place == Place.SAGEMAKER and not version.package_arn,
            lambda _version: "Register again",
            lambda version: f"SageMaker’s registry is asked to take {version} in. Asked twice, it has it once.",
            _register,
        ),
        Decision(
            "approve",
            APPROVE,
            lambda version: version.is_ready and version.has_passed and version.approval != Approval.APPROVED,
            lambda _version: "Approve",
            lambda version: f"{version} may be promoted then. It does not run yet.",
            _approve,
        ),
        Decision(
            "reject",
            APPROVE,
            lambda version: (
                version.is_ready and version.approval != Approval.REJECTED and promoting.running() != version
            ),
            lambda _version: "Reject",
            lambda version: f"{version} cannot be promoted then. You can still change your mind.",
            _reject,
        ),
        Decision(
            "promote",
            PROMOTE,
            lambda version: (
                version.is_ready and version.approval == Approval.APPROVED and promoting.running() != version
            ),
            lambda _version: "Promote",
            _words_of_promoting,
            _promote,
        ),
        Decision(
            "roll-back",
            PROMOTE,
            lambda version: promoting.running() == version and promoting.can_roll_back(),
            lambda _version: "Roll back",
            _words_of_rolling_back,
            _roll_back,
        ),
    )
}


def rollout(version: ModelVersion) -> tuple[str, ...]:
    """The lines that have a stack on AWS serve it; none where there is nothing to roll out."""
    if version.place != Place.SAGEMAKER or not version.package_arn:
        return ()
    return (f"pulumi config set imagesift:modelPackageArn {version.package_arn}", "pulumi up")
