"""`python -m training COMMAND`: fine-tune a detector, here or on SageMaker, and look at what came of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from training.errors import TrainingFailed

COMMANDS: Final = {
    "train": "train, evaluate, judge, export and pack a model on this machine",
    "submit": "the same as a training job on Amazon SageMaker",
    "status": "how far a training job is, and what it has cost",
    "evaluate": "measure a model on a dataset",
    "compare": "two models, with the gate's verdict",
    "register": "put a model into SageMaker's registry, to be approved there",
}
_FAILED: Final = 1
_WRONG_ARGUMENTS: Final = 2
_INTERRUPTED: Final = 130


def main(arguments: Sequence[str]) -> int:
    """The process's exit status. A command is imported only when it is asked for: SageMaker's SDK takes seconds."""
    if arguments and arguments[0] in COMMANDS:
        return _run(arguments[0], arguments[1:])
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:{width}}  {words}" for name, words in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Fine-tune a detector on a dataset of your own, and look at what came of it.",
        epilog=f"commands:\n{listed}\n\n`python -m training COMMAND --help` says more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s COMMAND …",
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of these:")
    parser.parse_args(arguments)
    return _WRONG_ARGUMENTS


def _run(command: str, arguments: Sequence[str]) -> int:
    try:
        return int(import_module(f"training.commands.{command}").main(arguments))
    except TrainingFailed as error:
        sys.stderr.write(f"{error}\n")
        return _FAILED
    except KeyboardInterrupt:
        sys.stderr.write("Ended.\n")
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
