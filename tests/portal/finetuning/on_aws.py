"""A training on SageMaker as the tests see it: orders in the bucket, and what a job would leave there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from portal.finetuning.models import DatasetSnapshot, ModelVersion, Place
from tests.portal.finetuning.versions import START
from tests.portal.test_s3_storage import BUCKETS, keys
from training.packing import MODEL_FOLDER

DERIVED = BUCKETS["derived"]
MODEL = {
    "model.onnx": (START / "model.onnx").read_bytes(),
    "config.json": (START / "config.json").read_bytes(),
    "preprocessor_config.json": (START / "preprocessor_config.json").read_bytes(),
    "imagesift.json": b'{"schema": "imagesift.model/1", "name": "shapes", "version": 1, "thresholds": {}}',
}
CANDIDATE = {"map50": [0.83, 0.7, 0.9]}
PASSED = {"verdict": "passed", "reasons": []}


class Bucket:
    def __init__(self, s3: Any) -> None:
        self.s3 = s3

    def put(self, key: str, content: bytes) -> None:
        self.s3.put_object(Bucket=DERIVED, Key=key, Body=content)

    def read(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=DERIVED, Key=key)["Body"].read()
        return content

    def keys(self, prefix: str) -> list[str]:
        return [key for key in keys(self.s3, DERIVED) if key.startswith(prefix)]

    def orders(self) -> dict[str, dict[str, Any]]:
        """What waits in the outbox, by what is wanted."""
        found = [json.loads(self.read(key)) for key in self.keys("outbox/training/")]
        return {order["order"]: order for order in found}

    def forget_orders(self) -> None:
        """The function has done what it was told: it removes its orders."""
        for key in self.keys("outbox/training/"):
            self.s3.delete_object(Bucket=DERIVED, Key=key)

    def previews(self, dataset: DatasetSnapshot) -> None:
        """Recognition leaves a preview of each image."""
        for row in dataset.images.select_related("image"):
            self.put(row.image.preview_key, f"the preview of {row.sha256}".encode())

    def progress(self, version: ModelVersion, *records: dict[str, Any]) -> None:
        lines = "".join(json.dumps(record) + "\n" for record in records)
        self.put(f"{version.folder}/run/progress.jsonl", lines.encode())

    def finish(self, version: ModelVersion, verdict: dict[str, Any] = PASSED, **report: Any) -> None:
        """All that a job leaves in its run folder, with a picture of an earlier attempt that no report names."""
        shown = version.dataset.images.filter(split="test").order_by("sha256")[0].file_name
        worst = [{"image": "report/worst-1.jpg", "file_name": shown, "words": "A cross was missed."}]
        result = f"{version.folder}/run/result"
        for name, content in MODEL.items():
            self.put(f"{result}/{MODEL_FOLDER}/{name}", content)
        self.put(f"{result}/torch/model.safetensors", b"weights")
        self.put(f"{result}/report.json", json.dumps({"candidate": CANDIDATE, "worst": worst, **report}).encode())
        self.put(f"{result}/verdict.json", json.dumps(verdict).encode())
        self.put(f"{result}/report/worst-1.jpg", b"a picture")
        self.put(f"{result}/report/worst-7.jpg", b"an older picture")
        self.put(f"{result}/model.tar.gz", b"packed")
        done = {"kind": "done", "verdict": verdict["verdict"], "map50": 0.83}
        self.progress(version, step(300), done)


def model_folder(path: Path) -> Path:
    """The same model as a folder."""
    path.mkdir()
    for name, content in MODEL.items():
        (path / name).write_bytes(content)
    return path


def step(number: int, **values: Any) -> dict[str, Any]:
    return {"kind": "step", "step": number, "of": 300, "loss": 1.5, "seconds_left": 30.0, **values}


def wanted(dataset: DatasetSnapshot, **values: Any) -> ModelVersion:
    about = {"name": "shapes", "dataset": dataset, "start": "tiny-shapes", "place": Place.SAGEMAKER}
    return ModelVersion(**{**about, **values})
