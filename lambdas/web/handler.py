"""Entry point of `web`: an HTTP API's requests, answered by Django."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apig_wsgi import make_lambda_handler
from aws_lambda_powertools.logging import correlation_paths
from django.urls import get_resolver

from lambdas.logs import make_logger
from portal.wsgi import application

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = make_logger()
# Everything behind the addresses is imported now, when a new process has the most power, and not by the first request.
_ = get_resolver().url_patterns
# Whoever asks is who API Gateway says asks, in the request's context; a header anybody could send would not do.
_answer = make_lambda_handler(application)


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes and gives payloads of format 2.0; what is no text travels as base64."""
    return _answer(event, context)
