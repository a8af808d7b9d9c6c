from django.apps import AppConfig


class FinetuningConfig(AppConfig):
    name = "portal.finetuning"
    label = "finetuning"
    verbose_name = "datasets"

    def ready(self) -> None:
        from portal.finetuning.removing import on_images_deleting
        from portal.finetuning.tasks import on_swept
        from portal.images.signals import images_deleting, swept

        images_deleting.connect(on_images_deleting, dispatch_uid="finetuning")
        swept.connect(on_swept, dispatch_uid="finetuning")
