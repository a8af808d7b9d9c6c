"""Detectors of several architectures are fitted to other classes, and keep what they know of the same ones."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.requirements import required

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None:
    required("torch", "PyTorch is not installed")

import torch
import transformers
from safetensors.torch import save_file

from training import networks, starting
from training.averaging import average_of
from training.errors import TrainingFailed
from training.shapes import SHAPES

START = starting.KNOWN["tiny-shapes"]
assert isinstance(START, Path)
# The start's are circle, square, star and triangle.
CLASSES = ("heart", "star", "circle")

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def head(model: Any) -> torch.Tensor:
    weights: torch.Tensor = model.class_embed[0].weight
    return weights


def test_new_classes_get_new_heads_and_the_rest_is_kept() -> None:
    old = transformers.AutoModelForObjectDetection.from_pretrained(START)
    new = networks.build(START, CLASSES)
    assert new.config.id2label == {0: "heart", 1: "star", 2: "circle"}
    assert head(new).shape[0] == 3
    assert torch.equal(
        new.model.backbone.state_dict()["model.embedder.embedder.0.convolution.weight"],
        old.model.backbone.state_dict()["model.embedder.embedder.0.convolution.weight"],
    )


def test_a_class_that_the_start_knows_keeps_what_was_learned() -> None:
    old = transformers.AutoModelForObjectDetection.from_pretrained(START)
    new = networks.build(START, CLASSES)
    assert torch.equal(head(new)[1:], head(old)[[2, 0]])
    assert not any(torch.equal(head(new)[0], row) for row in head(old))
    noisy_old, noisy_new = (model.model.denoising_class_embed.weight for model in (old, new))
    assert torch.equal(noisy_new[1:3], noisy_old[[2, 0]])
    # The row for "no class" comes after the classes.
    assert torch.equal(noisy_new[3], noisy_old[4])


def test_the_same_classes_in_another_order_are_not_mixed_up() -> None:
    old = transformers.AutoModelForObjectDetection.from_pretrained(START)
    new = networks.build(START, ("triangle", "star", "square", "circle"))
    assert torch.equal(head(new), head(old)[[3, 2, 1, 0]])


def test_random_weights_have_the_starts_shape_and_nothing_of_it() -> None:
    torch.manual_seed(1)
    old, new = networks.build(START, CLASSES), networks.build(START, CLASSES, scratch=True)
    assert {name: value.shape for name, value in old.state_dict().items()} == {
        name: value.shape for name, value in new.state_dict().items()
    }
    first = "model.decoder.layers.0.mlp.fc1.weight"
    assert not torch.equal(old.state_dict()[first], new.state_dict()[first])


def test_a_folder_without_a_detector_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(TrainingFailed, match="holds no detector"):
        networks.build(tmp_path, CLASSES)


def _detr() -> PreTrainedConfig:
    backbone = transformers.ResNetConfig(
        embedding_size=16,
        hidden_sizes=[16, 16, 32, 32],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage4"],
    )
    layers = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    sizes = {"d_model": 32, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "num_queries": 5}
    return transformers.DetrConfig(
        backbone_config=backbone, use_timm_backbone=False, use_pretrained_backbone=False, **layers, **sizes
    )


def _yolos() -> PreTrainedConfig:
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    return transformers.YolosConfig(image_size=[64, 64], patch_size=16, num_detection_tokens=5, **sizes)


def _rt_detr_v2() -> PreTrainedConfig:
    return transformers.AutoConfig.from_pretrained(START)


@pytest.mark.parametrize("make", [_detr, _yolos, _rt_detr_v2])
def test_any_architecture_learns_new_classes(make: Any, tmp_path: Path) -> None:
    config = make()
    config.id2label = {0: "cat", 1: "star", 2: "dog", 3: "fish"}
    torch.manual_seed(0)
    transformers.AutoModelForObjectDetection.from_config(config).save_pretrained(tmp_path)
    model = networks.build(tmp_path, CLASSES)
    targets = [{"class_labels": torch.tensor([1]), "boxes": torch.tensor([[0.5, 0.5, 0.2, 0.2]])}]
    none = [{"class_labels": torch.tensor([], dtype=torch.long), "boxes": torch.zeros(0, 4)}]
    output = model.train()(pixel_values=torch.rand(2, 3, 64, 64), labels=targets + none)
    output.loss.backward()
    assert torch.isfinite(output.loss)
    assert average_of(model, 0.9).module.config.id2label[0] == "heart"


def test_the_backbone_is_told_from_the_rest() -> None:
    names = {name for name, _ in networks.build(START, CLASSES).named_parameters()}
    backbone = {name for name in names if networks.is_backbone(name)}
    assert {name.split(".")[1] for name in backbone} == {"backbone"}
    assert {"encoder", "decoder"} <= {name.split(".")[1] for name in names - backbone}


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [
        ({"height": 480, "width": 640}, None, (640, 480)),
        ({"height": 480, "width": 640}, 320, (320, 320)),
        ({"shortest_edge": 512, "longest_edge": 864}, None, (512, 512)),
    ],
)
def test_pictures_come_to_one_size(
    tmp_path: Path, size: dict[str, int], side: int | None, expected: tuple[int, int]
) -> None:
    means = {"do_normalize": True, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.2]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"size": size, "do_pad": True, **means}))
    preprocessing, values = networks.preprocessing(tmp_path, side)
    assert preprocessing.target(1000, 300) == expected
    assert preprocessing.mean == (0.5, 0.4, 0.3)
    assert values["size"] == {"width": expected[0], "height": expected[1]}
    assert values["do_pad"] is False


def test_a_start_that_does_not_say_how_it_wants_pictures_is_named(tmp_path: Path) -> None:
    shutil.copy(START / "config.json", tmp_path)
    with pytest.raises(TrainingFailed, match="preprocessor_config"):
        networks.preprocessing(tmp_path, None)


def test_weights_of_another_network_are_refused_and_not_begun_anew(tmp_path: Path) -> None:
    """The library would train from random numbers, without a word."""
    start = tmp_path / "start"
    shutil.copytree(START, start)
    save_file({"unrelated": torch.zeros(3)}, start / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainingFailed, match="would begin with random numbers"):
        networks.build(start, ("arrow",))


def test_a_class_is_known_by_whatever_writing_of_its_name() -> None:
    old, new = networks.build(START, SHAPES), networks.build(START, ("heart", SHAPES[1].title()))
    rows = [(key, row) for key, row in new.state_dict().items() if key.startswith("class_embed") and row.ndim == 2]
    assert rows
    for key, row in rows:
        assert torch.equal(row[1], old.state_dict()[key][1])
        assert not torch.equal(row[0], old.state_dict()[key][0])


def test_classes_are_told_by_their_numbers_and_not_by_the_order_in_the_file(tmp_path: Path) -> None:
    start = tmp_path / "start"
    shutil.copytree(START, start)
    config = json.loads((start / "config.json").read_text())
    config["id2label"] = dict(reversed(config["id2label"].items()))
    (start / "config.json").write_text(json.dumps(config))
    usual, reordered = (networks.build(each, SHAPES[::-1]) for each in (START, start))
    assert all(
        torch.equal(row, usual.state_dict()[key]) for key, row in reordered.state_dict().items() if "class_embed" in key
    )
