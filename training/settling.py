"""What the configuration leaves open, decided by the start, the data and the machine."""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch

from training.config import TrainConfig
from training.data import Dataset, Sample
from training.distributed import World
from training.errors import TrainingFailed

# A network below this learns with a rate that a pretrained one of the usual size would forget all with.
_TINY_PARAMETERS: Final = 5_000_000
_TINY_RATE: Final = 1e-3
_USUAL_RATE: Final = 1e-4
_LARGE_SIDE: Final = 320
_LONGEST_WARMUP: Final = 200
_READERS_BESIDE_A_GPU: Final = 8


@dataclass(frozen=True, slots=True)
class Settled:
    """`precision` is the type that the network computes in on a GPU, None for float32 throughout; `size` is its input's
    width and height in pixels; `readers` threads make batches ahead."""

    device: torch.device
    precision: torch.dtype | None
    size: tuple[int, int]
    batch: int
    learning_rate: float
    warmup: int
    validate_every: int
    readers: int


def settle(config: TrainConfig, size: tuple[int, int], parameters: int, world: World) -> Settled:
    """Raises TrainingFailed for what cannot be done on this machine."""
    device = world.device
    large = device.type == "cpu" and max(size) > _LARGE_SIDE
    batch = config.batch or max(4 if large else 8, world.size)
    if batch % world.size:
        raise TrainingFailed(f"A batch of {batch} pictures cannot be shared out evenly among {world.size} processes.")
    return Settled(
        device=device,
        precision=_precision(config, device),
        size=size,
        batch=batch,
        learning_rate=config.learning_rate or (_TINY_RATE if parameters < _TINY_PARAMETERS else _USUAL_RATE),
        warmup=min(config.steps // 20, _LONGEST_WARMUP) if config.warmup is None else config.warmup,
        validate_every=config.validate_every or max(10, math.ceil(config.steps / 20)),
        readers=1 if device.type == "cpu" else min(_READERS_BESIDE_A_GPU, max(1, cores() // world.size)),
    )


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _precision(config: TrainConfig, device: torch.device) -> torch.dtype | None:
    if config.precision == "mixed" and device.type == "cpu":
        raise TrainingFailed("Mixed precision needs a GPU, and there is none here.")
    if config.precision == "fp32" or device.type == "cpu":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def identity(config: TrainConfig, settled: Settled, dataset: Dataset, start: Path) -> dict[str, Any]:
    """What must be the same for a training to be gone on with: it would end otherwise than it would have."""
    return {
        "classes": ", ".join(dataset.classes),
        "pictures": sorted(_digest_of(sample) for sample in (*dataset.train, *dataset.validation)),
        "start": _digest_of_weights(start),
        "scratch": config.scratch,
        "steps": config.steps,
        "batch": settled.batch,
        "size": "{} x {}".format(*settled.size),
        "learning_rate": settled.learning_rate,
        "backbone_rate_share": config.backbone_rate_share,
        "weight_decay": config.weight_decay,
        "warmup": settled.warmup,
        "clip": config.clip,
        "ema": config.ema,
        "validate_every": settled.validate_every,
        "patience": config.patience,
        "seed": config.seed,
        "precision": str(settled.precision),
        "augment": asdict(config.augment),
    }


def _digest_of(sample: Sample) -> str:
    about = sample.file_name.encode() + sample.labels.tobytes() + sample.boxes.tobytes()
    return hashlib.sha256(about).hexdigest()[:12]


def _digest_of_weights(start: Path) -> str:
    with (start / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
