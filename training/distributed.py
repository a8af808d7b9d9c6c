"""Several processes, one for each GPU, as torchrun starts them; a single one where nobody says otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

# The first process validates while the others wait.
_PATIENCE: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class World:
    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes files and talks."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        return torch.device("cuda", self.local_rank) if torch.cuda.is_available() else torch.device("cpu")


def world(environ: Mapping[str, str] = os.environ) -> World:
    """As torchrun's variables have it: https://docs.pytorch.org/docs/stable/elastic/run.html"""
    return World(*(int(environ.get(name, default)) for name, default in _VARIABLES))


_VARIABLES: Final = (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))


@contextmanager
def joined(world: World) -> Iterator[None]:
    """Within, the processes hear of each other."""
    if world.size == 1:
        yield
        return
    distributed.init_process_group("nccl" if world.device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def together(model: torch.nn.Module, world: World) -> torch.nn.Module:
    """The model as one whose gradients are the mean of all processes'."""
    if world.size == 1:
        return model
    devices = [world.local_rank] if world.device.type == "cuda" else None
    # A batch without a box leaves the parts of the network unused that learn from noisy boxes.
    return DistributedDataParallel(model, device_ids=devices, find_unused_parameters=True)


def told(value: Any, world: World) -> Any:
    """What the first process says, to all."""
    if world.size == 1:
        return value
    values = [value]
    distributed.broadcast_object_list(values, src=0, device=world.device)
    return values[0]


def summed(values: torch.Tensor, world: World) -> torch.Tensor:
    if world.size > 1:
        distributed.all_reduce(values)
    return values
