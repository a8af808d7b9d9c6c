"""People at the portal: sessions that reach it under its real name, with cookies, forms and uploads of their own."""

from __future__ import annotations

import hashlib
import re
from email import message_from_string
from email.policy import default
from html import unescape
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from tests.cloud.stack import Cloud

PASSWORD = "a long enough passphrase"


class _Loopback(HTTPAdapter):
    """Sends what is for the portal's host to the port that its HTTP API is served at."""

    def __init__(self, cloud: Cloud) -> None:
        self._host = cloud.api.host
        self._port = cloud.api.port
        self._certificate = str(cloud.folder / "certificate.pem")
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, assert_hostname=self._host, server_hostname=self._host)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        address = request.url or ""
        request.headers["Host"] = self._host
        request.url = address.replace(f"https://{self._host}", f"https://127.0.0.1:{self._port}", 1)
        answer = super().send(request, **{**options, "verify": self._certificate})
        # Not for where a redirect leads.
        del request.headers["Host"]
        request.url = answer.url = address
        return answer


class Person(requests.Session):
    """A browser without pictures: `name` is who is signed in."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        super().__init__()
        self.cloud, self.name = cloud, name
        self.origin = cloud.outputs["portal_url"]
        self.mount(self.origin, _Loopback(cloud))

    def open(self, path: str) -> requests.Response:
        """A page of the portal, which must be there."""
        answer = self.get(f"{self.origin}{path}", timeout=60)
        self.cloud.hurry()
        assert answer.ok, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer

    def submit(self, path: str, fields: dict[str, Any] | None = None, **options: Any) -> requests.Response:
        """Post a form, or JSON, with what a page sends besides."""
        headers = {"Referer": f"{self.origin}{path}", "Origin": self.origin, "X-CSRFToken": self._token()}
        answer = self.post(f"{self.origin}{path}", data=fields, headers=headers, timeout=60, **options)
        self.cloud.hurry()
        return answer

    def sign_up(self) -> None:
        """Make an account and follow the link in the mail."""
        self.open("/accounts/signup/")
        fields = {"username": self.name, "email": f"{self.name}@example.org", "password1": PASSWORD}
        answer = self.submit("/accounts/signup/", fields)
        assert answer.ok, answer.text[:2000]
        self.cloud.settle()
        path = confirmation_link(self.cloud, f"{self.name}@example.org").removeprefix(self.origin)
        self.open(path)
        assert self.submit(path).ok
        self.sign_in()

    def sign_in(self) -> None:
        self.open("/accounts/login/")
        answer = self.submit("/accounts/login/", {"login": self.name, "password": PASSWORD})
        assert answer.ok, answer.text[:2000]
        assert self.open("/history/").url.endswith("/history/")

    def announce(self, content: bytes, filename: str = "photo.jpg", **more: Any) -> dict[str, Any]:
        """Say that a file is coming; the answer holds the form to send it by."""
        document = {"filename": filename, "content_type": "image/jpeg", "size": len(content), **more}
        answer = self.submit("/uploads/", json=document)
        assert answer.ok, answer.text[:2000]
        started: dict[str, Any] = answer.json()
        return started

    def upload(self, content: bytes, filename: str = "photo.jpg") -> str:
        """Send a photo as the page does; returns the image's id."""
        started = self.announce(content, filename, sha256=hashlib.sha256(content).hexdigest())
        sent = send_form(started["upload"], content)
        assert sent.status_code == 204, sent.text
        told = self.submit(started["arrived_url"])
        assert told.ok, told.text[:1000]
        identity: str = started["id"]
        return identity

    def take_data_along(self) -> bytes:
        """The archive of the person's data: asked for, made by another function, and fetched from S3."""
        assert self.submit("/account/data/").ok
        self.cloud.settle(30)
        found = re.search(r'href="(/account/data/[^"]+)" download', self.open("/account/").text)
        assert found is not None
        return self.open(found.group(1)).content

    def set_budget(self, dollars: str) -> None:
        """As an administrator: what everybody together may spend in a month, from now on."""
        listed = self.open("/admin/images/budget/").text
        existing = re.search(r"/admin/images/budget/(\d+)/change/", listed)
        path = f"/admin/images/budget/{existing.group(1)}/change/" if existing else "/admin/images/budget/add/"
        self.open(path)
        answer = self.submit(path, {"owner": "", "monthly_usd": dollars, "_save": "Save"})
        assert answer.ok, answer.text[:1000]
        assert answer.url.endswith("/admin/images/budget/"), answer.text[:3000]

    def add_webhook(self, url: str) -> str:
        """Register an address that is to hear of every image; returns its secret."""
        self.open("/account/webhooks/add/")
        fields = {"url": url, "events": ["image.recognized", "image.failed"]}
        answer = self.submit("/account/webhooks/add/", fields)
        assert answer.ok, answer.text[:2000]
        found = re.search(r"whsec_[A-Za-z0-9+/=]+", unescape(answer.text))
        assert found is not None, answer.text[:3000]
        return found.group()

    def _token(self) -> str:
        token = next((cookie.value for cookie in self.cookies if "csrftoken" in cookie.name), "")
        return token or ""


def administrator(cloud: Cloud, name: str) -> Person:
    """An administrator, made as the deployment's last step says, and signed in."""
    person = Person(cloud, name)
    if not cloud.database.rows("SELECT 1 FROM accounts_user WHERE username = %s", name):
        arguments = ("--username", name, "--email", f"{name}@example.org")
        cloud.manage("createsuperuser", *arguments, environment={"DJANGO_SUPERUSER_PASSWORD": PASSWORD})
    person.sign_in()
    return person


def send_form(upload: dict[str, Any], content: bytes, **changes: str) -> requests.Response:
    """POST a file straight to S3 with the form's fields, some of them changed."""
    fields = {**upload["fields"], **changes}
    # The order of a form's parts matters: S3 ignores what comes after the file.
    parts = [(name, (None, value)) for name, value in fields.items()]
    return requests.post(upload["url"], files=[*parts, (upload["file_field"], ("photo.jpg", content))], timeout=60)


def confirmation_link(cloud: Cloud, address: str) -> str:
    """The link in the only letter that a new person has been sent."""
    (letter,) = letters_to(cloud, address)
    link = re.search(r"https://\S+/accounts/confirm-email/\S+/", letter)
    assert link is not None, letter
    return link.group(0)


def letters_to(cloud: Cloud, address: str) -> list[str]:
    """The texts of what SES has sent to an address."""
    letters = [letter["text"] for letter in cloud.aws.control("letters") if address in letter["to"]]
    return [_text(message_from_string(letter, policy=default)) for letter in letters]


def _text(letter: Any) -> str:
    body: str = letter.get_body(("plain",)).get_content()
    return body
