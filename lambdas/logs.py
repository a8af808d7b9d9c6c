"""Structured logs: one JSON object a line, with the function's request id and whatever keys are set on the way."""

from __future__ import annotations

import logging

from aws_lambda_powertools.logging import Logger

OURS = "recognition"


def make_logger() -> Logger:
    """The function's logger, named by POWERTOOLS_SERVICE_NAME and as talkative as LOG_LEVEL says.

    What the recognition package logs goes the same way, so that it carries the same keys.
    """
    logger = Logger(utc=True)
    recognition = logging.getLogger(OURS)
    recognition.handlers = [logger.registered_handler]
    recognition.setLevel(logger.log_level)
    recognition.propagate = False
    return logger
