from django.apps import AppConfig


class FinetuningConfig(AppConfig):
    name = "portal.finetuning"
    label = "finetuning"
