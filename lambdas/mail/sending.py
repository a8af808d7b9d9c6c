"""One message of the outbox: sent through SES, then taken out. What fails says why without naming anybody."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sesv2 import SESV2Client

SCHEMA: Final = "imagesift.mail/1"
FOLDER: Final = "outbox/mail/"

_ABSENT: Final = frozenset({"NoSuchKey", "404"})
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html: what stays wrong however often it is tried.
_REFUSALS: Final = frozenset(
    {
        "MessageRejected",
        "MailFromDomainNotVerifiedException",
        "AccountSuspendedException",
        "BadRequestException",
        "NotFoundException",
    }
)


class MailError(Exception):
    """A message that was not sent. Its text holds no address and nothing of the message, and may be logged."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A ready message (RFC 5322) with its envelope's addresses."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @classmethod
    def from_json(cls, document: bytes) -> Mail:
        """Read `{"schema": "imagesift.mail/1", "from": "…", "to": ["…"], "raw_base64": "…"}`. Raises MailError."""
        try:
            values: Any = json.loads(document)
            if values["schema"] != SCHEMA:
                raise MailError("the outbox holds a message of a kind that is not known here")
            raw = base64.b64decode(values["raw_base64"], validate=True)
            mail = cls(str(values["from"]), tuple(map(str, values["to"])), raw)
        except (ValueError, KeyError, TypeError) as error:
            raise MailError(f"the outbox holds a message that cannot be read ({type(error).__name__})") from None
        return mail


class Sending:
    def __init__(self, s3: S3Client, ses: SESV2Client, bucket: str) -> None:
        self._s3 = s3
        self._ses = ses
        self._bucket = bucket

    def send(self, key: str) -> bool:
        """Send what lies at `key` and delete it; False when it is gone, having been sent before. Raises MailError.

        Where the process ends in between, the message goes out twice rather than never.
        """
        document = self._document(key)
        if document is None:
            return False
        self._hand_over(Mail.from_json(document))
        self._s3.delete_object(Bucket=self._bucket, Key=key)
        return True

    def _document(self, key: str) -> bytes | None:
        try:
            with self._s3.get_object(Bucket=self._bucket, Key=key)["Body"] as body:
                return body.read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise

    def _hand_over(self, mail: Mail) -> None:
        try:
            self._ses.send_email(
                FromEmailAddress=mail.sender,
                Destination={"ToAddresses": list(mail.recipients)},
                Content={"Raw": {"Data": mail.raw}},
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            verdict = "refuses this message for good" if code in _REFUSALS else "does not take this message now"
            # SES's own words name the addresses, so they end here.
            raise MailError(f"Amazon SES {verdict}: {code}") from None
