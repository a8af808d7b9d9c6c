"""Settings: a wrong one stops the start with an error that names it."""

from __future__ import annotations

import os
import secrets
import stat
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import checks
from portal.environment import choice, dollars, kept_secret, number, percent, price_table, rate, secret

ROOT = Path(__file__).resolve().parents[2]


def manage(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py as somebody would who has only these settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**kept, "IMAGESIFT_DATA": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def production(**changes: str) -> dict[str, str]:
    return {
        "IMAGESIFT_MODE": "production",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "ALLOWED_HOSTS": "images.example.com",
        "DATABASE_URL": "postgres://portal@localhost/portal",
        **changes,
    }


def test_a_choice_outside_its_options_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLOUR", "mauve")
    with pytest.raises(ImproperlyConfigured, match="COLOUR must be one of red, blue, not 'mauve'"):
        choice("COLOUR", ("red", "blue"), "red")


@pytest.mark.parametrize(("value", "amount"), [("", None), (" 12.50 ", Decimal("12.5")), ("0", Decimal(0))])
def test_an_amount_of_dollars_may_be_left_out(
    monkeypatch: pytest.MonkeyPatch, value: str, amount: Decimal | None
) -> None:
    monkeypatch.setenv("BUDGET", value)
    assert dollars("BUDGET") == amount


@pytest.mark.parametrize("value", ["-1", "five", "NaN", "Infinity"])
def test_an_amount_that_is_none_names_the_setting(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("BUDGET", value)
    with pytest.raises(ImproperlyConfigured, match="BUDGET must be an amount in US dollars"):
        dollars("BUDGET")


@pytest.mark.parametrize("value", ["0", "-2", "fast", "inf", "nan"])
def test_a_rate_that_is_none_names_the_setting(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PACE", value)
    with pytest.raises(ImproperlyConfigured, match="PACE must be a number above 0"):
        rate("PACE", 1.0)


def test_prices_of_ones_own_beat_those_we_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICES", '{"as_of": "2027-01-31", "micro_usd": {"rekognition": 800}}')
    table = price_table("PRICES")
    assert (table.as_of, table.micro_usd["rekognition"], table.micro_usd["rekognition-text"]) == (
        date(2027, 1, 31),
        800,
        1000,
    )


@pytest.mark.parametrize("value", ["cheap", "{}", '{"as_of": "2027-01-31", "micro_usd": {"clairvoyance": 1}}'])
def test_a_price_table_that_is_none_names_the_setting(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PRICES", value)
    with pytest.raises(ImproperlyConfigured, match="PRICES cannot be used"):
        price_table("PRICES")


@pytest.mark.parametrize(
    ("value", "complaint"),
    [("many", "SIZE must be a whole number, not 'many'"), ("0", "SIZE must be at least 1, not 0")],
)
def test_a_number_that_is_none_or_too_small_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, value: str, complaint: str
) -> None:
    monkeypatch.setenv("SIZE", value)
    with pytest.raises(ImproperlyConfigured, match=complaint):
        number("SIZE", 5, at_least=1)


def test_a_number_may_be_grouped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIZE", "50_000_000")
    assert number("SIZE", 5) == 50_000_000


@pytest.mark.parametrize("value", ["101", "-1", "half", "nan"])
def test_a_percentage_out_of_bounds_names_the_setting(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SHARE", value)
    with pytest.raises(ImproperlyConfigured, match="SHARE must be a percentage between 0 and 100"):
        percent("SHARE", 50)


@pytest.mark.parametrize("value", [None, ""])
def test_a_secret_has_no_default(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("TOKEN", value)
    with pytest.raises(ImproperlyConfigured, match="TOKEN must be set"):
        secret("TOKEN")


def test_the_laptops_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret-key"
    made = kept_secret(path)
    assert len(made) >= 50
    assert kept_secret(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_production_does_not_start_without_its_secret_key(tmp_path: Path) -> None:
    settings = production()
    del settings["SECRET_KEY"]
    done = manage(tmp_path, "check", **settings)
    assert done.returncode != 0
    assert "SECRET_KEY must be set in production" in done.stderr
    assert not (tmp_path / "secret-key").exists()


def test_a_wrong_setting_stops_the_start(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", MAX_UPLOAD_BYTES="plenty")
    assert done.returncode != 0
    assert "MAX_UPLOAD_BYTES must be a whole number, not 'plenty'" in done.stderr


def test_the_deployment_check_is_clean_with_production_settings(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **production())
    assert (done.returncode, "WARNINGS" in done.stderr) == (0, False), done.stderr


def test_the_deployment_check_refuses_sqlite(tmp_path: Path) -> None:
    settings = production(DATABASE_URL="sqlite:///portal.sqlite3")
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **settings)
    assert done.returncode != 0
    assert "imagesift.W007" in done.stderr


@pytest.mark.parametrize(
    ("check", "changes", "expected"),
    [
        (checks.check_detectors, {"DETECTORS": ("onnx", "magic")}, ["imagesift.E001"]),
        (checks.check_detectors, {"REKOGNITION_FEATURES": ("labels", "magic")}, ["imagesift.E002"]),
        (checks.check_detectors, {"DETECTORS": ()}, ["imagesift.W003"]),
        (checks.check_storages, {"UPLOADS_BUCKET": "one", "DERIVED_BUCKET": "one"}, ["imagesift.E004"]),
        (checks.check_storages, {"UPLOADS_BUCKET": "one", "DERIVED_BUCKET": ""}, ["imagesift.E005"]),
        (checks.check_storages, {"UPLOADS_BUCKET": "one", "DERIVED_BUCKET": "two"}, []),
        (checks.check_quotas, {"BYTES_PER_USER": 10, "MAX_UPLOAD_BYTES": 11}, ["imagesift.W006"]),
        (checks.check_quotas, {"BYTES_PER_USER": 10, "MAX_UPLOAD_BYTES": 10}, []),
        (checks.check_deployment, {"DEFAULT_FROM_EMAIL": "ImageSift <photos@localhost>"}, ["imagesift.I008"]),
        (checks.check_deployment, {"DEFAULT_FROM_EMAIL": "ImageSift <photos@example.com>"}, []),
    ],
)
def test_settings_that_do_not_fit_together_are_reported(
    settings: Any, monkeypatch: pytest.MonkeyPatch, check: Any, changes: dict[str, object], expected: list[str]
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    for name, value in changes.items():
        setattr(settings, name, value)
    found = check(None)
    assert [message.id for message in found] == expected
    assert all(message.hint for message in found)


def test_no_credentials_get_into_the_log_however_much_it_is_to_say(tmp_path: Path) -> None:
    ask = (
        "import boto3;"
        "boto3.client('s3', region_name='eu-west-1', endpoint_url='http://127.0.0.1:9').generate_presigned_url("
        "'get_object', Params={'Bucket': 'b', 'Key': 'k'})"
    )
    keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_SESSION_TOKEN": "the-token"}
    said = manage(tmp_path, "shell", "-c", ask, **production(LOG_LEVEL="DEBUG"), **keys)
    assert said.returncode == 0, said.stderr
    assert "the-token" not in said.stdout + said.stderr
