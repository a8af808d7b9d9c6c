from django.apps import AppConfig
from django.db.models.signals import pre_delete


class WebhooksConfig(AppConfig):
    name = "portal.webhooks"
    label = "webhooks"

    def ready(self) -> None:
        from portal.images.signals import image_settled, swept
        from portal.webhooks import checks  # noqa: F401 - registers them
        from portal.webhooks.announcing import announce_settled
        from portal.webhooks.models import Webhook
        from portal.webhooks.sweeping import on_swept
        from portal.webhooks.withdrawing import withdraw_of_deleted

        image_settled.connect(announce_settled, dispatch_uid="webhooks")
        swept.connect(on_swept, dispatch_uid="webhooks")
        pre_delete.connect(withdraw_of_deleted, sender=Webhook, dispatch_uid="webhooks")
