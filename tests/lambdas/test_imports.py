"""What the archive of the functions outside the VPC has to hold, and what it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

HANDLERS = ("recognize", "dead_letters", "mail", "webhooks", "train", "database_role")


@pytest.mark.parametrize("function", HANDLERS)
def test_importing_a_handler_needs_no_environment_and_none_of_the_portals_libraries(function: str) -> None:
    program = (
        "import sys\n"
        f"from lambdas.{function}.handler import handle\n"
        "assert callable(handle)\n"
        "unwanted = {'django', 'portal', 'numpy', 'cv2', 'onnxruntime', 'boto3', 'pydantic'}\n"
        "print(*sorted(unwanted & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env={})
    assert done.stdout == "\n"
