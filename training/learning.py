"""One step of learning: forward, loss, backward, clipped gradients, and the averages that follow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from transformers import PreTrainedModel

from recognition.detectors.onnx import Preprocessing
from training.averaging import average_of
from training.batches import Batch, to_input
from training.config import TrainConfig
from training.distributed import World, together
from training.errors import TrainingFailed
from training.networks import is_backbone
from training.settling import Settled

# Of the highest learning rate, at the end.
_LAST_SHARE = 0.01
# No weight of a network that finds anything is nearly as large.
_ABSURD = 1e6
# Far apart, so that no step of one process has the seed of another's.
_SEED_STRIDE = 1_000_003


class Diverged(TrainingFailed):
    """The weights or the loss grew beyond all numbers."""

    def __init__(self, step: int) -> None:
        super().__init__(f"At step {step} the loss is no longer a number: a lower learning rate may help.")


class Learner:
    """The network, its optimiser, its schedule and its average: all that changes from step to step."""

    def __init__(
        self, model: PreTrainedModel, preprocessing: Preprocessing, config: TrainConfig, settled: Settled, world: World
    ) -> None:
        self._config = config
        self._settled = settled
        self._world = world
        self._preprocessing = preprocessing
        # As the pictures lie: convolutions need no other order then, which makes them a tenth faster.
        self.model = model.to(settled.device, memory_format=torch.channels_last)
        self.average = average_of(self.model, config.ema)
        self._together = together(self.model, world)
        self._optimizer = AdamW(_groups(self.model, config, settled), fused=True)
        self._schedule = LambdaLR(self._optimizer, lambda step: rate_share(step, settled.warmup, config.steps))
        self._scaler = torch.amp.GradScaler(settled.device.type, enabled=settled.precision is torch.float16)

    @property
    def learning_rate(self) -> float:
        """The highest of the groups': the one of all but the backbone."""
        return max(float(rate) for rate in self._schedule.get_last_lr())

    def learn(self, step: int, batch: Batch) -> torch.Tensor:
        """The loss of this step (the first is 0), still on the device. All randomness in it comes from the step.

        Raises Diverged, if the network's own checks notice it.
        """
        torch.manual_seed((self._config.seed * _SEED_STRIDE + step) * self._world.size + self._world.rank)
        self._together.train()
        try:
            loss = self._loss(batch.to(self._settled.device))
        except ValueError as error:
            # Matching boxes that are no numbers fails.
            raise error if self.is_sane() else Diverged(step + 1) from error
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self._optimizer)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._config.clip)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._schedule.step()
        self.average.update_parameters(self.model)
        return loss.detach()

    def _loss(self, batch: Batch) -> torch.Tensor:
        device, precision = self._settled.device.type, self._settled.precision
        with torch.autocast(device, dtype=precision, enabled=precision is not None):
            pixels = to_input(batch.pixels, self._preprocessing)
            loss: torch.Tensor = self._together(pixel_values=pixels, labels=batch.targets).loss
        return loss

    def is_sane(self) -> bool:
        """Whether the weights are what can still learn."""
        return all(bool((weight.abs() < _ABSURD).all()) for weight in self.model.parameters())

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self._scaler.load_state_dict(state["scaler"])


def rate_share(step: int, warmup: int, steps: int) -> float:
    """Of the highest learning rate: up in a straight line, then half a cosine down."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return _LAST_SHARE + (1 - _LAST_SHARE) * (1 + math.cos(math.pi * done)) / 2


def _groups(model: torch.nn.Module, config: TrainConfig, settled: Settled) -> Iterator[dict[str, Any]]:
    """The backbone learns more slowly; biases and norms do not decay."""
    named = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    for backbone in (False, True):
        for decays in (False, True):
            group = [weight for name, weight in named if (is_backbone(name), weight.ndim > 1) == (backbone, decays)]
            rate = settled.learning_rate * (config.backbone_rate_share if backbone else 1)
            if group:
                yield {"params": group, "lr": rate, "weight_decay": config.weight_decay if decays else 0.0}
