"""A bucket that nobody but this account's own policies open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.naming import Names
from infra.permissions import document, only_with_tls

_ABANDONED_UPLOAD_DAYS = 2


@dataclass(frozen=True)
class Expiry:
    """Objects below `prefix` are deleted after so many days."""

    prefix: str
    days: int


@dataclass(frozen=True, kw_only=True)
class PrivateBucketArgs:
    """`protected` keeps Pulumi from deleting the bucket, and S3 from deleting it with objects in it."""

    names: Names
    purpose: str
    expiries: Sequence[Expiry]
    protected: bool


class PrivateBucket(pulumi.ComponentResource):
    """Encrypted, reachable with TLS only, blocked for the public, owned by the account. Deleted objects are gone."""

    def __init__(self, name: str, args: PrivateBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:storage:PrivateBucket", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)
        self.bucket = aws.s3.Bucket(
            name,
            bucket=args.names.bucket(args.purpose),
            force_destroy=not args.protected,
            tags=args.names.tagged(args.purpose),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected),
        )
        self.name = self.bucket.bucket
        self.arn = self.bucket.arn
        self._close(name, inside)
        aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=self.name,
            rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
            opts=inside,
        )
        aws.s3.BucketLifecycleConfiguration(name, bucket=self.name, rules=_lifecycle(args.expiries), opts=inside)
        self.register_outputs({"bucket": self.name})

    def _close(self, name: str, inside: pulumi.ResourceOptions) -> None:
        block = aws.s3.BucketPublicAccessBlock(
            name,
            bucket=self.name,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=inside,
        )
        aws.s3.BucketOwnershipControls(
            name, bucket=self.name, rule={"object_ownership": "BucketOwnerEnforced"}, opts=inside
        )
        aws.s3.BucketPolicy(
            name,
            bucket=self.name,
            policy=document([only_with_tls("s3:*", [self.arn, pulumi.Output.concat(self.arn, "/*")])]),
            # S3 refuses two changes of a bucket's access at once.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[block]),
        )


def _lifecycle(expiries: Sequence[Expiry]) -> list[aws.s3.BucketLifecycleConfigurationRuleArgs]:
    abandoned = aws.s3.BucketLifecycleConfigurationRuleArgs(
        id="abandoned-uploads",
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
        abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
            days_after_initiation=_ABANDONED_UPLOAD_DAYS
        ),
    )
    return [abandoned, *(_expiring(each) for each in expiries)]


def _expiring(expiry: Expiry) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
    return aws.s3.BucketLifecycleConfigurationRuleArgs(
        id=f"expire-{expiry.prefix.strip('/').replace('/', '-')}",
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=expiry.prefix),
        expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=expiry.days),
    )
