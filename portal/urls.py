"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path

from portal.health import healthz, readyz
from portal.pages import home

urlpatterns = [
    path("", home, name="home"),
    path("", include("portal.images.urls")),
    path("account/", include("portal.accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
