"""Promises that resources keep together. Each rule yields the URN of a resource and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from pulumi_policy import PolicyResource

Resources = Sequence[PolicyResource]
Rule = Callable[[Resources], Iterator[tuple[str, str]]]

_BUCKET = "aws:s3/bucket:Bucket"
_QUEUE = "aws:sqs/queue:Queue"
_FUNCTION = "aws:lambda/function:Function"
# AWS asks for a visibility timeout of six times the timeout of the function that is fed.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_VISIBILITY_FACTOR = 6
_BUCKET_COMPANIONS = {
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "must block public access",
    "aws:s3/bucketPolicy:BucketPolicy": "must have a policy that denies requests without TLS",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "must be encrypted",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "must own its objects",
}


def every_bucket_is_closed(resources: Resources) -> Iterator[tuple[str, str]]:
    """A bucket has all that closes it: the block, the policy, the encryption, the ownership."""
    for bucket in _of_type(resources, _BUCKET):
        for kind, promise in _BUCKET_COMPANIONS.items():
            if bucket.props["bucket"] not in {each.props["bucket"] for each in _of_type(resources, kind)}:
                yield bucket.urn, f"the bucket {promise}"


def every_queue_is_closed(resources: Resources) -> Iterator[tuple[str, str]]:
    """A queue has a policy, which another rule wants to deny requests without TLS."""
    closed = {each.props["queueUrl"] for each in _of_type(resources, "aws:sqs/queuePolicy:QueuePolicy")}
    for queue in _of_type(resources, _QUEUE):
        if queue.props["url"] not in closed:
            yield queue.urn, "the queue must have a policy that denies requests without TLS"


def every_queue_has_dead_letters(resources: Resources) -> Iterator[tuple[str, str]]:
    """A queue gives what fails to another, unless it is that other."""
    queues = _of_type(resources, _QUEUE)
    targets = {
        json.loads(each.props["redrivePolicy"])["deadLetterTargetArn"]
        for each in queues
        if each.props.get("redrivePolicy")
    }
    for queue in queues:
        if not queue.props.get("redrivePolicy") and queue.props["arn"] not in targets:
            yield queue.urn, "the queue must have a queue for dead letters"


def messages_stay_hidden_long_enough(resources: Resources) -> Iterator[tuple[str, str]]:
    """Six times as long as the function that works on them may take."""
    queues = {each.props["arn"]: each for each in _of_type(resources, _QUEUE)}
    functions = _functions_by_name(resources)
    for feed in _of_type(resources, "aws:lambda/eventSourceMapping:EventSourceMapping"):
        queue, function = queues.get(feed.props["eventSourceArn"]), functions.get(feed.props["functionName"])
        if queue is None or function is None:
            continue
        least = _VISIBILITY_FACTOR * function.props["timeout"]
        if queue.props["visibilityTimeoutSeconds"] < least:
            yield queue.urn, f"messages must stay hidden for {least:g} seconds or more"


def every_function_has_its_log(resources: Resources) -> Iterator[tuple[str, str]]:
    """Lambda would make one that keeps everything for ever."""
    groups = {each.props["name"] for each in _of_type(resources, "aws:cloudwatch/logGroup:LogGroup")}
    for function in _of_type(resources, _FUNCTION):
        if f"/aws/lambda/{function.props['name']}" not in groups:
            yield function.urn, "the function must have a log group of its own"


def _functions_by_name(resources: Resources) -> dict[str, PolicyResource]:
    """By name and by ARN, as a mapping may use either."""
    functions = _of_type(resources, _FUNCTION)
    return {each.props[key]: each for each in functions for key in ("name", "arn")}


def _of_type(resources: Resources, kind: str) -> list[PolicyResource]:
    return [each for each in resources if each.resource_type == kind]
