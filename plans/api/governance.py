"""Governance over REST: rip-cords of every scope, break-glass and its reviews, readings and corrections."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core.api.serializers import ModelSerializer, Serializer
from gtm.core.api.views import ActionViewSet
from plans.api.insiders import ListForOurPeople
from plans.api.serializers import CommentSerializer, ReasonSerializer, RemediationSerializer
from plans.engine.alarms import readings
from plans.engine.gates import break_glass
from plans.engine.stopping import ripcord
from plans.models import Approval, BreakGlass, Plan, Reading, RipcordPull
from plans.selectors import break_glass_uses
from programs.models import Program


class RipcordSerializer(ModelSerializer):
    plan = serializers.SlugRelatedField("plan_id", read_only=True)
    program = serializers.SlugRelatedField("slug", read_only=True)
    pulled_by = serializers.StringRelatedField()

    class Meta:
        model = RipcordPull
        fields = [
            "id", "scope", "plan", "program", "state", "reason", "trigger", "pulled_by", "released_by",
            "remediation", "created_at", "closed_at",
        ]  # fmt: skip


class PullSerializer(Serializer):
    scope = serializers.ChoiceField(RipcordPull.Scope.choices)
    plan = serializers.SlugRelatedField("plan_id", queryset=Plan.objects.all(), required=False)
    program = serializers.SlugRelatedField("slug", queryset=Program.objects.all(), required=False)
    reason = serializers.CharField(max_length=4000)


class RipcordViewSet(ListForOurPeople, ActionViewSet):
    """Every rip-cord pull. A new pull stops at once. Two people must release it."""

    scope = "run"
    queryset = RipcordPull.objects.select_related("plan", "program", "pulled_by").order_by("-created_at")
    serializer_class = RipcordSerializer
    filterset_fields = {"state": ["exact"], "scope": ["exact"]}

    @extend_schema(request=PullSerializer, responses={201: RipcordSerializer})
    def create(self, request: Request) -> Response:
        body = PullSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        row = ripcord.pull(**body.validated_data)
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=RemediationSerializer, responses=RipcordSerializer)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """Agree to release. When a second person agrees, it is released."""
        row, body = self.opened(request, RemediationSerializer)
        row = ripcord.release(row.plan, remediation=body["remediation"], scope=row.scope, program=row.program)
        return Response(self.get_serializer(row).data)

    @extend_schema(request=ReasonSerializer, responses=RipcordSerializer)
    @action(detail=True, methods=["post"])
    def abort(self, request: Request, pk: str) -> Response:
        """Agree to abort what is stopped. When a second person agrees, it is aborted and undone."""
        row, body = self.opened(request, ReasonSerializer)
        row = ripcord.abort(row.plan, reason=body["reason"], scope=row.scope, program=row.program)
        return Response(self.get_serializer(row).data)


class BreakGlassSerializer(ModelSerializer):
    plan = serializers.SlugRelatedField("plan_id", read_only=True, source="approval.plan")
    gate = serializers.SlugRelatedField("gate", read_only=True, source="approval")
    asked_by = serializers.StringRelatedField()
    agreed_by = serializers.StringRelatedField()
    reviewed_by = serializers.StringRelatedField()

    class Meta:
        model = BreakGlass
        fields = [
            "id", "plan", "gate", "approval", "state", "reason", "scope_sha256", "asked_by", "expires_at",
            "agreed_by", "granted_at", "review_due_at", "reviewed_by", "reviewed_at", "review", "created_at",
        ]  # fmt: skip


class AskSerializer(Serializer):
    approval = serializers.IntegerField()
    reason = serializers.CharField(max_length=4000)
    hours = serializers.FloatField(required=False, default=24)


class BreakGlassViewSet(ListForOurPeople, ActionViewSet):
    """Every use of break-glass, for auditors. ``?state=granted`` lists those that need a review."""

    scope = "run"
    queryset = BreakGlass.objects.none()
    serializer_class = BreakGlassSerializer
    filterset_fields = {"state": ["exact"]}

    def get_queryset(self) -> Any:
        return break_glass_uses()

    @extend_schema(request=AskSerializer, responses={201: BreakGlassSerializer})
    def create(self, request: Request) -> Response:
        body = AskSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        sent = body.validated_data
        approval = get_object_or_404(Approval.objects.select_related("plan"), pk=sent["approval"])
        row = break_glass.ask(approval, reason=sent["reason"], hours=sent["hours"])
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=CommentSerializer, responses=BreakGlassSerializer)
    @action(detail=True, methods=["post"])
    def agree(self, request: Request, pk: str) -> Response:
        row, body = self.opened(request, CommentSerializer)
        return Response(self.get_serializer(break_glass.agree(row, comment=body["comment"])).data)

    @extend_schema(request=CommentSerializer, responses=BreakGlassSerializer)
    @action(detail=True, methods=["post"])
    def review(self, request: Request, pk: str) -> Response:
        row, body = self.opened(request, CommentSerializer)
        return Response(self.get_serializer(break_glass.review(row, verdict=body["comment"])).data)


class ReadingSerializer(ModelSerializer):
    plan = serializers.SlugRelatedField("plan_id", read_only=True)

    class Meta:
        model = Reading
        fields = [
            "id",
            "plan",
            "rule",
            "metric_version",
            "window",
            "model",
            "scope",
            "period",
            "verdict",
            "value",
            "limit",
            "message",
            "created_at",
        ]


class CorrectionSerializer(Serializer):
    value = serializers.CharField(max_length=60, allow_blank=True)
    breached = serializers.BooleanField()
    comment = serializers.CharField(max_length=4000)


class ReportSerializer(Serializer):
    plan = serializers.SlugRelatedField("plan_id", queryset=Plan.objects.select_related("program"))
    trigger = serializers.CharField(max_length=60)
    message = serializers.CharField(max_length=1000)


class ReadingViewSet(ListForOurPeople, ActionViewSet):
    """Readings of triggers, period by period. People can report events that no metric shows."""

    scope = "run"
    queryset = Reading.objects.select_related("plan").order_by("-created_at", "-pk")
    serializer_class = ReadingSerializer
    filterset_fields = {
        "rule": ["exact"],
        "window": ["exact"],
        "verdict": ["exact"],
        "plan__plan_id": ["exact"],
    }

    @extend_schema(request=ReportSerializer, responses={201: ReadingSerializer})
    def create(self, request: Request) -> Response:
        body = ReportSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        row = readings.report(**body.validated_data)
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=CorrectionSerializer, responses=ReadingSerializer)
    @action(detail=True, methods=["post"])
    def correct(self, request: Request, pk: str) -> Response:
        row, body = self.opened(request, CorrectionSerializer)
        row = readings.correct(row, **body)
        return Response(self.get_serializer(row).data)
