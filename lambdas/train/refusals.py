"""SageMaker's refusals as sentences for whoever asked; everything else is to be tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_WRONG: Final = frozenset({"ValidationException", "ValidationError", "ResourceNotFound", "ConflictException"})


class Refused(Exception):
    """What was asked for will not be done, however often it is tried; its text is for a person."""


def explained(error: ClientError, instance: str) -> Exception:
    """Refused, or the error itself where trying again may help."""
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code == "ResourceLimitExceeded":
        return Refused(
            f"AWS lets this account use no more instances of {instance} for training than it does now. Ask for more "
            "under Service Quotas (SageMaker, “for training job usage” or “for spot training job usage”), or name "
            f"another type in the stack’s trainingInstanceType. {_quoted(message)}"
        )
    if code in _DENIED:
        return Refused(f"AWS does not let the stack do this: its roles may have been changed. {_quoted(message)}")
    if code in _WRONG:
        about = "the role of training jobs" if "role" in message.lower() else "what was asked for"
        return Refused(f"SageMaker does not accept {about}. {_quoted(message)}")
    return error


def _quoted(message: str) -> str:
    return f"AWS says: “{message}”" if message else ""
