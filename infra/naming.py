"""What everything of one stack is called, and the tags it carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_aws as aws


@dataclass(frozen=True)
class Names:
    """Physical names are the stack's, so that people find them and a policy can name what does not exist yet."""

    stack: str
    account: str
    region: str
    partition: str
    tags: Mapping[str, str]

    def of(self, purpose: str) -> str:
        """`dead_letters` → `imagesift-dev-dead-letters`."""
        return f"imagesift-{self.stack}-{purpose.replace('_', '-')}"

    def bucket(self, purpose: str) -> str:
        """Bucket names are one space for all accounts of the world, so the account is in them."""
        return f"{self.of(purpose)}-{self.account}"

    def tagged(self, purpose: str) -> dict[str, str]:
        """The stack's tags and the name that the console shows for things that have only an id."""
        return {**self.tags, "Name": self.of(purpose)}

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something in this stack's region and account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


def names_of(stack: str, extra_tags: Mapping[str, str]) -> Names:
    """Asks AWS whose account and which region this is."""
    return Names(
        stack=stack,
        account=aws.get_caller_identity().account_id,
        region=aws.get_region().region,
        partition=aws.get_partition().partition,
        tags={**extra_tags, "application": "imagesift", "stack": stack, "managed-by": "pulumi"},
    )
