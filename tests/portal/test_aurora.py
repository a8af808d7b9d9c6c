"""Signing in to Aurora: a password signed here for every connection, and the settings that lead there."""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection

from portal import checks
from portal.aurora import base
from portal.aurora.base import DatabaseWrapper, token
from portal.waking import is_refused
from tests.portal.test_settings import ROOT

HOST, PORT, USER = "cluster.example", 5432, "imagesift"


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    settings.AWS_REGION = "eu-west-1"
    base._session.cache_clear()
    yield
    base._session.cache_clear()


def wrapper(**changes: Any) -> DatabaseWrapper:
    values = {**connection.settings_dict, "HOST": HOST, "PORT": PORT, "USER": USER, "NAME": "imagesift", "PASSWORD": ""}
    return DatabaseWrapper({**values, "OPTIONS": {}, **changes}, alias="aurora")


def test_the_password_is_the_one_that_amazons_own_library_makes(credentials: None) -> None:
    amazons = boto3.Session().client("rds", region_name="eu-west-1")
    for _ in range(50):
        ours = token(HOST, PORT, USER)
        theirs = amazons.generate_db_auth_token(HOST, PORT, USER)
        # Both carry the second in which they were made.
        if ours == theirs:
            return
    pytest.fail(f"{ours} is not {theirs}")


def test_signing_still_works_when_memory_was_tidied(credentials: None) -> None:
    token(HOST, PORT, USER)
    gc.collect()
    assert token(HOST, PORT, USER).startswith(f"{HOST}:{PORT}/?Action=connect")


def test_the_password_is_good_for_a_quarter_of_an_hour_and_for_one_user(credentials: None) -> None:
    signed = urlsplit("https://" + token(HOST, PORT, USER))
    asked = parse_qs(signed.query)
    assert (signed.hostname, signed.port) == (HOST, PORT)
    assert (asked["Action"], asked["DBUser"], asked["X-Amz-Expires"]) == (["connect"], [USER], ["900"])
    assert asked["X-Amz-Security-Token"] == ["session"]
    assert asked["X-Amz-Credential"][0].endswith("/eu-west-1/rds-db/aws4_request")


def test_every_connection_gets_a_password_of_its_own(credentials: None) -> None:
    database = wrapper()
    first = database.get_connection_params()["password"]
    time.sleep(1.1)
    assert database.get_connection_params()["password"] != first


def test_without_a_region_the_error_names_the_setting(credentials: None, settings: Any) -> None:
    settings.AWS_REGION = None
    with pytest.raises(ImproperlyConfigured, match="AWS_REGION"):
        token(HOST, PORT, USER)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs the PostgreSQL server that DATABASE_URL names")
@pytest.mark.django_db
def test_it_talks_to_a_postgresql_that_lets_it_in(credentials: None) -> None:
    known = connection.settings_dict
    database = wrapper(**{name: known[name] for name in ("HOST", "PORT", "USER", "NAME")})
    with database.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (known["USER"],)
    database.close()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs the PostgreSQL server that DATABASE_URL names")
@pytest.mark.django_db
def test_a_server_that_does_not_know_us_is_no_sleeper(credentials: None) -> None:
    known = connection.settings_dict
    stranger = wrapper(HOST=known["HOST"], PORT=known["PORT"], USER="nobody-of-that-name", NAME="postgres")
    with pytest.raises(OperationalError) as refused:
        stranger.ensure_connection()
    assert is_refused(refused.value)


