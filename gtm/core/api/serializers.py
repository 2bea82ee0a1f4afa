"""What several REST interfaces share: bodies that know their fields, and transitions as one may see them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from django.db import models
from rest_framework import serializers

from gtm.core.actors import acting_as, current
from gtm.core.api.fields import DayField, InstantField, MoneyAmountField
from gtm.core.money_field import MoneyField


# The docstring of a serializer is its description in OpenAPI, and would be that of every class below it.
class _KnownFieldsMixin(serializers.Serializer):
    # A field of the body that does not exist is refused, not ignored: the sender meant something by it.

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := [name for name in data if name not in self.fields]):
            raise serializers.ValidationError({name: [self._unknown(str(name))] for name in unknown})
        return super().to_internal_value(data)

    def _unknown(self, name: str) -> serializers.ErrorDetail:
        near = difflib.get_close_matches(name, list(self.fields), n=1)
        said = f" Did you mean “{near[0]}”?" if near else f" It has {', '.join(self.fields) or 'none'}."
        return serializers.ErrorDetail(f"There is no such field.{said}", code="unknown")


class Serializer(_KnownFieldsMixin):
    pass


class ModelSerializer(_KnownFieldsMixin, serializers.ModelSerializer):
    # Fields that are shown and never written may stand in a body, as one reads it.
    serializer_field_mapping = {  # noqa: RUF012 - as the base says it
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateField: DayField,
        models.DateTimeField: InstantField,
        MoneyField: MoneyAmountField,
    }

    def get_unique_together_validators(self) -> list[Any]:
        found = super().get_unique_together_validators()
        for validator in found:
            validator.message = "There is one already that has the same {field_names}: change that one."
        return found


class ActionSerializer(Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    comment_required = serializers.BooleanField()
    allowed = serializers.BooleanField()
    reasons = serializers.ListField(
        child=serializers.CharField(), help_text="The reasons, where it is refused"
    )


class ReasonedSerializer(ModelSerializer):
    """Of a model with guardrails (``reasoned_fields``): who moves one says why, in the body of the change."""

    reason = serializers.CharField(
        write_only=True,
        required=False,
        allow_blank=True,
        default="",
        help_text="Required where a guardrail changes; it stands in the change log",
    )

    def save(self, **kwargs: Any) -> Any:
        said, acting = self.validated_data.pop("reason", ""), current()
        with acting_as(acting.actor, said.strip() or acting.reason, acting.on_behalf_of):
            return super().save(**kwargs)
