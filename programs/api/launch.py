"""Message templates and launch profiles over REST: checked by the models themselves, as in the admin."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from gtm.core.api.views import GovernedViewSet
from programs.models import LaunchProfile, MessageTemplate, Program

KEPT = ["version", "created_at", "updated_at"]


class CheckedSerializer(serializers.ModelSerializer):
    """Refuses what the model's own ``clean`` refuses, by field."""

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        fields = {field.name for field in self.Meta.model._meta.concrete_fields}
        kept = {name: getattr(self.instance, name) for name in fields} if self.instance else {}
        self.Meta.model(**kept | given).clean()
        return given


class MessageTemplateSerializer(CheckedSerializer):
    class Meta:
        model = MessageTemplate
        fields = [
            "id", "program_kind", "key", "asset", "channel", "segment", "locale", "title", "subject", "html",
            "text", "utm_source", "utm_medium", "is_active", *KEPT,
        ]  # fmt: skip
        read_only_fields = KEPT


class LaunchProfileSerializer(CheckedSerializer):
    program = serializers.SlugRelatedField("slug", queryset=Program.objects.all())

    class Meta:
        model = LaunchProfile
        fields = [
            "id", "program", "locale", "landing_url", "destinations", "allowed_hosts", "vocabulary",
            "code_parameter", "test_code", "copy", *KEPT,
        ]  # fmt: skip
        read_only_fields = KEPT


class MessageTemplateViewSet(GovernedViewSet):
    queryset = MessageTemplate.objects.all()
    serializer_class = MessageTemplateSerializer
    filterset_fields = ["program_kind", "channel", "asset", "segment", "locale", "is_active"]
    search_fields = ["title", "key", "text", "html"]


class LaunchProfileViewSet(GovernedViewSet):
    queryset = LaunchProfile.objects.select_related("program")
    serializer_class = LaunchProfileSerializer
    filterset_fields = ["program__slug"]
