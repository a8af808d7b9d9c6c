"""`python -m tests.cloud.aws_server`: moto behind the gateway on a free port, printed as the first line.

Besides AWS it answers under /moto-api/: what was refused, which functions S3 wants called, the clock, the stand-ins.
What moto gets wrong for us is corrected in `_corrected`, each with its reason.
"""

from __future__ import annotations

import functools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import moto.backends
import moto.s3.models
import moto.s3.notifications
import moto.sagemaker.responses
import moto.sqs.models
from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.access_control import PermissionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.ses.models import ses_backends
from moto.sqs.models import sqs_backends
from werkzeug.serving import make_server

from tests.cloud import policies
from tests.cloud.gateway import Environ, Gateway
from tests.cloud.requests_seen import REGION, Need


class Server:
    """The control addresses beside the gateway, each a method named by the last part of its path."""

    def __init__(self) -> None:
        self.gateway = Gateway(DomainDispatcherApplication(create_backend_app))
        self.called: list[dict[str, Any]] = []
        """Functions that a bucket's notification calls: {"function": arn, "event": …}."""
        self.second = 1.0
        """How long one second of a message's delay takes here."""

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if not path.startswith("/moto-api/imagesift/"):
            return self.gateway(environ, start_response)
        given = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}")
        answer = json.dumps(getattr(self, path.rpartition("/")[2])(**given)).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]

    def denials(self) -> list[tuple[str, str, str]]:
        """What was refused since this was asked last."""
        found, self.gateway.denials = self.gateway.denials, []
        return found

    def uses(self) -> list[tuple[str, str, str]]:
        """What was allowed since this was asked last, each once."""
        found, self.gateway.uses = self.gateway.uses, set()
        return sorted(found)

    def calls(self) -> list[dict[str, Any]]:
        """The functions that buckets called since this was asked last."""
        found, self.called = self.called, []
        return found

    def sign_in(self, token: str, user: str, cluster: str) -> str:
        """What is wrong with a database token of `user` for a cluster (its resource id); "" when it is good."""
        return self.gateway.sign_in(token, user, cluster)

    def calls_waiting(self) -> int:
        return len(self.called)

    def allowed(self, role: str, action: str, resource: str) -> bool:
        return self.gateway.decide(role, Need(action, resource))

    def clock(self, second: float = 1.0, ahead: float = 0.0) -> None:
        self.second, self.gateway.seconds_ahead = second, ahead

    def letters(self) -> list[dict[str, Any]]:
        """What SES has sent: {"to": addresses, "text": the whole message}."""
        sent = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
        return [{"to": list(letter.destinations), "text": str(letter.raw_data)} for letter in sent]

    def purge(self) -> None:
        """Empty all queues; SQS itself does that once a minute only."""
        for queue in sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues.values():
            queue._messages.clear()
            queue.pending_messages.clear()
        self.gateway.refuses_part = False

    def refuse_part(self) -> None:
        """Let S3 refuse the next part of a large object."""
        self.gateway.refuses_part = True

    def isolate(self, role: str) -> None:
        self.gateway.isolated.add(role)

    def stand_in(self, service: str, url: str) -> None:
        self.gateway.stand_ins[service] = url

    def notify_queue(self, account_id: str, event_body: Any, queue_name: str, region_name: str) -> None:
        """S3 sends to a queue only what the queue's own policy lets it."""
        queue = sqs_backends[account_id][region_name].get_queue(queue_name)
        bucket = event_body.get("Bucket") or event_body["Records"][0]["s3"]["bucket"]["name"]
        context = {"aws:sourcearn": f"arn:aws:s3:::{bucket}", "aws:sourceaccount": account_id}
        context["aws:securetransport"] = "true"
        policy = [json.loads(queue.policy)] if queue.policy else []
        if not policies.allows(policy, "sqs:SendMessage", queue.queue_arn, context, "s3.amazonaws.com"):
            self.gateway.denials.append((f"bucket {bucket}", "sqs:SendMessage", queue.queue_arn))
            return
        sqs_backends[account_id][region_name].send_message(queue_name=queue_name, message_body=json.dumps(event_body))

    def notify_function(self, _account_id: str, event_body: Any, fn_arn: str, _region_name: str) -> None:
        self.called.append({"function": fn_arn, "event": event_body})


def _corrected(server: Server) -> None:
    notifications, models = moto.s3.notifications, moto.sqs.models
    # Moto asks no queue policy, and needs Docker to call a function.
    notifications._send_sqs_message = server.notify_queue
    notifications._invoke_awslambda = server.notify_function
    # Moto takes a condition that does not hold for a denial; the gateway reads bucket policies.
    moto.s3.models.FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL
    # Moto would swallow messages for functions that it cannot run; the runtime polls.
    models.Queue.lambda_event_source_mappings = property(lambda _: {}, lambda *_: None)

    # Moto cannot stop a training; every one has ended by then.
    moto.sagemaker.responses.SageMakerResponse.stop_training_job = lambda _: "{}"

    def delay(message: Any, delay_seconds: int) -> None:
        message.delayed_until = models.unix_time_millis() + int(delay_seconds) * 1000 * server.second

    models.Message.delay = delay
    _one_at_a_time(models.SQSBackend)


def _one_at_a_time(backend: Any) -> None:
    """Two consumers must not get one message; of two that delete at once neither may bring back the other's."""
    lock = threading.RLock()

    def guarded(work: Any) -> Any:
        @functools.wraps(work)
        def alone(*arguments: Any, **options: Any) -> Any:
            with lock:
                return work(*arguments, **options)

        return alone

    for name in ("receive_message", "delete_message", "delete_message_batch", "send_message", "send_message_batch"):
        setattr(backend, name, guarded(getattr(backend, name)))
    backend.change_message_visibility = guarded(backend.change_message_visibility)


def _hastened() -> None:
    """Moto looks through its own folder for every request, and converts dates for every message in a queue."""
    modules = tuple(moto.backends.list_of_moto_modules())
    moto.backends.list_of_moto_modules = lambda: modules
    moto.sqs.models.unix_time_millis = lambda: time.time() * 1000
    # It counts the whole queue for that; no message here is days old.
    moto.sqs.models.SQSBackend.is_message_valid_based_on_retention_period = lambda *_: True


class _Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log(self, *_: Any) -> None:
        """Say nothing: standard error is for what goes wrong."""


def main() -> None:
    server = Server()
    _corrected(server)
    _hastened()
    serving = make_server("127.0.0.1", 0, server, threaded=True, request_handler=_Handler)
    sys.stdout.write(f"{serving.server_port}\n")
    sys.stdout.flush()
    serving.serve_forever()


if __name__ == "__main__":
    main()
