"""What SageMaker's registry keeps with a model, in the characters that it takes.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html (CustomerMetadataProperties)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_LONGEST: Final = 256
# Letters, digits, separators and _.:/=+-@ are: a comma is not.
_NOT_TAKEN: Final = re.compile(r"[^\w\s.:/=+@-]")


def taken(properties: Mapping[str, str]) -> dict[str, str]:
    """With a space in place of what is not taken, cut to the longest there may be, and without empty ones."""
    values = {name: " ".join(_NOT_TAKEN.sub(" ", value).split())[:_LONGEST] for name, value in properties.items()}
    return {name: value for name, value in values.items() if value}
