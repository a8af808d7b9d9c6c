"""What the routes of images have in common."""

from __future__ import annotations

from uuid import UUID

from django.shortcuts import get_object_or_404
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from portal.accounts.person import person
from portal.api.scopes import Scope, requires
from portal.images.models import Image


class ImagesView(APIView):
    """Looking needs the scope `images:read`, changing anything `images:write`."""

    def get_permissions(self) -> list[BasePermission]:
        scope = Scope.IMAGES_READ if self.request.method in SAFE_METHODS else Scope.IMAGES_WRITE
        return [requires(scope)()]


def own_image(request: Request, image_id: UUID) -> Image:
    """An image of the token's owner, with its current recognition. Raises Http404 for anybody else's."""
    return get_object_or_404(Image.objects.select_related("current"), pk=image_id, owner=person(request))
