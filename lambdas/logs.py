"""Structured logs: one JSON object a line, with the function's request id and whatever keys are set on the way."""

from __future__ import annotations

import logging

from aws_lambda_powertools.logging import Logger

OURS = ("recognition", "lambdas")


def make_logger() -> Logger:
    """The function's logger, named by POWERTOOLS_SERVICE_NAME and as talkative as LOG_LEVEL says.

    What our packages log goes the same way, so that it carries the same keys.
    """
    logger = Logger(utc=True)
    for package in map(logging.getLogger, OURS):
        package.handlers = [logger.registered_handler]
        package.setLevel(logger.log_level)
        package.propagate = False
    return logger
