from django.apps import AppConfig


class FinetuningConfig(AppConfig):
    name = "portal.finetuning"
    label = "finetuning"
    verbose_name = "training"

    def ready(self) -> None:
        from portal.finetuning import resuming, shadowing
        from portal.finetuning.removing import on_images_deleting
        from portal.finetuning.tasks import on_swept
        from portal.images.signals import image_settled, images_deleting, swept

        images_deleting.connect(on_images_deleting, dispatch_uid="finetuning")
        swept.connect(on_swept, dispatch_uid="finetuning")
        swept.connect(resuming.on_swept, dispatch_uid="models")
        image_settled.connect(shadowing.on_settled, dispatch_uid="shadows")
        images_deleting.connect(shadowing.on_images_deleting, dispatch_uid="shadows")
