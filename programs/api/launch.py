"""Message templates and launch profiles over REST: checked by the models themselves, as in the admin."""

from __future__ import annotations

from rest_framework import serializers

from gtm.core.api.views import GovernedViewSet
from programs.api.insiders import ForOurPeople
from programs.api.serializers import KEPT, WholeSerializer
from programs.models import LaunchProfile, MessageTemplate, Program


class MessageTemplateSerializer(WholeSerializer):
    class Meta:
        model = MessageTemplate
        fields = [
            "id", "program_kind", "key", "asset", "channel", "segment", "variant", "locale", "title",
            "subject", "html", "text", "form", "most_characters", "preheader", "utm_source", "utm_medium",
            "is_active", *KEPT,
        ]  # fmt: skip
        read_only_fields = KEPT


class LaunchProfileSerializer(WholeSerializer):
    program = serializers.SlugRelatedField("slug", queryset=Program.objects.all())

    class Meta:
        model = LaunchProfile
        fields = [
            "id", "program", "locale", "locales", "translations", "reviewers", "mailing_tools", "landing_url",
            "destinations", "allowed_hosts", "vocabulary",
            "code_parameter", "test_code", "copy", "buffer_days", "shares",
            "collectors", "slowest_seconds", "delivers_test_form", "tokens", "least_readiness", *KEPT,
        ]  # fmt: skip
        read_only_fields = KEPT


class MessageTemplateViewSet(ForOurPeople, GovernedViewSet):
    queryset = MessageTemplate.objects.all()
    serializer_class = MessageTemplateSerializer
    filterset_fields = ["program_kind", "channel", "asset", "segment", "variant", "locale", "is_active"]
    search_fields = ["title", "key", "text", "html"]


class LaunchProfileViewSet(ForOurPeople, GovernedViewSet):
    queryset = LaunchProfile.objects.select_related("program")
    serializer_class = LaunchProfileSerializer
    filterset_fields = ["program__slug"]
