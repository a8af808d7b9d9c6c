"""Any object detector of the transformers library, its heads fitted to the classes at hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from transformers import AutoConfig, AutoModelForObjectDetection, PreTrainedModel
from transformers.utils import logging

from recognition.detectors.model_folder import PREPROCESSOR, ModelFolderError
from recognition.detectors.onnx import Preprocessing
from training.baselines import known_as
from training.errors import TrainingFailed

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

# Of networks that are not told their input's size by a preprocessor_config.json.
_USUAL_SIDE: Final = 640
# A share of all weights that may begin anew beside the parts for each class.
_LACKING: Final = 0.01


def build(folder: Path, classes: Sequence[str], *, scratch: bool = False) -> PreTrainedModel:
    """The model in `folder`, for these classes; with random weights if `scratch`. Raises TrainingFailed.

    What the model learned of a class that is known by the same name is kept; the others' parts of its heads begin anew.
    """
    with quietly():
        try:
            config = AutoConfig.from_pretrained(folder)
            known = [config.id2label[number] for number in range(len(config.id2label))]
            config.id2label = dict(enumerate(classes))
            config.label2id = {name: number for number, name in enumerate(classes)}
            if scratch:
                return _random(config)
            model, found = AutoModelForObjectDetection.from_pretrained(
                folder, config=config, ignore_mismatched_sizes=True, dtype=torch.float32, output_loading_info=True
            )
            _require_weights(folder, model, found)
            if known != list(classes) and set(map(known_as, known)) & set(map(known_as, classes)):
                _carry_over(AutoModelForObjectDetection.from_pretrained(folder), known, model, list(classes))
        except (OSError, ValueError, KeyError, RuntimeError, ImportError, AttributeError, TypeError) as error:
            raise TrainingFailed(f"{folder} holds no detector that can be trained: {_first_line(error)}") from error
    return model


def _require_weights(folder: Path, model: PreTrainedModel, found: Mapping[str, Any]) -> None:
    """That the file's weights are this network's: the library begins anew, in silence, with what does not fit."""
    lacking = {*found["missing_keys"], *(each[0] for each in found["mismatched_keys"])} - set(_by_class(model.config))
    sizes = {name: weight.numel() for name, weight in model.named_parameters()}
    share = sum(sizes.get(name, 0) for name in lacking) / sum(sizes.values())
    if share > _LACKING:
        raise TrainingFailed(
            f"The weights in {folder} are not those of the network that its config.json describes: {share:.0%} would "
            "begin with random numbers."
        )


def _random(config: PreTrainedConfig) -> PreTrainedModel:
    if hasattr(config, "freeze_backbone_batch_norms"):
        # Frozen at their initial values they would never fit the weights.
        config.freeze_backbone_batch_norms = False
    return AutoModelForObjectDetection.from_config(config)


@torch.no_grad()
def _carry_over(old: PreTrainedModel, known: list[str], new: PreTrainedModel, classes: list[str]) -> None:
    """Copy the rows of the classes that both know; further rows, for "nothing here" and the like, stay at the end."""
    numbers = {known_as(name): number for number, name in enumerate(known)}
    pairs = [(number, numbers[known_as(name)]) for number, name in enumerate(classes) if known_as(name) in numbers]
    before, after = old.state_dict(), new.state_dict()
    for key in _by_class(new.config):
        source, target = before[key], after[key]
        extra = target.shape[0] - len(classes)
        fresh = target.clone()
        for to, of in [*pairs, *((len(classes) + more, len(known) + more) for more in range(extra))]:
            fresh[to] = source[of]
        target.copy_(fresh)


def _by_class(config: PreTrainedConfig) -> list[str]:
    """The weights that have a row for each class: those that are larger in a network of one class more."""
    classes = len(config.id2label or ())
    here, one_more = _shapes(config, classes), _shapes(config, classes + 1)
    return [key for key, shape in here.items() if shape != one_more[key]]


def _shapes(config: PreTrainedConfig, classes: int) -> Mapping[str, torch.Size]:
    like = type(config).from_dict(config.to_dict())
    like.num_labels = classes
    with torch.device("meta"):
        model = AutoModelForObjectDetection.from_config(like)
    return {key: value.shape for key, value in model.state_dict().items()}


def preprocessing(folder: Path, side: int | None) -> tuple[Preprocessing, dict[str, Any]]:
    """How pictures become this model's input, and the same as a `preprocessor_config.json` to write.

    Always at one fixed size, without padding: `side` squared, or the model's own. Raises TrainingFailed.
    """
    try:
        values: dict[str, Any] = json.loads((folder / PREPROCESSOR).read_text())
        size = values.get("size") or {}
        own = size.get("shortest_edge", _USUAL_SIDE) if isinstance(size, dict) else int(size)
        height, width = (side or (size.get(key, own) if isinstance(size, dict) else own) for key in ("height", "width"))
        values |= {"size": {"height": height, "width": width}, "do_resize": True, "do_pad": False}
        return Preprocessing.read(values), values
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ModelFolderError) as error:
        raise TrainingFailed(f"{folder / PREPROCESSOR} cannot be used: {_first_line(error)}") from error


def is_backbone(name: str) -> bool:
    """Whether a weight of this name belongs to the part that only knows pictures, not detecting."""
    return "backbone" in name.split(".")


@contextmanager
def quietly() -> Iterator[None]:
    """The library reports each new head as if something were wrong, and draws a bar for each file."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