@pytest.mark.django_db
@pytest.mark.parametrize("listens", [True, False])
def test_a_server_that_does_not_answer_may_be_asleep(credentials: None, listens: bool) -> None:
    """One that takes the connection and says nothing, and one that is not there."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listens:
            server.listen()
        address = {"HOST": "127.0.0.1", "PORT": server.getsockname()[1]}
        sleeper = wrapper(**address, OPTIONS={"connect_timeout": 2, "sslmode": "require", "sslrootcert": ""})
        with pytest.raises(OperationalError) as asleep:
            sleeper.ensure_connection()
    assert not is_refused(asleep.value)


READ = """
import json
from portal import settings
database = settings.DATABASES["default"]
print(json.dumps({"database": database, "static": str(settings.STATIC_ROOT), "csp": settings.CONTENT_SECURITY_POLICY}))
"""


def settings_with(**environment: str) -> dict[str, Any]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-c", READ]
    done = subprocess.run(command, cwd=ROOT, env={**kept, **environment}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def test_the_settings_lead_to_the_cluster_and_verify_it(tmp_path: Any) -> None:
    read = settings_with(
        IMAGESIFT_DATA=str(tmp_path),
        DATABASE_HOST=HOST,
        DATABASE_SSLROOTCERT="/var/task/rds-global-bundle.pem",
        DATABASE_URL="postgres://somebody@elsewhere/else",
        STATIC_ROOT="/var/task/static",
    )
    database = read["database"]
    assert (database["ENGINE"], database["HOST"], database["CONN_MAX_AGE"]) == ("portal.aurora", HOST, 0)
    assert database["OPTIONS"]["sslmode"] == "verify-full"
    assert database["OPTIONS"]["sslrootcert"] == "/var/task/rds-global-bundle.pem"
    assert "PASSWORD" not in database
    assert read["static"] == "/var/task/static"


@pytest.mark.parametrize(
    ("environment", "origins"),
    [
        ({"AWS_REGION": "eu-west-1"}, [f"https://{name}.s3.eu-west-1.amazonaws.com" for name in ("down", "up")]),
        ({"AWS_REGION": "cn-north-1"}, [f"https://{name}.s3.cn-north-1.amazonaws.com.cn" for name in ("down", "up")]),
        ({"AWS_ENDPOINT_URL": "http://localhost:5000"}, ["http://localhost:5000"]),
    ],
)
def test_pages_may_reach_the_buckets_and_nothing_else(
    tmp_path: Any, environment: dict[str, str], origins: list[str]
) -> None:
    buckets = {"UPLOADS_BUCKET": "up", "DERIVED_BUCKET": "down", **environment}
    read = settings_with(IMAGESIFT_DATA=str(tmp_path), RECOGNIZED_BY="lambda", **buckets)
    policy = read["csp"]["DIRECTIVES"]
    assert policy["connect-src"] == policy["form-action"] == ["'self'", *origins]
    assert policy["img-src"] == ["'self'", "blob:", "data:", *origins]
    assert policy["script-src"] == ["'self'"]
    between = settings_with(IMAGESIFT_DATA=str(tmp_path), **buckets)["csp"]["DIRECTIVES"]
    assert between["connect-src"] == ["'self'"]


@pytest.mark.parametrize(
    ("check", "changes", "expected"),
    [
        (checks.check_lambda, {"RECOGNIZED_BY": "worker"}, []),
        (checks.check_lambda, {}, []),
        (checks.check_lambda, {"UPLOADS_BUCKET": ""}, ["imagesift.E020"]),
        (checks.check_lambda, {"AWS_REGION": None}, ["imagesift.E021"]),
        (checks.check_lambda, {"DETECTORS": ("rekognition", "onnx")}, ["imagesift.E022"]),
        (checks.check_database, {"DATABASE_HOST": ""}, []),
        (checks.check_database, {"AWS_REGION": None}, ["imagesift.E023"]),
        (checks.check_database, {"CERTIFICATES": "/nowhere.pem"}, ["imagesift.E024"]),
        (checks.check_database, {"CERTIFICATES": __file__}, []),
    ],
)
def test_settings_of_aws_that_do_not_fit_together_are_reported(
    settings: Any, monkeypatch: pytest.MonkeyPatch, check: Any, changes: dict[str, Any], expected: list[str]
) -> None:
    values: dict[str, Any] = {
        "RECOGNIZED_BY": "lambda",
        "UPLOADS_BUCKET": "up",
        "DERIVED_BUCKET": "down",
        "AWS_REGION": "eu-west-1",
        "DETECTORS": ("rekognition", "sagemaker"),
        "DATABASE_HOST": HOST,
        **changes,
    }
    options = {"sslmode": "verify-full", "sslrootcert": values.pop("CERTIFICATES", "")}
    monkeypatch.setitem(settings.DATABASES["default"], "OPTIONS", options)
    for name, value in values.items():
        setattr(settings, name, value)
    found = check(None)
    assert [message.id for message in found] == expected
    assert all(message.hint for message in found)
