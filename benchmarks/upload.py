"""Seconds from sending a photo to its labels, through the running portal, as a signed-in person would wait."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import requests

from benchmarks.photos import distinct_jpegs

CREATE_PERSON = """
from django.contrib.sessions.backends.db import SessionStore
from portal.accounts.models import User
user = User.objects.create_user("benchmark", "benchmark@example.com")
session = SessionStore()
session.update({"_auth_user_id": str(user.pk), "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
                "_auth_user_hash": user.get_session_auth_hash()})
session.save()
print(session.session_key)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--images", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        environment = {**os.environ, "IMAGESIFT_DATA": data, "LOG_LEVEL": "ERROR"}
        manage = [sys.executable, "manage.py"]
        subprocess.run([*manage, "prepare"], check=True, env=environment, stdout=subprocess.DEVNULL)
        made = subprocess.run(
            [*manage, "shell", "--verbosity=0", "--command", CREATE_PERSON],
            check=True,
            env=environment,
            capture_output=True,
            text=True,
        )
        server = subprocess.Popen(
            [*manage, "serve", "--port", str(options.port)], env=environment, stdout=subprocess.DEVNULL
        )
        try:
            waits = measure(f"http://127.0.0.1:{options.port}", made.stdout.strip(), options.images)
        finally:
            server.terminate()
            server.wait()
    print(json.dumps({"median_seconds": round(statistics.median(waits), 2), "slowest": round(max(waits), 2)}))


def measure(url: str, session_key: str, count: int) -> list[float]:
    browser = requests.Session()
    browser.cookies.set("sessionid", session_key)
    while not ready(url):
        time.sleep(0.2)
    browser.get(f"{url}/upload/").raise_for_status()
    time.sleep(10)  # until the worker has loaded its models: a portal that has just started is measured elsewhere
    return [seconds_to_labels(browser, url, content) for content in distinct_jpegs(count)]


def ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=5).ok
    except requests.ConnectionError:
        return False


def seconds_to_labels(browser: requests.Session, url: str, content: bytes) -> float:
    started = time.monotonic()
    token = browser.cookies["csrftoken"]
    file = {"filename": "a.jpg", "content_type": "image/jpeg", "size": len(content)}
    announced = browser.post(f"{url}/uploads/", json=file, headers={"X-CSRFToken": token})
    announced.raise_for_status()
    upload = announced.json()["upload"]
    browser.post(url + upload["url"], data=upload["fields"], files={upload["file_field"]: content}).raise_for_status()
    while True:
        answer = browser.get(f"{url}/history/updates/", params={"ids": announced.json()["id"], "format": "json"})
        if answer.json()["images"][0]["status"] in ("recognized", "failed"):
            return time.monotonic() - started
        time.sleep(0.05)


if __name__ == "__main__":
    main()
