"""Schedules and what came of each time they were due, over REST."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core.api import etag
from gtm.core.api.serializers import ModelSerializer
from gtm.core.api.views import GovernedReadViewSet, GovernedViewSet
from plans.api.filters import CommandFilter
from plans.api.insiders import ListForOurPeople
from plans.api.serializers import ReasonSerializer
from plans.models import Schedule, ScheduledRun
from plans.runs import schedules
from plans.schemas import cron
from programs.models import Program


class ScheduleSerializer(ModelSerializer):
    program = serializers.SlugRelatedField("slug", queryset=Program.objects.all())
    inputs = serializers.DictField(child=serializers.JSONField(), required=False)
    owner = serializers.CharField(source="owner.username", read_only=True)
    due_when = serializers.SerializerMethodField(
        help_text="The crontab line in words; empty where it has none"
    )

    class Meta:
        model = Schedule
        fields = [
            "id", "name", "command", "program", "inputs", "crontab", "catch_up", "is_active", "owner",
            "due_when", "next_due_at", "version", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = ["next_due_at", "version", "created_at", "updated_at"]

    def get_due_when(self, schedule: Schedule) -> str:
        return cron.explain(schedule.crontab)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """The model's own check, on the schedule as it would be."""
        shown = ("name", "command", "program", "inputs", "crontab", "catch_up", "is_active")
        before = {name: getattr(self.instance, name) for name in shown} if self.instance else {}
        try:
            Schedule(**{**before, **given}, owner=self.context["request"].user).clean()
        except ValidationError as error:
            raise serializers.ValidationError(error.message_dict) from error
        return given


class ScheduleFilters(FilterSet):
    command = CommandFilter()

    class Meta:
        model = Schedule
        fields = ["program__slug", "is_active"]


class ScheduleViewSet(ListForOurPeople, GovernedViewSet):
    """Schedules. You can switch a schedule off but not delete it, because its past runs are evidence."""

    scope = "run"
    queryset = Schedule.objects.select_related("program", "owner").order_by("name")
    serializer_class = ScheduleSerializer
    http_method_names = ["get", "head", "options", "post", "put", "patch"]
    filterset_class = ScheduleFilters
    ordering_fields = ["name", "next_due_at"]


class ScheduledRunSerializer(ModelSerializer):
    schedule = serializers.CharField(source="schedule.name")
    plan = serializers.CharField(source="plan.plan_id", default=None, allow_null=True)

    class Meta:
        model = ScheduledRun
        fields = ["id", "schedule", "due_at", "state", "plan", "reason"]
        read_only_fields = fields


class ScheduledRunViewSet(ListForOurPeople, GovernedReadViewSet):
    scope = "run"
    queryset = ScheduledRun.objects.select_related("schedule", "plan").order_by("-due_at", "-pk")
    serializer_class = ScheduledRunSerializer
    filterset_fields = {"schedule__name": ["exact"], "state": ["exact", "in"], "due_at": ["gte", "lt"]}
    ordering_fields = ["due_at"]

    @extend_schema(request=ReasonSerializer, responses=ScheduledRunSerializer)
    @action(detail=True, methods=["post"], url_path="run-after-all")
    def run_after_all(self, request: Request, pk: str) -> Response:
        """Start a skipped or refused run now. You need the permission to operate plans."""
        body = ReasonSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        run = self.get_object()
        etag.check_match(request, self.etag_of(run), required=False)
        schedules.run_after_all(run, comment=body.validated_data["reason"])
        data = self.get_serializer(self.get_object()).data
        return Response(data, headers={"ETag": etag.of_body(data)})
