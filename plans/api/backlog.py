"""How a backlog looks over REST, and what making an item a task takes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from gtm.core.api.fields import DayField
from gtm.core.api.serializers import Serializer
from programs.models import Person


class BacklogItemSerializer(Serializer):
    rank = serializers.IntegerField()
    title = serializers.CharField()
    why = serializers.CharField()
    owner_role = serializers.CharField()
    eta = DayField()
    expected_value = serializers.FloatField(
        source="row.expected_value", allow_null=True, help_text="Empty where nobody knows what it is worth"
    )
    follow_up = serializers.SerializerMethodField(help_text="The plan it became, and how that stands")

    @extend_schema_field({"type": "object", "nullable": True})
    def get_follow_up(self, item: Any) -> dict[str, Any] | None:
        if item.follow_up is None:
            return None
        return {"plan_id": item.follow_up.plan_id, "status": item.follow_up.state}


class FollowUpSerializer(Serializer):
    owner = serializers.SlugRelatedField(
        "email",
        queryset=Person.objects.filter(is_active=True),
        required=False,
        help_text="E-mail of a person instead of who holds the role",
    )
    due = DayField(required=False, help_text="Instead of the item's own date")
    comment = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")
