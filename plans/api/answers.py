"""The answer of a plan and its thread, as REST tells them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from gtm.core.api.serializers import Serializer
from plans.models import Approval, Plan
from plans.schemas.answer import VERDICTS
from plans.selectors import answer_of


class WorthSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()
    amount = serializers.FloatField(allow_null=True)
    currency = serializers.CharField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    level = serializers.FloatField(allow_null=True, help_text="Level of the interval, from 0 to 1")


class CertaintySerializer(serializers.Serializer[Any]):
    words = serializers.CharField(allow_blank=True)
    chance = serializers.FloatField(allow_null=True, help_text="From 0 to 1")
    of = serializers.CharField(allow_blank=True)


class AlternativeSerializer(serializers.Serializer[Any]):
    words = serializers.CharField()
    inputs = serializers.DictField(
        child=serializers.CharField(), help_text="Inputs of the command that make it"
    )


class AnswerFigureSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()
    value = serializers.JSONField(allow_null=True)
    unit = serializers.CharField(allow_blank=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    level = serializers.FloatField(allow_null=True)
    comparison = serializers.JSONField(allow_null=True)
    compared_with = serializers.CharField(allow_blank=True)
    definition = serializers.CharField(allow_blank=True)
    unavailable = serializers.CharField(allow_blank=True)


class AnswerSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    key = serializers.CharField()
    title = serializers.CharField()
    headline = serializers.CharField()
    verdict = serializers.ChoiceField(VERDICTS)
    money = WorthSerializer(allow_null=True)
    certainty = CertaintySerializer()
    figures = AnswerFigureSerializer(many=True)
    caveats = serializers.ListField(child=serializers.CharField())
    alternative = AlternativeSerializer(allow_null=True)
    next = serializers.CharField(allow_blank=True)
    chart = serializers.CharField(allow_blank=True, help_text="Key of the output to show first")
    table = serializers.CharField(allow_blank=True, help_text="Key of the output to show first")
    columns = serializers.ListField(child=serializers.CharField(), help_text="Columns of the table to show")


@extend_schema_field(AnswerSerializer(allow_null=True))
class AnswerField(serializers.Field[Any, Any, Any, Any]):
    """What to do, for how much, how surely; null before the plan has an answer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(source="*", read_only=True, **options)

    def to_representation(self, value: Plan | Approval) -> dict[str, Any] | None:
        return answer_of(value.plan if isinstance(value, Approval) else value)


class MessageSerializer(Serializer):
    at = serializers.CharField(read_only=True)
    by = serializers.CharField(read_only=True, allow_null=True)
    text = serializers.CharField(max_length=4000)
