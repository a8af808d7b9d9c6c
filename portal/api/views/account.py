"""Who the token belongs to, what they have used, which labels there are, and how the whole portal is doing."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet
from django.utils import timezone
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.accounts.models import User
from portal.accounts.person import person
from portal.api.account_serializers import LabelsSerializer, MeSerializer, StackSerializer, UsageSerializer
from portal.api.describing import described
from portal.api.listing import percent, read_parameters
from portal.api.scopes import Scope, requires
from portal.images import quotas
from portal.images.counting import label_counts
from portal.images.models import Hold, Image, Status
from portal.images.spending import Purse, month_of_money, next_month, purse, this_month
from recognition.prices import MICRO_USD


class Me(APIView):
    permission_classes = [IsAuthenticated]

    @described("me")
    def get(self, request: Request) -> Response:
        """Who the token belongs to, and what it may do."""
        read_parameters(request.query_params)
        user = person(request)
        document = {"username": user.username, "email": user.email, "is_staff": user.is_staff, "token": request.auth}
        return Response(MeSerializer(document).data)


class Usage(APIView):
    permission_classes = [requires(Scope.IMAGES_READ)]

    @described("usage")
    def get(self, request: Request) -> Response:
        """What is used of the day's uploads and of the storage, this month's money, and how many images there are."""
        read_parameters(request.query_params)
        return Response(UsageSerializer(_usage(person(request))).data)


class Labels(APIView):
    permission_classes = [requires(Scope.IMAGES_READ)]

    @described("labels")
    def get(self, request: Request) -> Response:
        """Every label of the person's images, with how many carry it, commonest first."""
        confidence = read_parameters(request.query_params, min_confidence=percent)["min_confidence"]
        shown = settings.SHOWN_CONFIDENCE if confidence is None else confidence
        return Response(LabelsSerializer({"results": label_counts(person(request), shown)}).data)


class Stack(APIView):
    permission_classes = [requires(Scope.ADMIN)]

    @described("stack")
    def get(self, request: Request) -> Response:
        """How the whole portal is doing: money, images and those that wait. For staff."""
        read_parameters(request.query_params)
        statuses = _statuses(Image.objects.all())
        held = Image.objects.filter(status=Status.QUEUED, hold__gt=Hold.NONE).count()
        waiting = statuses.get(Status.QUEUED, 0)
        document = {"money": _money(purse(None), held), "statuses": statuses, "waiting": waiting}
        return Response(StackSerializer(document).data)


def _usage(owner: User) -> dict[str, Any]:
    used = quotas.usage(owner)
    tomorrow = datetime.combine(timezone.now().date() + timedelta(days=1), time.min, tzinfo=UTC)
    money = month_of_money(owner)
    return {
        "images": {"today": used.images_today, "per_day": used.images_per_day, "renews_at": tomorrow},
        "bytes": {"stored": used.bytes_stored, "limit": used.bytes_per_user},
        "statuses": _statuses(owner.images.all()),
        "money": _money(money.purse, money.held) if money else None,
    }


def _statuses(images: QuerySet[Image]) -> dict[str, int]:
    return dict(images.order_by().values_list("status").annotate(Count("pk")))


def _money(mine: Purse, held: int) -> dict[str, Any]:
    month = this_month()
    return {
        "month": month,
        "renews_on": next_month(month),
        "spent_usd": mine.spent / MICRO_USD,
        "budget_usd": None if mine.limit is None else mine.limit / MICRO_USD,
        "waiting_for_money": held,
    }
