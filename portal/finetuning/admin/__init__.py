"""Datasets and model versions in the administration."""

from portal.finetuning.admin import datasets, versions

__all__ = ["datasets", "versions"]
