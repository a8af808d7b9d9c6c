from django.apps import AppConfig


class ModerationConfig(AppConfig):
    name = "portal.moderation"
    label = "moderation"

    def ready(self) -> None:
        from portal.images.signals import swept
        from portal.moderation import freshening
        from portal.moderation.sweeping import on_swept

        swept.connect(on_swept, dispatch_uid="moderation")
        swept.connect(freshening.on_swept, dispatch_uid="rarity")
