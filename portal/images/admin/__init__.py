"""The administration of images and of the machinery around them."""

from portal.images.admin import images, operations, recognitions

__all__ = ["images", "operations", "recognitions"]
