"""The order of things in a training: steps, validations, checkpoints, and its end."""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import PreTrainedModel

from recognition.detectors.onnx import Preprocessing
from training.batches import Batches
from training.checkpoints import Checkpoints
from training.config import TrainConfig
from training.data import Dataset, present
from training.detecting import detect
from training.distributed import World, summed, told
from training.learning import Diverged, Learner
from training.measuring import quick_map
from training.progress import Progress
from training.settling import Settled
from training.stopping import Stopped, Wish

# Of the newest step, in the mean that is told.
_NEWEST_SHARE = 0.1


@dataclass(slots=True)
class Best:
    """The averaged weights of the step with the best mAP on the validation pictures."""

    step: int
    map: float
    map50: float
    weights: dict[str, torch.Tensor]


@dataclass(slots=True)
class State:
    """How far it is. `validated` is the last step validated, `waiting` counts validations since the best."""

    step: int = 0
    validated: int = 0
    waiting: int = 0
    learning_s: float = 0.0
    validating_s: float = 0.0
    ended_early: bool = False
    best: Best | None = None

    def to_dict(self) -> dict[str, Any]:
        best = self.best and {name: getattr(self.best, name) for name in Best.__slots__}
        return {name: getattr(self, name) for name in State.__slots__} | {"best": best}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> State:
        best = values["best"] and Best(**values["best"])
        return cls(**{**values, "best": best})


@dataclass(slots=True, kw_only=True)
class Loop:
    learner: Learner
    batches: Batches
    checkpoints: Checkpoints
    preprocessing: Preprocessing
    dataset: Dataset
    config: TrainConfig
    settled: Settled
    world: World
    progress: Progress
    state: State = field(default_factory=State)
    _wish: Wish = field(default_factory=Wish)
    _losses: list[torch.Tensor] = field(default_factory=list)
    _pace: float = 0.0

    def run(self, wish: Wish) -> None:
        """Raises Stopped when there is a wish to end, once a checkpoint is written."""
        self._wish = wish
        self._restore()
        if not self._is_over():
            self.batches.keep_pictures(wish.heed)
            self.progress.phase("training")
            try:
                self._go_on()
            except Stopped:
                self._save()
                raise

    def best_model(self) -> PreTrainedModel:
        """In evaluation mode, on the device that it learned on."""
        model = self.learner.model
        weights = self.state.best.weights if self.state.best else self.learner.average.module.state_dict()
        model.load_state_dict(weights)
        return model.eval().to(memory_format=torch.contiguous_format)

    def _go_on(self) -> None:
        with closing(self.batches.from_step(self.state.step, self.settled.readers)) as batches:
            while True:
                if self._is_validation_due():
                    if self.world.size > 1:
                        # torchrun does not wait for the end of a long validation when it is asked to end.
                        self._save()
                    self._validate()
                if self._is_over() or self.state.step % self.config.checkpoint_every == 0:
                    self._save()
                if self._is_over():
                    return
                started = time.monotonic()
                loss = self.learner.learn(self.state.step, next(batches))
                self._after_step(loss, time.monotonic() - started)

    def _after_step(self, loss: torch.Tensor, seconds: float) -> None:
        self.state.step += 1
        self.state.learning_s += seconds
        self._pace = self._pace + _NEWEST_SHARE * (seconds - self._pace) if self._pace else seconds
        if self.world.size > 1:
            # All must end at the same step, and signals do not reach them at the same moment.
            both = summed(torch.stack([loss, loss.new_tensor(float(self._wish.asked))]), self.world)
            loss = both[0] / self.world.size
            if both[1] > 0:
                raise Stopped
        self._losses.append(loss)
        if self.progress.is_due(self.state.step, self.config.steps):
            self._tell()
        self._wish.heed()

    def _tell(self) -> None:
        loss = torch.stack(self._losses).mean().item()
        self._losses.clear()
        if not math.isfinite(loss):
            raise Diverged(self.state.step)
        rate = self.learner.learning_rate
        self.progress.step(self.state.step, self.config.steps, loss, rate, self._pace)

    def _is_validation_due(self) -> bool:
        step = self.state.step
        due = step == self.config.steps or step % self.settled.validate_every == 0
        return bool(self.dataset.validation) and due and self.state.validated < step

    def _is_over(self) -> bool:
        return self.state.ended_early or (self.state.step == self.config.steps and not self._is_validation_due())

    def _validate(self) -> None:
        started = time.monotonic()
        map_, map50 = told(self._measured() if self.world.is_first else None, self.world)
        state, best = self.state, self.state.best
        is_best = best is None or (map_, map50) > (best.map, best.map50)
        if is_best:
            weights = {name: value.clone() for name, value in self.learner.average.module.state_dict().items()}
            state.best, state.waiting = Best(state.step, map_, map50, weights), 0
        else:
            state.waiting += 1
        state.validated = state.step
        state.ended_early = 0 < self.config.patience <= state.waiting and state.step < self.config.steps
        state.validating_s += time.monotonic() - started
        self.progress.validation(state.step, map_, map50, best=is_best)

    def _measured(self) -> tuple[float, float]:
        samples, classes = present(self.dataset.validation), self.dataset.classes
        found = detect(
            self.learner.average.module,
            self.preprocessing,
            samples,
            classes,
            at_once=self.settled.batch,
            report=lambda _images: None if self.world.size > 1 else self._wish.heed(),
        )
        return quick_map(samples, found, classes)

    def _save(self) -> None:
        if self._losses:
            self._tell()
        if not self.learner.is_sane():
            raise Diverged(self.state.step)
        if self.world.is_first and self.state.step:
            self.checkpoints.save(self.state.step, {"learner": self.learner.state(), "loop": self.state.to_dict()})

    def _restore(self) -> None:
        if self.config.restart and self.world.is_first:
            self.checkpoints.forget()
        told(None, self.world)
        saved = self.checkpoints.newest()
        if saved:
            self.learner.restore(saved["learner"])
            self.state = State.from_dict(saved["loop"])
        self.progress.rewind(self.state.step)
