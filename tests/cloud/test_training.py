"""A model from the order on the page to its approval, each function limited to its own policy."""

from __future__ import annotations

import json

from tests.cloud import trainings
from tests.cloud.people import administrator
from tests.cloud.pictures import picture
from tests.cloud.stack import Cloud


def test_a_model_is_ordered_trained_registered_and_approved(cloud: Cloud) -> None:
    root = administrator(cloud, "root")
    images = [root.upload(picture(7000 + number, width=320, height=240)) for number in range(len(trainings.SPLITS))]
    cloud.settle()
    dataset = trainings.make_dataset(cloud, images)
    version = trainings.order(cloud, root, dataset, "lamps")

    ordered = trainings.row(cloud, version)
    assert ordered["job_name"].startswith("imagesift-dev-train-"), ordered
    job = cloud.aws.client("sagemaker").describe_training_job(TrainingJobName=ordered["job_name"])
    assert job["HyperParameters"]["steps"] == "300"
    bucket = cloud.outputs["derived_bucket"]
    sources = {each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"] for each in job["InputDataConfig"]}
    for address in sources.values():
        prefix = address.removeprefix(f"s3://{bucket}/")
        assert cloud.keys("derived_bucket", prefix), f"nothing lies at {address}"
    assert len(cloud.keys("derived_bucket", f"datasets/{dataset}/images/")) == len(images)

    lines = [{"kind": "phase", "phase": "training"}, {"kind": "step", "step": 20, "of": 300, "loss": 1.5}]
    trainings.put(cloud, f"models/{version}/run/progress.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    progress = root.submit(f"/admin/finetuning/modelversion/{version}/progress/").json()
    assert (progress["state"], progress["steps_done"]) == ("training", 20)

    trainings.finish(cloud, version)
    ready = trainings.row(cloud, version)
    assert (ready["state"], ready["error"]) == ("ready", "")
    assert ready["served_as"].startswith("lamps-v1-")
    assert ":model-package/imagesift-dev-detector/" in ready["package_arn"], ready
    assert trainings.approval(cloud, ready) == "PendingManualApproval"

    trainings.decide(cloud, root, version, "approve")
    assert (trainings.row(cloud, version)["approval"], trainings.approval(cloud, ready)) == ("approved", "Approved")
    orders = f"outbox/training/{ordered['job_name'].removeprefix('imagesift-dev-train-')}"
    assert cloud.keys("derived_bucket", orders) == []
