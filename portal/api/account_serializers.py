"""The documents of the addresses that are not about one image; amounts are US dollars, sizes bytes."""

from __future__ import annotations

from rest_framework import serializers

from portal.api.models import Scope
from portal.images.models import Status


class TokenSerializer(serializers.Serializer[object]):
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))
    expires_at = serializers.DateTimeField(allow_null=True)


class MeSerializer(serializers.Serializer[object]):
    username = serializers.CharField()
    email = serializers.EmailField()
    is_staff = serializers.BooleanField()
    token = TokenSerializer()


class DailyImagesSerializer(serializers.Serializer[object]):
    today = serializers.IntegerField(min_value=0)
    per_day = serializers.IntegerField(min_value=0)
    renews_at = serializers.DateTimeField()


class StorageSerializer(serializers.Serializer[object]):
    stored = serializers.IntegerField(min_value=0)
    limit = serializers.IntegerField(min_value=0)


class MoneySerializer(serializers.Serializer[object]):
    """A month's. `budget_usd` is null where there is no limit; `renews_on` is the first day of the next month."""

    month = serializers.DateField()
    renews_on = serializers.DateField()
    spent_usd = serializers.FloatField(min_value=0)
    budget_usd = serializers.FloatField(min_value=0, allow_null=True)
    waiting_for_money = serializers.IntegerField(min_value=0)


class UsageSerializer(serializers.Serializer[object]):
    """`money` is null where recognition costs nothing; `statuses` names only those that there are."""

    images = DailyImagesSerializer()
    bytes = StorageSerializer()
    statuses = serializers.DictField(child=serializers.IntegerField(min_value=0), help_text=", ".join(Status.values))
    money = MoneySerializer(allow_null=True)


class LabelSerializer(serializers.Serializer[object]):
    name = serializers.CharField()
    images = serializers.IntegerField(min_value=1)


class LabelsSerializer(serializers.Serializer[object]):
    results = LabelSerializer(many=True)


class StackSerializer(serializers.Serializer[object]):
    """Everybody's together. `waiting` counts all that is queued, those that wait for money among them."""

    money = MoneySerializer()
    statuses = serializers.DictField(child=serializers.IntegerField(min_value=0), help_text=", ".join(Status.values))
    waiting = serializers.IntegerField(min_value=0)
