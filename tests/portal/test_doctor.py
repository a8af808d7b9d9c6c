"""Each line of `manage.py doctor` is fine, a note, or says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from portal.doctor.account import Account, asked, check_credentials
from portal.doctor.consents import check_mail, check_opt_out
from portal.doctor.findings import Finding, State
from portal.doctor.machine import check_pulumi, check_tools
from portal.doctor.quotas import check_concurrency, check_rate, check_region
from portal.doctor.runtime import check_runtime
from portal.doctor.stack import Stack, StackFileError, read
from tests.certificates import authorities
from tests.portal.fake_account import FakeAccount, opt_out_policy, quotas, refusal, served_account

Check = Callable[[Account, Stack], Finding]
MAILING = Stack(sends_mail=True)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAccount]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with served_account() as account:
        monkeypatch.setenv("AWS_ENDPOINT_URL", account.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield account


def _found(check: Check, stack: Stack | None = None, region: str = "eu-west-1") -> tuple[State, str]:
    stack = stack or Stack()
    finding = asked("subject", check, Account(stack, region), stack)
    return finding.state, finding.sentence


def test_credentials_that_aws_knows_are_named(aws: FakeAccount) -> None:
    assert _found(check_credentials) == (State.FINE, "account 123456789012 as arn:aws:iam::123456789012:user/ada")


def test_without_credentials_it_says_how_to_sign_in(aws: FakeAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    state, sentence = _found(check_credentials)
    assert state is State.TO_DO
    assert "aws configure" in sentence


@pytest.mark.parametrize(
    ("region", "state"), [("eu-west-1", State.FINE), ("af-south-1", State.TO_DO)], ids=["offered", "not offered"]
)
def test_a_region_without_rekognition_is_told_before_anything_is_created(
    aws: FakeAccount, monkeypatch: pytest.MonkeyPatch, region: str, state: State
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", "http://127.0.0.1:9")
    assert _found(check_region, region=region)[0] is state


def test_a_region_that_boto3_does_not_know_yet_is_asked_itself(aws: FakeAccount) -> None:
    aws.answers["ListCollections"] = refusal("AccessDeniedException")
    assert _found(check_region, region="af-south-1") == (State.FINE, "af-south-1 answers")


def test_a_quota_of_the_configured_rate_is_fine(aws: FakeAccount) -> None:
    state, sentence = _found(check_rate, Stack(requests_per_second=50))
    assert (state, sentence) == (State.FINE, "DetectLabels may be called 50 times a second")


def test_the_smallest_quota_among_what_an_image_costs_counts(aws: FakeAccount) -> None:
    aws.answers["ListServiceQuotas"] = quotas(DetectLabels=50, DetectText=4, DetectFaces=1)
    state, sentence = _found(check_rate, Stack(requests_per_second=5))
    assert state is State.TO_DO
    assert "DetectText may be called 4 times" in sentence
    assert "pulumi config set imagesift:rekognitionRequestsPerSecond 4" in sentence


def test_a_feature_that_is_off_needs_no_quota(aws: FakeAccount) -> None:
    aws.answers["ListServiceQuotas"] = quotas(DetectLabels=50, DetectText=4)
    assert _found(check_rate, Stack(features=("labels", "properties")))[0] is State.FINE


def test_a_quota_above_the_rate_says_that_the_rate_may_be_raised(aws: FakeAccount) -> None:
    state, sentence = _found(check_rate, Stack(requests_per_second=5))
    assert state is State.FINE
    assert "50 times a second (imagesift:rekognitionRequestsPerSecond may be raised to it)" in sentence


def test_a_new_account_is_told_to_ask_for_more_concurrency(aws: FakeAccount) -> None:
    aws.answers["GetAccountSettings"] = {"AccountLimit": {"ConcurrentExecutions": 10}}
    state, sentence = _found(check_concurrency)
    assert state is State.TO_DO
    assert "10 functions may run at once and the stack wants 25" in sentence


@pytest.mark.parametrize(
    ("limit", "reserved", "state"), [(25, 0, State.FINE), (149, 50, State.TO_DO), (150, 50, State.FINE)]
)
def test_what_is_reserved_for_pages_leaves_what_aws_insists_on(
    aws: FakeAccount, limit: int, reserved: int, state: State
) -> None:
    aws.answers["GetAccountSettings"] = {"AccountLimit": {"ConcurrentExecutions": limit}}
    assert _found(check_concurrency, Stack(reserved_for_pages=reserved))[0] is state


@pytest.mark.parametrize(
    ("production", "sending", "state", "says"),
    [
        (True, True, State.FINE, "delivers to everybody"),
        (False, True, State.TO_DO, "sandbox"),
        (True, False, State.TO_DO, "paused"),
    ],
)
def test_mail_that_would_not_arrive_is_told(
    aws: FakeAccount, production: bool, sending: bool, state: State, says: str
) -> None:
    aws.answers["GetAccount"] = {"ProductionAccessEnabled": production, "SendingEnabled": sending}
    found = _found(check_mail, MAILING)
    assert found[0] is state
    assert says in found[1]


def test_a_stack_that_sends_no_mail_does_not_ask_ses(aws: FakeAccount) -> None:
    aws.answers["GetAccount"] = {"ProductionAccessEnabled": False, "SendingEnabled": True}
    assert _found(check_mail)[0] is State.FINE


@pytest.mark.parametrize(
    ("answer", "state", "says"),
    [
        (opt_out_policy(default="optOut"), State.FINE, "opted out"),
        (opt_out_policy(default="optIn", rekognition="optOut"), State.FINE, "opted out"),
        (opt_out_policy(default="optOut", rekognition="optIn"), State.NOTE, "does not opt out"),
        (refusal("AWSOrganizationsNotInUseException"), State.NOTE, "in no organisation"),
        (refusal("EffectivePolicyNotFoundException"), State.NOTE, "no policy against it"),
        (refusal("AccessDeniedException"), State.NOTE, "may not use DescribeEffectivePolicy"),
    ],
)
def test_what_amazon_may_do_with_photos_is_told_and_never_stops_anybody(
    aws: FakeAccount, answer: object, state: State, says: str
) -> None:
    aws.answers["DescribeEffectivePolicy"] = answer
    found = _found(check_opt_out)
    assert found[0] is state
    assert says in found[1]


def test_what_cannot_be_asked_is_a_note(aws: FakeAccount) -> None:
    aws.answers["ListServiceQuotas"] = refusal("ServiceException")
    state, sentence = _found(check_rate)
    assert state is State.NOTE
    assert "ServiceException" in sentence


@pytest.mark.parametrize(
    ("today", "state"),
    [(date(2026, 11, 22), State.FINE), (date(2029, 3, 1), State.TO_DO), (date(2029, 9, 1), State.TO_DO)],
)
def test_a_runtime_that_ends_soon_is_to_do(today: date, state: State) -> None:
    assert check_runtime(today).state is state


def test_pulumi_is_looked_for_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert check_pulumi().state is State.TO_DO
    (tmp_path / "pulumi").touch(mode=0o755)
    assert check_pulumi().state is State.FINE


def test_the_builder_of_the_archives_says_what_it_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMAGESIFT_RDS_TRUSTSTORE", str(tmp_path / "missing.pem"))
    found = {finding.subject: finding for finding in check_tools(settings.BASE_DIR)}
    assert list(found) == ["uv", "Python 3.13", "certificates of Aurora"]
    assert found["uv"].state is State.FINE
    assert found["certificates of Aurora"].state is State.TO_DO
    assert "missing.pem" in found["certificates of Aurora"].sentence


def test_outside_the_repository_the_tools_are_to_do(tmp_path: Path) -> None:
    assert [finding.state for finding in check_tools(tmp_path)] == [State.TO_DO]


def test_the_stack_is_read_as_pulumi_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text(
        "config:\n"
        "  aws:region: eu-central-1\n"
        "  aws:profile: photos\n"
        '  imagesift:rekognitionRequestsPerSecond: "12.5"\n'
        "  imagesift:rekognitionFeatures: labels,text\n"
        '  imagesift:webConcurrency: "20"\n'
        "  imagesift:mailFrom: ImageSift <photos@example.com>\n"
    )
    assert read(file) == Stack(
        region="eu-central-1",
        profile="photos",
        requests_per_second=12.5,
        features=("labels", "text"),
        recognized_at_once=12,
        reserved_for_pages=20,
        sends_mail=True,
    )


@pytest.mark.parametrize(
    "features", ['["labels","text"]', "[labels, text]", "\n    - labels\n    - text", "labels, text"]
)
def test_features_are_read_as_a_list_or_as_a_text(tmp_path: Path, features: str) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(f"config:\n  imagesift:rekognitionFeatures: {features}\n")
    assert read(file).operations == ("DetectLabels", "DetectText")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("config: [", "cannot be read"),
        ("just words", "holds no `config:`"),
        ("config:\n  imagesift:rekognitionRequestsPerSecond: fast\n", "imagesift:rekognitionRequestsPerSecond"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(text)
    with pytest.raises(StackFileError, match=says):
        read(file)


def _doctor(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "doctor", *arguments]
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env=os.environ | environment, capture_output=True, text=True, check=False
    )


def test_the_command_answers_1_when_something_is_to_be_done_and_0_when_nothing_is(
    aws: FakeAccount, tmp_path: Path
) -> None:
    certificates = tmp_path / "certificates.pem"
    certificates.write_bytes(authorities(1))
    (tmp_path / "pulumi").touch(mode=0o755)
    stack = tmp_path / "Pulumi.dev.yaml"
    stack.write_text('config:\n  aws:region: eu-west-1\n  imagesift:rekognitionRequestsPerSecond: "5"\n')
    environment = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "IMAGESIFT_RDS_TRUSTSTORE": str(certificates),
        # Nothing of the portal's own is needed: neither a data directory nor its database.
        "IMAGESIFT_MODE": "production",
        "SECRET_KEY": "x" * 50,
    }
    good = _doctor("--stack-config", str(stack), **environment)
    assert (good.returncode, good.stderr) == (0, ""), good.stdout
    # The one thing that the stack also does without.
    told = [line for line in good.stdout.splitlines() if not line.startswith("note   Python 3.13:")]
    assert all(line.startswith("fine ") for line in told), good.stdout

    aws.answers["GetAccountSettings"] = {"AccountLimit": {"ConcurrentExecutions": 10}}
    bad = _doctor("--stack-config", str(stack), **environment)
    assert bad.returncode == 1
    assert "to do  Lambda concurrency:" in bad.stdout
    assert "1 to do before `pulumi up`" in bad.stderr


def test_the_command_names_a_stack_file_that_is_not_there() -> None:
    with pytest.raises(CommandError, match=r"Pulumi\.none\.yaml cannot be read"):
        call_command("doctor", stack_config=Path("Pulumi.none.yaml"))


def test_the_region_of_the_command_line_beats_the_stacks(aws: FakeAccount) -> None:
    assert Account(Stack(region="eu-west-1"), "us-east-1").region == "us-east-1"
    assert Account(Stack(region="eu-west-1")).region == "eu-west-1"
