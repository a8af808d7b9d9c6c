"""Milliseconds of a training step, beside a bare PyTorch loop over the same network and pictures of the same size.

The tiny start at 160 pixels on the CPU; `--gpu` measures a network of RT-DETRv2-R18's shape, with random weights, at
640 pixels on a GPU: in 32-bit numbers and in mixed precision, with the memory that each takes. Both sides alternate in
one run. A step of ours is everything: reading and augmenting, the network, clipping, and the weights' average.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers

from training import networks, starting
from training.batches import Batches, to_input
from training.config import Precision, TrainConfig
from training.data import Dataset, load
from training.distributed import World
from training.drawn import write_folder
from training.learning import Learner
from training.settling import settle

PREPROCESSING = {"size": {"height": 640, "width": 640}, "resample": 2, "do_rescale": True, "do_normalize": False}
WARM_UP = 3
# Steps of one side before the other has its turn.
TURN = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60, help="steps of each side (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=8, help="pictures of a step (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the network (default: %(default)s)")
    parser.add_argument("--gpu", action="store_true", help="RT-DETRv2-R18's shape at 640 px on a GPU")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as passing:
        data = load(write_folder(Path(passing) / "data", train=40, validation=1, test=1))
        if options.gpu:
            if not torch.cuda.is_available():
                parser.error("there is no GPU here")
            start = r18_shape(Path(passing) / "r18")
            precisions: tuple[Precision, ...] = ("fp32", "mixed")
        else:
            start, precisions = starting.resolve("tiny-shapes", Path(passing)), ("fp32",)
        for precision in precisions:
            config = TrainConfig(Path(passing), Path(passing), steps=10_000, batch=options.batch, precision=precision)
            print(json.dumps(row(config, start, data, options.steps)), flush=True)


def r18_shape(folder: Path) -> Path:
    """Random weights in the shape of PekingU/rtdetr_v2_r18vd, and how it takes pictures."""
    backbone = transformers.RTDetrResNetConfig(
        embedding_size=64,
        hidden_sizes=[64, 128, 256, 512],
        depths=[2, 2, 2, 2],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = transformers.RTDetrV2Config(
        backbone_config=backbone, encoder_in_channels=[128, 256, 512], hidden_expansion=0.5, decoder_layers=3
    )
    transformers.AutoModelForObjectDetection.from_config(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSING))
    return folder


def row(config: TrainConfig, start: Path, data: Dataset, steps: int) -> dict[str, Any]:
    learner, batches = _ours(config, start, data)
    sides = {"ours": _loop(learner, batches), "bare": _bare(config, start, data)}
    taken: dict[str, list[float]] = {name: [] for name in sides}
    peaks: dict[str, int] = {}
    for number in range(WARM_UP + steps):
        for name, side in sides.items():
            if number % TURN == 0:
                taken[name] += _timed(side, min(TURN, WARM_UP + steps - number), peaks, name)
    medians = {name: statistics.median(times[WARM_UP:]) for name, times in taken.items()}
    about = {"device": _device(), "precision": config.precision, "batch": config.batch}
    figures = {f"{name}_ms": round(1000 * each, 1) for name, each in medians.items()}
    return {**about, **figures, "ratio": round(medians["ours"] / medians["bare"], 2), **_memory(peaks)}


def _ours(config: TrainConfig, start: Path, data: Dataset) -> tuple[Learner, Batches]:
    model = networks.build(start, data.classes)
    preprocessing, _ = networks.preprocessing(start, None)
    settled = settle(config, preprocessing.target(1, 1), 1, World())
    batches = Batches(data.train, settled.size, settled.batch, config.augment, config.seed, World())
    batches.keep_pictures()
    return Learner(model, preprocessing, config, settled, World()), batches


def _loop(learner: Learner, batches: Batches) -> Iterator[None]:
    for step, batch in enumerate(batches.from_step(0, 1 if _device() == "CPU" else 8)):
        learner.learn(step, batch)
        yield


def _bare(config: TrainConfig, start: Path, data: Dataset) -> Iterator[None]:
    """As in a tutorial: pictures that are tensors already, the network, its loss, the optimiser."""
    device = World().device
    model = networks.build(start, data.classes).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    preprocessing, _ = networks.preprocessing(start, None)
    plain = replace(config.augment, crop=False, scale=False, colour=False)
    size = preprocessing.target(1, 1)
    made = Batches(data.train, size, config.batch or 8, plain, 0, World())
    ready = [made.at(step).to(device) for step in range(5)]
    inputs = [(to_input(batch.pixels, preprocessing).contiguous(), batch.targets) for batch in ready]
    precision = torch.bfloat16 if config.precision == "mixed" else None
    while True:
        for pixels, targets in inputs:
            with torch.autocast(device.type, dtype=precision, enabled=precision is not None):
                loss = model(pixel_values=pixels, labels=targets).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            yield


def _timed(side: Iterator[None], steps: int, peaks: dict[str, int], name: str) -> list[float]:
    """Seconds of each step; on a GPU, of each of these steps on average, because it works behind our back."""
    if _device() == "CPU":
        return [_seconds(lambda: next(side)) for _ in range(steps)]
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()

    def turn() -> None:
        for _ in range(steps):
            next(side)
        torch.cuda.synchronize()

    seconds = _seconds(turn)
    # What the other side keeps does not count.
    peaks[name] = max(peaks.get(name, 0), torch.cuda.max_memory_allocated() - before)
    return [seconds / steps] * steps


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _memory(peaks: dict[str, int]) -> dict[str, float]:
    return {f"{name}_gb_at_peak": round(peak / 1e9, 2) for name, peak in peaks.items()}


def _device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"


if __name__ == "__main__":
    main()
