"""The usage page: allowances, and the last days."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.images.charts import CHART_HEIGHT, daily_bars
from portal.images.models import DailyUploads
from tests.portal.bare_images import bare_images


def test_the_usage_page_shows_what_is_used_of_the_allowances(client: Client, owner: User, settings: Any) -> None:
    settings.IMAGES_PER_DAY, settings.BYTES_PER_USER = 20, 5_000_000
    bare_images(owner, 1, byte_size=1_500_000)
    client.force_login(owner)
    DailyUploads.objects.create(owner=owner, day=timezone.now().date(), images=7)
    body = client.get(reverse("images:usage")).content.decode()

    assert "<strong>7</strong> of 20 used, 13 left" in body
    assert "<strong>1.5 MB</strong> of 5 MB used, 3.5 MB left" in body
    assert "renews at midnight UTC" in body
    assert "7 images in all" in body


def test_bars_are_in_proportion_and_the_smallest_is_still_seen() -> None:
    bars = daily_bars([(date(2026, 1, day), count) for day, count in ((1, 0), (2, 1), (3, 1000))])
    assert [bar.height for bar in bars] == [0, 2, CHART_HEIGHT]
    assert [bar.y for bar in bars] == [CHART_HEIGHT, CHART_HEIGHT - 2, 0]
