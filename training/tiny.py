"""Trains a tiny RT-DETRv2 on drawn shapes and writes it as a model folder.

`python -m training.tiny --out FOLDER` needs `make training` and some CPU minutes. The folder holds the model for
PyTorch (`config.json`, `model.safetensors`) and for ONNX (`model.onnx`), `preprocessor_config.json`, and
`expected.json`: what PyTorch finds in a few pictures that were not trained on.

The sizes are from trying: a ResNet of four basic blocks, 30 queries and two decoder layers learn in minutes.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import random
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray
from PIL import Image
from transformers import RTDetrResNetConfig, RTDetrV2Config, RTDetrV2ForObjectDetection

from training.shapes import SHAPES, DrawnShape, draw

SIDE = 160
BATCH = 8
TRAINED_PICTURES = 1200
HELD_OUT_SEEDS = range(1_000_000, 1_000_200)
EXPECTED_SEEDS = HELD_OUT_SEEDS[:6]
KEPT_SCORE = 0.2

Target = dict[str, torch.Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--seed", type=int, default=7, help="of weights, order and augmentation (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=2400, help="of 8 pictures each (default: %(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    model = RTDetrV2ForObjectDetection(_configuration())
    _train(model, options.steps, random.Random(options.seed))  # noqa: S311 - an order, not a secret
    model.eval()
    score = evaluate(model)
    print(f"held-out mAP50 {score:.3f}", flush=True)  # noqa: T201
    write(model, options.out)


def _configuration() -> RTDetrV2Config:
    backbone = RTDetrResNetConfig(
        embedding_size=16,
        hidden_sizes=[16, 32, 64, 128],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    return RTDetrV2Config(
        backbone_config=backbone,
        freeze_backbone_batch_norms=False,
        encoder_hidden_dim=64,
        encoder_in_channels=[32, 64, 128],
        encoder_ffn_dim=128,
        encoder_attention_heads=4,
        d_model=64,
        decoder_in_channels=[64, 64, 64],
        decoder_ffn_dim=128,
        decoder_attention_heads=4,
        decoder_layers=2,
        num_queries=30,
        num_denoising=20,
        id2label=dict(enumerate(SHAPES)),
        label2id={name: number for number, name in enumerate(SHAPES)},
    )


def _train(model: RTDetrV2ForObjectDetection, steps: int, dice: random.Random) -> None:
    pictures = [_sample(seed) for seed in range(TRAINED_PICTURES)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps))
    model.train()
    started = time.monotonic()
    for step, batch in zip(range(1, steps + 1), _batches(pictures, dice), strict=False):
        pixels = torch.stack([picture for picture, _ in batch])
        loss = model(pixel_values=pixels, labels=[target for _, target in batch]).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step} loss {loss.item():.3f} after {time.monotonic() - started:.0f} s", flush=True)  # noqa: T201


def _rate(step: int, steps: int) -> float:
    """Share of the learning rate: 100 steps of warm-up, then half a cosine down to nothing."""
    return min((step + 1) / 100, 0.5 + 0.5 * math.cos(math.pi * step / steps))


def to_input(picture: Image.Image) -> torch.Tensor:
    """3 x 160 x 160 values from 0 to 1: what `preprocessor_config.json` describes."""
    small: NDArray[np.uint8] = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    return torch.from_numpy(small.transpose(2, 0, 1).astype(np.float32) / 255)


def _sample(seed: int) -> tuple[torch.Tensor, Target]:
    picture, shapes = draw(seed)
    boxes = [_center_box(shape, *picture.size) for shape in shapes]
    classes = torch.tensor([SHAPES.index(shape.name) for shape in shapes])
    return to_input(picture), {"class_labels": classes, "boxes": torch.tensor(boxes)}


def _center_box(shape: DrawnShape, width: int, height: int) -> list[float]:
    """Center, width and height as fractions of the picture."""
    across, down = (shape.left + shape.right) / 2, (shape.top + shape.bottom) / 2
    return [across / width, down / height, (shape.right - shape.left) / width, (shape.bottom - shape.top) / height]


def _batches(
    pictures: list[tuple[torch.Tensor, Target]], dice: random.Random
) -> Iterator[list[tuple[torch.Tensor, Target]]]:
    while True:
        order = dice.sample(range(len(pictures)), len(pictures))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            yield [_augmented(*pictures[number], dice) for number in order[start : start + BATCH]]


def _augmented(picture: torch.Tensor, target: Target, dice: random.Random) -> tuple[torch.Tensor, Target]:
    """Flip, transpose, swap channels and change the brightness; the boxes follow."""
    boxes = target["boxes"].clone()
    if dice.random() < 0.5:
        picture, boxes[:, 0] = picture.flip(2), 1 - boxes[:, 0]
    if dice.random() < 0.5:
        picture, boxes[:, 1] = picture.flip(1), 1 - boxes[:, 1]
    if dice.random() < 0.5:
        picture, boxes = picture.transpose(1, 2), boxes[:, [1, 0, 3, 2]]
    picture = picture[dice.sample(range(3), 3)] * dice.uniform(0.7, 1.3)
    return picture.clamp(0, 1), {**target, "boxes": boxes}


@torch.no_grad()
def detect(model: RTDetrV2ForObjectDetection, picture: Image.Image) -> list[dict[str, Any]]:
    """What PyTorch finds: name, score (0 to 1) and box (corners as fractions), surest first.

    As the transformers library does it for this model: the surest of all pairs of a query and a class.
    """
    output = model(pixel_values=to_input(picture)[None])
    queries, classes = output.logits[0].shape
    scores, places = output.logits[0].sigmoid().flatten().topk(queries)
    found = []
    for score, place in zip(scores.tolist(), places.tolist(), strict=True):
        if score >= KEPT_SCORE:
            across, down, width, height = output.pred_boxes[0, place // classes].tolist()
            box = [across - width / 2, down - height / 2, across + width / 2, down + height / 2]
            found.append({"name": SHAPES[place % classes], "score": score, "box": box})
    return found


def evaluate(model: RTDetrV2ForObjectDetection) -> float:
    """mAP at an overlap of 0.5 on pictures that were not trained on."""
    truth: dict[str, Any] = {"images": [], "annotations": [], "categories": []}
    truth["categories"] = [{"id": number, "name": name} for number, name in enumerate(SHAPES)]
    found = []
    for seed in HELD_OUT_SEEDS:
        picture, shapes = draw(seed)
        truth["images"].append({"id": seed, "width": picture.width, "height": picture.height})
        for shape in shapes:
            box = [shape.left, shape.top, shape.right - shape.left, shape.bottom - shape.top]
            annotation = {"id": len(truth["annotations"]) + 1, "image_id": seed, "bbox": box, "area": shape.area}
            truth["annotations"].append({**annotation, "category_id": SHAPES.index(shape.name), "iscrowd": 0})
        for one in detect(model, picture):
            left, top, right, bottom = (round(value * picture.width, 3) for value in one["box"])
            box = [left, top, right - left, bottom - top]
            category = SHAPES.index(one["name"])
            found.append({"image_id": seed, "category_id": category, "bbox": box, "score": one["score"]})
    with redirect_stdout(io.StringIO()):
        known = COCO(truth)
        run = COCOeval_faster(known, known.loadRes(found), iouType="bbox")
        run.run()
    return float(run.stats[1])


class _Exported(torch.nn.Module):
    """The two outputs that a model folder promises."""

    def __init__(self, model: RTDetrV2ForObjectDetection) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        output = self.model(pixel_values=pixel_values)
        return output.logits, output.pred_boxes


def write(model: RTDetrV2ForObjectDetection, folder: Path) -> None:
    """Write the model folder for PyTorch and for ONNX, and what PyTorch finds in pictures it has not seen."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    batch = {0: "batch"}
    torch.onnx.export(
        # In evaluation mode itself: the export puts back the mode it finds, here on the model within.
        _Exported(model).eval(),
        (torch.zeros(2, 3, SIDE, SIDE),),
        str(folder / "model.onnx"),
        dynamo=False,
        opset_version=17,
        input_names=["pixel_values"],
        output_names=["logits", "pred_boxes"],
        dynamic_axes={"pixel_values": batch, "logits": batch, "pred_boxes": batch},
    )
    preprocessing = {
        "image_processor_type": "RTDetrImageProcessor",
        "do_resize": True,
        "size": {"height": SIDE, "width": SIDE},
        "resample": int(Image.Resampling.BILINEAR),
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": False,
        "do_pad": False,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing, indent=2) + "\n")
    expected = {str(seed): detect(model, draw(seed)[0]) for seed in EXPECTED_SEEDS}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
