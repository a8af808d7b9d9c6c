"""Every action of every function's policy is needed: without it, something that the function is for fails.

A first pass shows which piece of life uses which right. Then each right is taken away in turn, and that piece of life
lived again: AWS must refuse the function that very thing, which is what every other test here would fail by.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import scenarios, trainings
from tests.cloud.people import Person, administrator
from tests.cloud.policies import like
from tests.cloud.stack import Cloud, Denied

pytestmark = pytest.mark.slow

Step = Callable[[Cloud, Person], object]


def anew(function: str, step: Step, cloud: Cloud, person: Person) -> None:
    """The same with an instance that has just started, and its end."""
    cloud.functions.recycle(cloud.name(function))
    cloud.database.execute("DELETE FROM cache")
    step(cloud, person)
    cloud.functions.recycle(cloud.name(function))


def _with_restart(function: str, first: Step, *others: Step) -> tuple[Step, ...]:
    return (first, *others, partial(anew, function, first))


SCENARIOS: Mapping[str, tuple[Step, ...]] = {
    # An instance remembers the budgets for some seconds, so it is a new one that needs the right to read them.
    "recognize": (partial(anew, "recognize", scenarios.upload), scenarios.upload_that_is_gone),
    "dead-letters": _with_restart("dead-letters", scenarios.give_up),
    "mail": _with_restart("mail", scenarios.letter, scenarios.letter_that_is_gone),
    "webhooks": _with_restart("webhooks", scenarios.tell, scenarios.delivery_that_is_gone),
    "ingest": _with_restart(
        "ingest", scenarios.take_in, scenarios.go_on_in_a_new_month, scenarios.result_that_is_gone, scenarios.tell
    ),
    "train": _with_restart("train", trainings.train, trainings.stop_training, trainings.order_that_is_gone),
    "web": (
        scenarios.look,
        scenarios.recognize_again,
        scenarios.delete,
        scenarios.letter,
        scenarios.take_list_along,
        scenarios.take_data_along,
        scenarios.change_budget,
        partial(anew, "web", scenarios.sweep_along),
    ),
    "manage": _with_restart(
        "manage",
        scenarios.sweep,
        scenarios.replay,
        scenarios.take_data_along,
        scenarios.pack_in_vain,
        scenarios.pack_in_two_runs,
        scenarios.tell_of_what_was_lost,
    ),
    "database-role": _with_restart("database-role", scenarios.make_role_again),
}


@dataclass(frozen=True)
class Right:
    """One action in one statement of a policy."""

    statement: int
    action: str
    resources: tuple[str, ...]

    def allows(self, action: str, resource: str) -> bool:
        return action == self.action and any(like(pattern, resource) for pattern in self.resources)


def rights_of(document: dict[str, Any]) -> list[Right]:
    return [
        Right(number, action, tuple(statement["Resource"]))
        for number, statement in enumerate(document["Statement"])
        for action in statement["Action"]
    ]


def without(document: dict[str, Any], right: Right) -> dict[str, Any]:
    statements: list[dict[str, Any]] = json.loads(json.dumps(document["Statement"]))
    statements[right.statement]["Action"].remove(right.action)
    return {**document, "Statement": [statement for statement in statements if statement["Action"]]}


@pytest.fixture
def root(cloud: Cloud) -> Iterator[Person]:
    """An administrator; afterwards nothing is left of what went wrong meanwhile."""
    person = administrator(cloud, "root")
    yield person
    cloud.abandon()


def test_no_function_is_left_out(cloud: Cloud) -> None:
    deployed = {each["FunctionName"] for each in cloud.aws.client("lambda").list_functions()["Functions"]}
    assert deployed == {cloud.name(function) for function in SCENARIOS}


@pytest.mark.parametrize("function", SCENARIOS)
def test_every_single_action_of_a_function_is_needed(cloud: Cloud, root: Person, function: str) -> None:
    iam, role = cloud.aws.client("iam"), cloud.functions.deployed(cloud.name(function)).role
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    rights = rights_of(document)
    uses = steps_that_use(cloud, root, role, rights, SCENARIOS[function])
    unused = [right for right in rights if right not in uses]
    unnoticed = []
    for right, steps in uses.items():
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(without(document, right)))
        if not any(is_noticed(cloud, root, role, right, step) for step in steps):
            unnoticed.append(right)
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        cloud.abandon()
        # Whatever came of it must not stand in the way of the next.
        cloud.database.execute("DELETE FROM images_dataexport WHERE finished_at IS NULL")
    assert (unused, unnoticed) == ([], [])


def steps_that_use(
    cloud: Cloud, root: Person, role: str, rights: list[Right], steps: tuple[Step, ...]
) -> dict[Right, Step]:
    """Which steps need which right; with all of them nothing is refused."""
    found: dict[Right, list[Step]] = {}
    cloud.aws.control("uses")
    for step in steps:
        step(cloud, root)
        used = [(action, resource) for user, action, resource in cloud.aws.control("uses") if user == role]
        for right in rights:
            if any(right.allows(action, resource) for action, resource in used):
                found.setdefault(right, []).append(step)
    assert cloud.denials() == []
    return found


def is_noticed(cloud: Cloud, root: Person, role: str, right: Right, step: Step) -> bool:
    """Whether AWS refuses the role what the right is for; that, or what follows from it, fails the step."""
    cloud.impatient = True
    denied: list[tuple[str, str, str]] = []
    try:
        step(cloud, root)
    except Denied as refused:
        denied += refused.denials
    except (AssertionError, ClientError):
        pass
    denied += cloud.denials()
    return any(who == role and right.allows(action, resource) for who, action, resource in denied)
