"""The stack's buckets, queues and table in moto, a Rekognition that counts, and what Lambda does around a handler."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

from PIL import Image

from lambdas.clients import Clients
from lambdas.places import ImagePlace
from recognition.result import Result
from tests.recognition.fake_rekognition import FakeRekognition

UPLOADS, DERIVED, LEDGER = "uploads", "derived", "ledger"
MAX_RECEIVES = 3
REGION = "eu-west-1"


class Context:
    """What Lambda hands to a handler; `remaining_s` of the function's time are left."""

    function_name = "imagesift-test"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:imagesift-test"
    aws_request_id = "a-request"

    def __init__(self, remaining_s: float = 60) -> None:
        self._remaining_s = remaining_s

    def get_remaining_time_in_millis(self) -> int:
        return int(self._remaining_s * 1000)


def picture(seed: int = 0, size: tuple[int, int] = (120, 90), kind: str = "JPEG") -> bytes:
    """A picture of a colour of its own for each seed."""
    content = BytesIO()
    color = tuple(random.Random(seed).randbytes(3))
    Image.new("RGB", size, color).save(content, kind)
    return content.getvalue()


class World:
    def __init__(self, rekognition: FakeRekognition) -> None:
        self.rekognition = rekognition
        self.clients = Clients()
        self.recognize_queue, self.dead_queue = self._queue_with_dead_letters("recognize")
        self.ingest_queue = self.make_queue("ingest")
        for bucket in (UPLOADS, DERIVED):
            self.clients.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.notify(UPLOADS, "uploads/", self.recognize_queue)
        self.clients.dynamodb.create_table(
            TableName=LEDGER,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    @property
    def environment(self) -> dict[str, str]:
        return {
            "UPLOADS_BUCKET": UPLOADS,
            "DERIVED_BUCKET": DERIVED,
            "RECOGNIZE_QUEUE_URL": self.recognize_queue,
            "INGEST_QUEUE_URL": self.ingest_queue,
            "LEDGER_TABLE": LEDGER,
        }

    def upload(self, content: bytes, owner: str = "7", image_id: UUID | None = None) -> ImagePlace:
        place = ImagePlace(owner, image_id or uuid4())
        self.clients.s3.put_object(Bucket=UPLOADS, Key=self.upload_key(place), Body=content)
        return place

    @staticmethod
    def upload_key(place: ImagePlace) -> str:
        return f"uploads/{place.owner_id}/{place.image_id}"

    def touch(self, place: ImagePlace) -> None:
        """Copy the original onto itself, which asks for recognition again."""
        key = self.upload_key(place)
        source = {"Bucket": UPLOADS, "Key": key}
        self.clients.s3.copy_object(Bucket=UPLOADS, Key=key, CopySource=source, MetadataDirective="REPLACE")

    def deliver(self, handle: Callable[..., Any], queue: str, context: Any = None) -> list[str]:
        """One batch of the queue through a handler; returns the bodies that failed and so stay in the queue."""
        received = self.receive(queue)
        if not received:
            return []
        answer = handle({"Records": [_lambda_record(message) for message in received]}, context or Context())
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for message in received:
            if message["MessageId"] in failed:
                self.clients.sqs.change_message_visibility(
                    QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
            else:
                self.clients.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in received if message["MessageId"] in failed]

    def drain(self, handle: Callable[..., Any], queue: str, batches: int = 200) -> None:
        """Deliver until the queue is empty, which includes what the handler itself puts into it."""
        for _ in range(batches):
            if not self.size(queue):
                return
            self.deliver(handle, queue)
        raise AssertionError(f"{self.size(queue)} messages are left after {batches} batches")

    def drain_in_threads(self, handle: Callable[..., Any], queue: str, threads: int) -> None:
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(self.drain, handle, queue) for _ in range(threads)]:
                done.result()

    def receive(self, queue: str, at_most: int = 10) -> list[Any]:
        answer = self.clients.sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=at_most, MessageSystemAttributeNames=["ApproximateReceiveCount"]
        )
        return list(answer.get("Messages", []))

    def repeat(self, queue: str, times: int) -> None:
        """Put each waiting message there so many times, shuffled."""
        bodies = self.take_all(queue) * times
        random.Random(1).shuffle(bodies)
        for body in bodies:
            self.clients.sqs.send_message(QueueUrl=queue, MessageBody=body)

    def take_all(self, queue: str) -> list[str]:
        bodies = []
        while received := self.receive(queue):
            for message in received:
                bodies.append(message["Body"])
                self.clients.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def told(self) -> list[dict[str, Any]]:
        """What ingest was told since it was last asked here."""
        return [json.loads(body) for body in self.take_all(self.ingest_queue)]

    def size(self, queue: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        names.append("ApproximateNumberOfMessagesDelayed")
        answer = self.clients.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])
        return sum(int(answer["Attributes"][name]) for name in names)

    def keys(self, prefix: str = "", bucket: str = DERIVED) -> list[str]:
        answer = self.clients.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [entry["Key"] for entry in answer.get("Contents", [])]

    def read(self, key: str) -> bytes:
        return self.clients.s3.get_object(Bucket=DERIVED, Key=key)["Body"].read()

    def write(self, key: str, document: Any) -> None:
        self.clients.s3.put_object(Bucket=DERIVED, Key=key, Body=json.dumps(document).encode())

    def results(self, place: ImagePlace) -> list[Result]:
        return [Result.from_json(self.read(key)) for key in self.keys(place.results)]

    def result(self, place: ImagePlace) -> Result:
        (result,) = self.results(place)
        return result

    def spent(self) -> dict[str, int]:
        """Micro-dollars by month and owner, as `2026-11#7`."""
        items = self.clients.dynamodb.scan(TableName=LEDGER)["Items"]
        spends = {item["id"]["S"].removeprefix("spend#"): item for item in items if "micro_usd" in item}
        return {name: int(item["micro_usd"]["N"]) for name, item in spends.items()}

    def claims(self) -> Counter[str]:
        items = self.clients.dynamodb.scan(TableName=LEDGER)["Items"]
        return Counter(item["id"]["S"] for item in items if "holder" in item)

    def make_queue(self, name: str, **attributes: str) -> str:
        return self.clients.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def _queue_with_dead_letters(self, name: str) -> tuple[str, str]:
        dead = self.make_queue(f"{name}-dead")
        arn = self._arn(dead)
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVES})
        return self.make_queue(name, RedrivePolicy=redrive, VisibilityTimeout="360"), dead

    def _arn(self, queue: str) -> str:
        answer = self.clients.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        return answer["Attributes"]["QueueArn"]

    def notify(self, bucket: str, prefix: str, queue: str) -> None:
        """Have `queue` told of what appears under `prefix`, and pass over the test event that this begins with."""
        rule: Any = {
            "QueueArn": self._arn(queue),
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
        }
        self.clients.s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [rule]}
        )
        self.take_all(queue)


def _lambda_record(message: dict[str, Any]) -> dict[str, Any]:
    """A received message as Lambda's poller spells it."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
