"""A moving average of the weights, which finds more than the weights of any one step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def average_of(model: torch.nn.Module, decay: float) -> AveragedModel:
    """Starts as the model. While few steps are averaged it forgets faster: else it would long be what it began with."""

    def mix(averages: Sequence[torch.Tensor], current: Sequence[torch.Tensor], steps: torch.Tensor | int) -> None:
        so_far = int(steps)
        get_ema_multi_avg_fn(min(decay, (1 + so_far) / (10 + so_far)))(averages, current, steps)

    average = AveragedModel(model, multi_avg_fn=mix, use_buffers=True)
    return average.requires_grad_(False).eval()
