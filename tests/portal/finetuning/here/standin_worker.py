"""A worker whose trainings the stand-in beside this does: `python standin_worker.py NAME`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parents[4]


def main() -> None:
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    django.setup()

    from portal.finetuning import child, training_here
    from portal.images.working import work

    child.COMMAND = (sys.executable, str(Path(__file__).with_name("standin_training.py")))
    training_here.can_train_here = lambda: ""
    work(sys.argv[1])


if __name__ == "__main__":
    main()
