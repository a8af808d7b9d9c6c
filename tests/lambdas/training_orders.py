"""Orders as the portal writes them, and what the function `train` is set up with."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.lambdas.world import World

VERSION = UUID("11111111-2222-3333-4444-555555555555")
JOB = "111111112222-0a1b2c3d"
NAME = f"imagesift-dev-train-{JOB}"
FOLDER = f"models/{VERSION}"
ROLE = "arn:aws:iam::123456789012:role/imagesift-dev-training"
GROUP = "imagesift-dev-detector"
ENVIRONMENT = {
    "TRAINING_JOBS": "imagesift-dev-train",
    "TRAINING_ROLE": ROLE,
    "TRAINING_IMAGE": "763104351884.dkr.ecr.eu-west-1.amazonaws.com/training:1",
    "TRAINING_INSTANCE": "ml.g4dn.xlarge",
    "TRAINING_SPOT": "true",
    "TRAINING_SECONDS": "3600",
    "TRAINING_PATIENCE_SECONDS": "7200",
    "TRAINING_CODE": "code/training-0a1b.tar.gz",
    "MODEL_PACKAGE_GROUP": GROUP,
    "SERVING_IMAGE": "763104351884.dkr.ecr.eu-west-1.amazonaws.com/serving:1",
    "JOB_TAGS": '{"application": "imagesift", "stack": "dev"}',
}
TRAIN = {
    "folder": f"{FOLDER}/",
    "annotations": f"{FOLDER}/data/{JOB}/annotations/",
    "images": "datasets/99999999-2222-3333-4444-555555555555/images/",
    "start": None,
    "baseline": None,
    "hyperparameters": {"name": "shapes", "model_version": "2", "start": "rtdetr-v2-r18", "steps": "300"},
}
REGISTER = {
    "archive": f"{FOLDER}/model.tar.gz",
    "report": f"{FOLDER}/report.json",
    "description": "shapes v2, trained on drawn v1: the gate passed it",
    "about": {"name": "shapes", "version": "2", "map50": "0.8312"},
}


def put(world: World, order: str, **more: Any) -> str:
    name = "decision" if order in ("approve", "reject") else order
    key = f"outbox/training/{JOB}-{name}.json"
    schema = "imagesift.training-order/1"
    world.write(key, {"schema": schema, "order": order, "version_id": str(VERSION), "job": JOB, **more})
    return key
