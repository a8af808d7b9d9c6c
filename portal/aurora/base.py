"""The database backend: PostgreSQL's, with a password that is signed anew for every connection.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.html
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base

if TYPE_CHECKING:
    from botocore.session import Session

# The longest that the database accepts.
TOKEN_SECONDS = 15 * 60


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        params["password"] = token(params["host"], params["port"], params["user"])
        return params


def token(host: str, port: int | str, user: str) -> str:
    """A password for `user` that is valid for 15 minutes. It is signed here: nobody is asked.

    Raises ImproperlyConfigured without AWS credentials or a region.
    """
    from botocore.model import ServiceId
    from botocore.signers import RequestSigner

    region, session = settings.AWS_REGION, _session()
    credentials = session.get_credentials()
    if not region:
        raise ImproperlyConfigured("AWS_REGION must be set: signing in to the database needs it.")
    if credentials is None:
        raise ImproperlyConfigured("Signing in to the database needs AWS credentials, and none were found.")
    events = session.get_component("event_emitter")
    signer = RequestSigner(ServiceId("RDS"), region, "rds-db", "v4", credentials, events)
    address = f"https://{host}:{port}/?Action=connect&DBUser={user}"
    request = {"method": "GET", "url": address, "body": {}, "headers": {}, "context": {}}
    signed: str = signer.generate_presigned_url(request, "connect", expires_in=TOKEN_SECONDS, region_name=region)
    return signed.removeprefix("https://")


@cache
def _session() -> Session:
    """One for the process: looking for credentials anew takes longer than signing. A signer does not keep its own."""
    from botocore.session import get_session

    return get_session()
