"""Runbooks over REST: tasks and alerts of launches as data, each change a new version."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from gtm.core.api.views import GovernedViewSet
from programs.api.insiders import ForOurPeople
from programs.api.serializers import KEPT, WholeSerializer
from programs.models import Role, Runbook, RunbookAlert, RunbookTask


def role_field(**told: Any) -> serializers.SlugRelatedField:
    return serializers.SlugRelatedField("slug", queryset=Role.objects.all(), **told)


class RunbookSerializer(WholeSerializer):
    class Meta:
        model = Runbook
        fields = ["id", "program_kind", "channel", "title", "is_active", "sessions", "reviews", "looks",
                  "without_sessions", "without_reviews", "definition_version", "version"]  # fmt: skip
        read_only_fields = [*KEPT, "definition_version"]


class RunbookTaskSerializer(WholeSerializer):
    responsible = role_field()
    accountable = role_field()
    substitute = role_field(allow_null=True, required=False)

    class Meta:
        model = RunbookTask
        fields = [
            "id", "runbook", "position", "key", "name", "purpose", "phase", "group", "responsible",
            "accountable", "substitute", "consulted", "informed", "needs", "optimistic_days", "likely_days",
            "pessimistic_days", "wait_days", "not_before_days", "outside", "days_after_launch",
            "evidence", "weight", "is_blocker", "adds_gate", "version",
        ]  # fmt: skip
        read_only_fields = KEPT


class RunbookAlertSerializer(WholeSerializer):
    owner = role_field()

    class Meta:
        model = RunbookAlert
        fields = [
            "id", "runbook", "position", "key", "name", "dashboard", "condition", "threshold", "owner",
            "response_minutes", "response", "version",
        ]  # fmt: skip
        read_only_fields = KEPT


class RunbookViewSet(ForOurPeople, GovernedViewSet):
    queryset = Runbook.objects.all()
    serializer_class = RunbookSerializer
    filterset_fields = ["program_kind", "channel", "is_active"]


class RunbookTaskViewSet(ForOurPeople, GovernedViewSet):
    queryset = RunbookTask.objects.select_related("responsible", "accountable", "substitute")
    serializer_class = RunbookTaskSerializer
    filterset_fields = ["runbook", "phase", "is_blocker"]
    search_fields = ["name", "key"]


class RunbookAlertViewSet(ForOurPeople, GovernedViewSet):
    queryset = RunbookAlert.objects.select_related("owner")
    serializer_class = RunbookAlertSerializer
    filterset_fields = ["runbook"]
