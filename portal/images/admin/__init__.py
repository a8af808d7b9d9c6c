"""The administration of images and of the machinery around them."""

from portal.images.admin import images, money, operations, recognitions

__all__ = ["images", "money", "operations", "recognitions"]
