"""A training on SageMaker, lived through in the deployed stack.

The job itself is SageMaker's: moto says at once that it is done, and its files are put where a job would put them.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from tests.cloud.people import Person
from tests.cloud.scenarios import LONG_S, upload
from tests.cloud.stack import Cloud
from tests.portal.finetuning.reports import report, verdict

SPLITS = ("train", "validation", "test")
_RESULT: dict[str, Any] = {
    "report.json": report(worst=()),
    "verdict.json": verdict(),
    "model/model.onnx": "weights",
    "model/config.json": {},
    "model/preprocessor_config.json": {},
    "model/imagesift.json": {"schema": "imagesift.model/1", "name": "lamps", "version": 1},
    "torch/model.safetensors": "weights",
    "model.tar.gz": "packed",
}


def make_dataset(cloud: Cloud, images: list[str]) -> str:
    """A dataset that is ready, of one image for each use. Returns its id."""
    snapshot = str(uuid4())
    card = {"counts": {"images": len(images)}, "images_removed": 0}
    cloud.database.execute(
        """INSERT INTO finetuning_datasetsnapshot (id, name, version, labels, minimum, validation_percent, test_percent,
               salt, distance, licence, with_images, author_name, made_at, state, categories, images_done,
               pictures_done, last_picture, beat_at, error, tally, card, images_removed)
           VALUES (%s, %s, 1, '[]', 1, 33, 33, '', 0, '', false, 'root', now(), 'ready',
               '[{"id": 1, "name": "Lamp"}]', 3, 0, '', now(), '', '{}', %s, 0)""",
        snapshot,
        f"lamps-{snapshot[:8]}",
        json.dumps(card),
    )
    box = {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}
    for image, split in zip(images, SPLITS, strict=True):
        cloud.database.execute(
            """INSERT INTO finetuning_datasetimage (snapshot_id, image_id, sha256, group_key, split, width, height,
                   annotations, is_negative, is_complete)
               SELECT %s, id, sha256, sha256, %s, width, height, %s, false, true FROM images_image WHERE id = %s""",
            snapshot,
            split,
            json.dumps([{"label": "Lamp", "box": box, "state": "added"}]),
            image,
        )
    return snapshot


def order(cloud: Cloud, person: Person, dataset: str, name: str) -> str:
    """Order a model on the page. Returns the id of its version, whose job has been made."""
    form = {"name": name, "snapshot": dataset, "start": "rtdetr-v2-r18", "steps": "300", "place": "sagemaker"}
    person.open("/admin/finetuning/modelversion/add/")
    assert person.submit("/admin/finetuning/modelversion/add/", form).ok
    cloud.settle()
    ((version,),) = cloud.database.rows("SELECT id FROM finetuning_modelversion WHERE name = %s", name)
    return str(version)


def row(cloud: Cloud, version: str) -> dict[str, Any]:
    """The version, as JSON has it."""
    ((found,),) = cloud.database.rows("SELECT to_jsonb(v) FROM finetuning_modelversion v WHERE id = %s", version)
    return dict(found)


def finish(cloud: Cloud, version: str) -> None:
    """The job leaves its result, and EventBridge's rule puts word of it into the queue."""
    for name, content in _RESULT.items():
        text = content if isinstance(content, str) else json.dumps(content)
        put(cloud, f"models/{version}/run/result/{name}", text)
    job = row(cloud, version)["job_name"]
    detail = {"TrainingJobName": job, "TrainingJobStatus": "Completed", "SecondaryStatus": "Completed"}
    kind = "SageMaker Training Job State Change"
    cloud.send("ingest", {"version": "0", "source": "aws.sagemaker", "detail-type": kind, "detail": detail})
    cloud.settle()


def decide(cloud: Cloud, person: Person, version: str, deed: str) -> None:
    answer = person.submit(f"/admin/finetuning/modelversion/{version}/decide/{deed}/")
    assert answer.ok, cloud.functions.log[cloud.name("web")][-10:]
    cloud.settle()


def put(cloud: Cloud, key: str, content: str) -> None:
    cloud.aws.client("s3").put_object(Bucket=cloud.outputs["derived_bucket"], Key=key, Body=content.encode())


def approval(cloud: Cloud, version: dict[str, Any]) -> str:
    found = cloud.aws.client("sagemaker").describe_model_package(ModelPackageName=version["package_arn"])
    return str(found["ModelApprovalStatus"])


def train(cloud: Cloud, person: Person) -> None:
    """A model is ordered, registered when its job has ended, and approved."""
    dataset = make_dataset(cloud, [upload(cloud, person) for _ in SPLITS])
    version = order(cloud, person, dataset, f"lamps-{dataset[:8]}")
    finish(cloud, version)
    decide(cloud, person, version, "approve")
    assert approval(cloud, row(cloud, version)) == "Approved"


def stop_training(cloud: Cloud, person: Person) -> None:
    """The order stays, for a job that is yet to be made."""
    dataset = make_dataset(cloud, [upload(cloud, person) for _ in SPLITS])
    version = order(cloud, person, dataset, f"lamps-{dataset[:8]}")
    decide(cloud, person, version, "stop")
    assert [key for key in cloud.keys("derived_bucket", "outbox/training/") if not key.endswith("-stop.json")] == []


def order_that_is_gone(cloud: Cloud, person: Person) -> None:
    cloud.announce("train", "derived_bucket", f"outbox/training/{uuid4()}.json")
    cloud.settle(LONG_S)
