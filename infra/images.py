"""AWS's own containers for training and serving: Hugging Face's, whose newest are listed under
https://github.com/aws/deep-learning-containers/blob/master/available_images.md
"""

from __future__ import annotations

from infra.naming import Names

_TRAINING = "huggingface-pytorch-training:2.9.0-transformers5.3.0-gpu-py312-cu130-ubuntu22.04"
_SERVING = "huggingface-pytorch-inference:2.6.0-transformers5.5.3-cpu-py312-ubuntu22.04"
_USUAL_ACCOUNT = "763104351884"
# https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths, and for newer ones the list in SageMaker's SDK: regions
# whose images lie in another account.
_ACCOUNTS = {
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-east-2": "975050140332",
    "ap-northeast-3": "364406365360",
    "ap-south-2": "772153158452",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ap-southeast-5": "550225433462",
    "ap-southeast-6": "633930458069",
    "ap-southeast-7": "590183813437",
    "ca-west-1": "204538143572",
    "cn-north-1": "727897471807",
    "cn-northwest-1": "727897471807",
    "eu-central-2": "380420809688",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "me-west-1": "124382933778",
    "mx-central-1": "637423239942",
    "us-gov-east-1": "446045086412",
    "us-gov-west-1": "442386744353",
}


def training_image(names: Names) -> str:
    """PyTorch and transformers on a GPU."""
    return f"{_registry(names)}/{_TRAINING}"


def serving_image(names: Names) -> str:
    """For processors; what it lacks comes with the model."""
    return f"{_registry(names)}/{_SERVING}"


def _registry(names: Names) -> str:
    domain = "amazonaws.com.cn" if names.region.startswith("cn-") else "amazonaws.com"
    return f"{_ACCOUNTS.get(names.region, _USUAL_ACCOUNT)}.dkr.ecr.{names.region}.{domain}"
