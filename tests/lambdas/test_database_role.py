"""The role that the portal signs in as, made through the Data API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from lambdas.database_role import making
from lambdas.database_role.handler import handle
from tests.lambdas.fake_data_api import FakeDataApi, serve
from tests.lambdas.world import Context

CLUSTER = "arn:aws:rds:eu-west-1:123456789012:cluster:imagesift"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:master"
GRANTS = [
    'GRANT rds_iam TO "imagesift"',
    'GRANT CONNECT, TEMPORARY ON DATABASE "photos" TO "imagesift"',
    'GRANT USAGE, CREATE ON SCHEMA public TO "imagesift"',
]


@pytest.fixture
def data_api(aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDataApi]:
    monkeypatch.setattr(making, "_WAIT_S", 0.01)
    for name, value in {
        "DATABASE_CLUSTER_ARN": CLUSTER,
        "DATABASE_SECRET_ARN": SECRET,
        "DATABASE_NAME": "photos",
        "DATABASE_USER": "imagesift",
    }.items():
        monkeypatch.setenv(name, value)
    with serve() as fake:
        monkeypatch.setenv("AWS_ENDPOINT_URL_RDS_DATA", fake.url)
        yield fake


def test_the_role_is_made_with_its_rights_by_the_master_user(data_api: FakeDataApi) -> None:
    assert handle({}, Context()) == {"role": "imagesift", "created": True}

    assert data_api.statements == ['CREATE ROLE "imagesift" LOGIN', *GRANTS]
    asked = {(request["resourceArn"], request["secretArn"], request["database"]) for request in data_api.requests}
    assert asked == {(CLUSTER, SECRET, "photos")}


def test_a_role_that_is_there_gets_its_rights_again(data_api: FakeDataApi) -> None:
    handle({}, Context())
    data_api.statements.clear()

    assert handle({}, Context()) == {"role": "imagesift", "created": False}
    assert data_api.statements == GRANTS


def test_a_cluster_that_is_still_waking_up_is_waited_for(data_api: FakeDataApi) -> None:
    data_api.resuming = 5

    assert handle({}, Context())["created"]
    assert data_api.statements == ['CREATE ROLE "imagesift" LOGIN', *GRANTS]


def test_a_cluster_that_does_not_wake_up_in_time_is_an_error(data_api: FakeDataApi) -> None:
    data_api.resuming = 1000

    with pytest.raises(ClientError, match="DatabaseResumingException"):
        handle({}, Context(remaining_s=0))
    assert len(data_api.requests) == 1


def test_what_does_not_pass_by_itself_is_an_error_at_once(data_api: FakeDataApi) -> None:
    data_api.refusal = ("DatabaseErrorException", "ERROR: permission denied to create role; SQLState: 42501")

    with pytest.raises(ClientError, match="permission denied"):
        handle({}, Context())
    assert len(data_api.requests) == 1


@pytest.mark.parametrize(
    ("name", "written"), [("a b", '"a b"'), ('x"; DROP TABLE y; --', '"x""; DROP TABLE y; --"'), ("ü", '"ü"')]
)
def test_names_are_quoted_whatever_they_hold(name: str, written: str) -> None:
    assert making.quoted(name) == written


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_names_that_postgresql_cannot_hold_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        making.quoted(name)
