"""The two buckets: what people upload, and what is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.naming import Names
from infra.private_bucket import Expiry, PrivateBucket, PrivateBucketArgs

_EXPORT_DAYS = 7
_OUTBOX_DAYS = 14
_PREFLIGHT_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class StorageArgs:
    """`portal_origin` is the portal's address without a path; its pages send photos straight to the uploads.

    So do pages of `api_cors_origins`, which use the portal's API.
    """

    names: Names
    portal_origin: pulumi.Input[str]
    api_cors_origins: Sequence[str]
    uploads_retention_days: int | None
    protected: bool


class Storage(pulumi.ComponentResource):
    """`uploads` holds originals and imports; `derived` results, previews, exports, settings and the outbox."""

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:storage:Storage", name, None, opts)
        self._args = args
        self._inside = pulumi.ResourceOptions(parent=self)
        days = args.uploads_retention_days
        self.uploads = self._make("uploads", [] if days is None else [Expiry("uploads/", days)])
        self.derived = self._make("derived", [Expiry("exports/", _EXPORT_DAYS), Expiry("outbox/", _OUTBOX_DAYS)])
        self._admit_pages()
        self.register_outputs({})

    def _make(self, purpose: str, expiries: Sequence[Expiry]) -> PrivateBucket:
        return PrivateBucket(
            purpose,
            PrivateBucketArgs(
                names=self._args.names, purpose=purpose, expiries=expiries, protected=self._args.protected
            ),
            self._inside,
        )

    def _admit_pages(self) -> None:
        """Browsers ask the bucket first whether a page may send it something."""
        aws.s3.BucketCorsConfiguration(
            "uploads",
            bucket=self.uploads.name,
            cors_rules=[
                {
                    "allowed_methods": ["POST", "GET", "HEAD"],
                    "allowed_origins": [self._args.portal_origin, *self._args.api_cors_origins],
                    "allowed_headers": ["content-type"],
                    "max_age_seconds": _PREFLIGHT_SECONDS,
                }
            ],
            opts=self._inside,
        )
