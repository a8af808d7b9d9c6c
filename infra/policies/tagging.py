"""Which types of resources take tags: those whose class in Pulumi's library does."""

from __future__ import annotations

import importlib
import inspect
from functools import cache


@cache
def takes_tags(kind: str) -> bool:
    """For a type as Pulumi writes it, such as `aws:sqs/queue:Queue`; False for what is not AWS's."""
    package, path, name = kind.split(":")
    if package != "aws":
        return False
    module = path.split("/")[0].replace("lambda", "lambda_")
    arguments = getattr(importlib.import_module(f"pulumi_aws.{module}"), f"{name}Args")
    return "tags" in inspect.signature(arguments.__init__).parameters
