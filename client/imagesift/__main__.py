"""Where `imagesift` starts: every error ends here as one line, with the status that scripts can rely on."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import httpx2

from imagesift.cli import parser
from imagesift.commands.upload import INTERRUPTED
from imagesift.errors import ClientError, Stopped, Unreachable
from imagesift.terminal import plain, prepare_streams, tell


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the status to exit with."""
    options = parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except ClientError as error:
        return _failed(error, error.exit_status)
    except httpx2.HTTPError as error:
        return _failed(error, Unreachable.exit_status)
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing is left to be flushed into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _failed(error, ClientError.exit_status)
    except EOFError:
        return _failed(ClientError("There was no answer to the question."), ClientError.exit_status)
    except (KeyboardInterrupt, Stopped):
        tell("Interrupted.")
        return INTERRUPTED
    return status


def _failed(error: Exception, status: int) -> int:
    tell(f"imagesift: {plain(str(error) or type(error).__name__)}")
    return status


def run() -> None:
    """The console script."""
    prepare_streams()
    status = main()
    if status == INTERRUPTED:
        # Threads that still wait for an answer would keep the process for as long.
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    run()
