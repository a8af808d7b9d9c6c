"""A model from the order on the page to its approval, each function limited to its own policy.

The job itself is SageMaker's: moto says at once that it is done, and its files are put where a job would put them.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from tests.cloud.people import administrator
from tests.cloud.pictures import picture
from tests.cloud.stack import Cloud
from tests.portal.finetuning.reports import report, verdict

SPLITS = ("train", "validation", "test")
RESULT: dict[str, Any] = {
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
    """A dataset that is ready, of one image for each use."""
    snapshot = str(uuid4())
    card = {"counts": {"images": len(images)}, "images_removed": 0}
    cloud.database.execute(
        """INSERT INTO finetuning_datasetsnapshot (id, name, version, labels, minimum, validation_percent, test_percent,
               salt, distance, licence, with_images, author_name, made_at, state, categories, images_done,
               pictures_done, last_picture, beat_at, error, tally, card, images_removed)
           VALUES (%s, 'lamps', 1, '[]', 1, 33, 33, '', 0, '', false, 'root', now(), 'ready',
               '[{"id": 1, "name": "Lamp"}]', 3, 0, '', now(), '', '{}', %s, 0)""",
        snapshot,
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


def row(cloud: Cloud) -> dict[str, Any]:
    """The version, as JSON has it."""
    ((found,),) = cloud.database.rows("SELECT to_jsonb(v) FROM finetuning_modelversion v WHERE name = 'lamps'")
    return dict(found)


def test_a_model_is_ordered_trained_registered_and_approved(cloud: Cloud) -> None:
    root = administrator(cloud, "root")
    images = [root.upload(picture(7000 + number, width=320, height=240)) for number in range(len(SPLITS))]
    cloud.settle()
    dataset = make_dataset(cloud, images)
    form = {"name": "lamps", "snapshot": dataset, "start": "rtdetr-v2-r18", "steps": "300", "place": "sagemaker"}
    root.open("/admin/finetuning/modelversion/add/")
    assert root.submit("/admin/finetuning/modelversion/add/", form).ok
    cloud.settle()

    ordered = row(cloud)
    assert ordered["job_name"].startswith("imagesift-dev-train-"), ordered
    job = cloud.aws.client("sagemaker").describe_training_job(TrainingJobName=ordered["job_name"])
    assert job["HyperParameters"]["steps"] == "300"
    bucket = cloud.outputs["derived_bucket"]
    sources = {each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"] for each in job["InputDataConfig"]}
    for address in sources.values():
        prefix = address.removeprefix(f"s3://{bucket}/")
        assert cloud.keys("derived_bucket", prefix), f"nothing lies at {address}"
    assert len(cloud.keys("derived_bucket", f"datasets/{dataset}/images/")) == len(SPLITS)

    run = f"models/{ordered['id']}/run"
    lines = [{"kind": "phase", "phase": "training"}, {"kind": "step", "step": 20, "of": 300, "loss": 1.5}]
    put(cloud, f"{run}/progress.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    progress = root.submit(f"/admin/finetuning/modelversion/{ordered['id']}/progress/").json()
    assert (progress["state"], progress["steps_done"]) == ("training", 20)

    for name, content in RESULT.items():
        put(cloud, f"{run}/result/{name}", content if isinstance(content, str) else json.dumps(content))
    tell(cloud, ordered["job_name"], "Completed")
    cloud.settle()

    ready = row(cloud)
    assert (ready["state"], ready["error"]) == ("ready", "")
    assert ready["served_as"].startswith("lamps-v1-")
    assert ready["package_arn"].endswith(":model-package/imagesift-dev-detector/1"), ready
    assert approval(cloud, ready) == "PendingManualApproval"

    approved = root.submit(f"/admin/finetuning/modelversion/{ready['id']}/decide/approve/")
    assert approved.ok, cloud.functions.log[cloud.name("web")][-10:]
    cloud.settle()
    assert (row(cloud)["approval"], approval(cloud, ready)) == ("approved", "Approved")
    assert cloud.keys("derived_bucket", "outbox/training/") == []


def put(cloud: Cloud, key: str, content: str) -> None:
    cloud.aws.client("s3").put_object(Bucket=cloud.outputs["derived_bucket"], Key=key, Body=content.encode())


def tell(cloud: Cloud, job: str, status: str) -> None:
    """What EventBridge's rule puts into the queue."""
    detail = {"TrainingJobName": job, "TrainingJobStatus": status, "SecondaryStatus": status}
    kind = "SageMaker Training Job State Change"
    cloud.send("ingest", {"version": "0", "source": "aws.sagemaker", "detail-type": kind, "detail": detail})


def approval(cloud: Cloud, version: dict[str, Any]) -> str:
    found = cloud.aws.client("sagemaker").describe_model_package(ModelPackageName=version["package_arn"])
    return str(found["ModelApprovalStatus"])
