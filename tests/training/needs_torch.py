"""Import this before anything that imports PyTorch: without it, the importing module's tests are skipped."""

from __future__ import annotations

import importlib.util

from tests.requirements import required

if importlib.util.find_spec("torch") is None:
    required("torch", "PyTorch is not installed (make training)")

import torch

# Two threads on two busy cores are ten times slower than one.
torch.set_num_threads(1)
