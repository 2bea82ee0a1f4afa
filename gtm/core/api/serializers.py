"""What several REST interfaces show alike: transitions as the caller may perform them now, or why not."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from gtm.core.actors import acting_as, current


class ActionSerializer(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    comment_required = serializers.BooleanField()
    allowed = serializers.BooleanField()
    reasons = serializers.ListField(
        child=serializers.CharField(), help_text="The reasons, where it is refused"
    )


class ReasonedSerializer(serializers.ModelSerializer):
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
