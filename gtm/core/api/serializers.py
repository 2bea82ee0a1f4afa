"""What several REST interfaces show alike: transitions as the caller may perform them now, or why not."""

from __future__ import annotations

from rest_framework import serializers


class ActionSerializer(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    comment_required = serializers.BooleanField()
    allowed = serializers.BooleanField()
    reasons = serializers.ListField(
        child=serializers.CharField(), help_text="The reasons, where it is refused"
    )
