"""Milliseconds that the ONNX detector takes for a picture beside its network alone; pictures a second of evaluation.

Both look at the same pictures in turn, with as many threads. `--folder` names a model folder, for instance that of the
detector that is installed; the pretrained tiny one is so fast that everything around it shows. `--full-size` measures
the shape of RT-DETRv2-R18 at 640 pixels, with random weights. That and evaluation need `make training`; evaluation is
detection with PyTorch, matching, and a bootstrap of 1,000 draws.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

import training
from recognition.detectors.model_folder import ModelFolder
from recognition.detectors.onnx import OnnxDetector, Preprocessing
from training.shapes import SHAPES, draw

TINY = Path(training.__file__).parent / "starts" / "tiny-shapes"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=TINY, help="the model folder (default: the tiny one)")
    parser.add_argument("--full-size", action="store_true", help="measure RT-DETRv2-R18's shape with random weights")
    parser.add_argument("--pictures", type=int, default=200, help="to look at, of 640 x 480 (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of either network (default: %(default)s)")
    parser.add_argument("--evaluate", action="store_true", help="measure evaluation with the tiny model as well")
    options = parser.parse_args()
    if options.full_size:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(latency(full_size(Path(folder)), options.pictures, options.threads)))
    else:
        print(json.dumps(latency(options.folder, options.pictures, options.threads)))
    if options.evaluate:
        print(json.dumps(evaluation(options.pictures, options.threads)))


def latency(folder: Path, pictures: int, threads: int) -> dict[str, Any]:
    """Medians in milliseconds. The detector's own session runs bare, so that both are the same network."""
    detector = OnnxDetector(folder, threads=threads)
    session = detector._session()
    preprocessing = Preprocessing.read(ModelFolder(folder).preprocessor)
    looked: list[float] = []
    ran: list[float] = []
    prepared: list[float] = []
    for seed in range(pictures + 5):
        pixels: NDArray[np.uint8] = np.asarray(draw(seed, 640, 480)[0])
        inputs, seconds = timed(lambda pixels=pixels: preprocessing(pixels))
        prepared.append(seconds)
        both: list[tuple[list[float], Callable[[], Any]]] = [
            (looked, lambda pixels=pixels: detector.find(pixels)),
            (ran, lambda inputs=inputs: session.run(["logits", "pred_boxes"], {"pixel_values": inputs})),
        ]
        for times, work in both if seed % 2 else reversed(both):
            times.append(timed(work)[1])
    detect, bare, prepare = (1000 * median(times[5:]) for times in (looked, ran, prepared))
    return {
        "model": ModelFolder(folder).version,
        "threads": threads,
        "detector_ms": round(detect, 2),
        "session_run_ms": round(bare, 2),
        "preprocessing_ms": round(prepare, 2),
        "ratio": round(detect / bare, 3),
    }


def full_size(folder: Path) -> Path:
    """A model folder in the shape of RT-DETRv2-R18."""
    from benchmarks.training import r18_shape
    from training.export import write_onnx, write_torch
    from training.networks import build, preprocessing
    from training.train import Trained

    start = r18_shape(folder / "start")
    trained = Trained(build(start, SHAPES), *preprocessing(start, None), tuple(SHAPES), {})
    write_torch(trained, folder)
    write_onnx(trained, folder / "model.onnx")
    return folder


def evaluation(pictures: int, threads: int) -> dict[str, Any]:
    import torch
    from transformers import AutoModelForObjectDetection

    from training.data import load
    from training.detecting import detect
    from training.drawn import write_folder
    from training.scoring import scores

    torch.set_num_threads(threads)
    model = AutoModelForObjectDetection.from_pretrained(TINY).eval()
    preprocessing = Preprocessing.read(ModelFolder(TINY).preprocessor)
    with tempfile.TemporaryDirectory() as folder:
        samples = load(write_folder(Path(folder), SHAPES, train=1, validation=1, test=pictures)).test
        found, detecting = timed(lambda: detect(model, preprocessing, samples, SHAPES))
        measured, scoring = timed(lambda: scores(samples, found, SHAPES, dict.fromkeys(range(len(SHAPES)), 0.5)))
    return {
        "pictures": pictures,
        "threads": threads,
        "pictures_per_second": round(pictures / (detecting + scoring), 1),
        "detecting_s": round(detecting, 2),
        "scoring_s": round(scoring, 2),
        "map50": measured["map50"][0],
    }


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


if __name__ == "__main__":
    main()
