"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path

from portal.health import healthz, readyz
from portal.pages import home

urlpatterns = [
    path("", home, name="home"),
    path("", include("portal.images.urls")),
    path("account/", include("portal.accounts.urls")),
    path("account/tokens/", include("portal.api.account_urls")),
    path("account/webhooks/", include("portal.webhooks.urls")),
    path("api/v1/", include("portal.api.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/moderation/", include("portal.moderation.urls")),
    path("admin/finetuning/", include("portal.finetuning.urls")),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]

handler400 = "portal.api.views.errors.handler400"
handler404 = "portal.api.views.errors.handler404"
handler500 = "portal.api.views.errors.handler500"
