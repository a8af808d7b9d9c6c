"""What the functions that hold Django are told."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.address import Address
from infra.config import StackConfig
from infra.database import DATABASE_NAME, DATABASE_USER
from infra.network import POSTGRES_PORT
from infra.recognition import spending_environment
from infra.storage import Storage

# Lambda unpacks an archive here.
_ARCHIVE_ROOT = "/var/task"
_DATABASE_CERTIFICATES = f"{_ARCHIVE_ROOT}/rds-global-bundle.pem"
# RDS Proxy has its certificate from ACM, whose roots every system knows; this is where the functions' system has them.
_PROXY_CERTIFICATES = "/etc/pki/tls/certs/ca-bundle.crt"


@dataclass(frozen=True, kw_only=True)
class PortalEnvironment:
    """`database_host` is the cluster's or the proxy's."""

    config: StackConfig
    address: Address
    storage: Storage
    database_host: pulumi.Input[str]
    secret_key: pulumi.Input[str]

    def variables(self) -> dict[str, pulumi.Input[str]]:
        """By name, for the functions `ingest`, `web` and `manage`."""
        config = self.config
        return {
            **spending_environment(config),
            **_mail(config),
            "IMAGESIFT_MODE": "production",
            "RECOGNIZED_BY": "lambda",
            "SECRET_KEY": self.secret_key,
            "ALLOWED_HOSTS": self.address.host,
            "CSRF_TRUSTED_ORIGINS": self.address.origin,
            "UPLOADS_BUCKET": self.storage.uploads.name,
            "DERIVED_BUCKET": self.storage.derived.name,
            "DATABASE_HOST": self.database_host,
            "DATABASE_PORT": str(POSTGRES_PORT),
            "DATABASE_NAME": DATABASE_NAME,
            "DATABASE_USER": DATABASE_USER,
            "DATABASE_SSLMODE": "verify-full",
            "DATABASE_SSLROOTCERT": _PROXY_CERTIFICATES if config.database_proxy else _DATABASE_CERTIFICATES,
            "SIGNUP_OPEN": str(config.signup_open).lower(),
            "DETECTORS": ",".join(config.detectors),
            "RECOGNITIONS_PER_SECOND": str(config.rekognition_requests_per_second),
            "IMAGES_PER_DAY": str(config.images_per_day),
            "BYTES_PER_USER": str(config.bytes_per_user),
            "API_REQUESTS_PER_MINUTE": str(config.api_requests_per_minute),
            **({"API_CORS_ORIGINS": ",".join(config.api_cors_origins)} if config.api_cors_origins else {}),
            "STATIC_ROOT": f"{_ARCHIVE_ROOT}/static",
            "IMAGESIFT_DATA": "/tmp",  # noqa: S108 (the only folder that a function can write to)
        }


def _mail(config: StackConfig) -> dict[str, str]:
    if config.mail_from is None:
        # Nobody could follow a link that is only written to a log.
        return {
            "EMAIL_URL": "consolemail://",
            "EMAIL_VERIFICATION": "none",
            "DEFAULT_FROM_EMAIL": "ImageSift <imagesift@localhost>",
        }
    return {"EMAIL_URL": "outbox://", "EMAIL_VERIFICATION": "mandatory", "DEFAULT_FROM_EMAIL": config.mail_from}
