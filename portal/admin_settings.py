"""How the administration looks."""

from __future__ import annotations

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "ImageSift",
    "SITE_HEADER": "ImageSift",
    "SITE_SUBHEADER": "Administration",
    "SITE_SYMBOL": "image_search",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "portal.admin_site.icon"}],
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "portal.images.admin.dashboard.dashboard",
    "STYLES": ["portal.admin_site.stylesheet"],
    "SCRIPTS": ["portal.admin_site.script"],
    "ACCOUNT": {"navigation": [{"title": "Change password", "link": "portal.admin_site.password_address"}]},
    "SIDEBAR": {"navigation": "portal.admin_site.navigation"},
}
