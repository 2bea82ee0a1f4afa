"""Fraud cases over REST: what is suspected and why, and the judgement of people, two on each."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core import fsm
from gtm.core.actors import current
from gtm.core.api.etag import IF_MATCH
from gtm.core.api.serializers import ActionSerializer, ModelSerializer, Serializer
from gtm.core.api.views import WorkViewSet
from plans.cases.fraud import verbs
from plans.cases.fraud.models import FraudCase
from plans.cases.fraud.selectors import visible_fraud_cases
from programs.api.insiders import ForOurPeople
from programs.models import Program


class FraudCaseSerializer(ModelSerializer):
    plan = serializers.SlugRelatedField("plan_id", read_only=True)
    program = serializers.SlugRelatedField("slug", read_only=True)
    label = serializers.BooleanField(read_only=True, allow_null=True)

    class Meta:
        model = FraudCase
        fields = [
            "id", "key", "kind", "proposal", "plan", "program", "state", "score", "referrers", "at_risk",
            "expected_loss", "paid", "currency", "label", "created_at", "decided_at",
        ]  # fmt: skip


class FraudCaseDetailSerializer(FraudCaseSerializer):
    opened_by = serializers.StringRelatedField()
    held_by = serializers.StringRelatedField()
    appealed_by = serializers.StringRelatedField()
    decided_by = serializers.StringRelatedField()
    actions = serializers.SerializerMethodField()

    class Meta(FraudCaseSerializer.Meta):
        fields = [
            *FraudCaseSerializer.Meta.fields, "referrals", "evidence", "opened_by", "held_by", "appealed_by",
            "decided_by", "judgements", "actions",
        ]  # fmt: skip

    @extend_schema_field(ActionSerializer(many=True))
    def get_actions(self, case: FraudCase) -> Any:
        return ActionSerializer(fsm.actions(case, current().actor), many=True).data


class JudgementSerializer(Serializer):
    comment = serializers.CharField(max_length=4000)
    evidence = serializers.ListField(
        child=serializers.CharField(max_length=1000), default=list, max_length=50
    )


class HeldSerializer(Serializer):
    program = serializers.CharField()
    referrals = serializers.ListField(child=serializers.CharField())


class FraudCaseViewSet(ForOurPeople, WorkViewSet):
    """Cases, the highest expected loss first. Judging a case needs a person's session, not a token."""

    scope = "run"
    queryset = FraudCase.objects.none()
    serializer_class = FraudCaseDetailSerializer
    list_serializer_class = FraudCaseSerializer
    filterset_fields = {
        "state": ["exact", "in"],
        "program__slug": ["exact"],
        "plan__plan_id": ["exact"],
        "key": ["exact"],
        "kind": ["exact", "in"],
    }
    ordering_fields = ["expected_loss", "at_risk", "score", "created_at"]

    def get_queryset(self) -> Any:
        return visible_fraud_cases(self.request.user)

    @extend_schema(request=JudgementSerializer, responses=FraudCaseDetailSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def hold(self, request: Request, pk: str) -> Response:
        """Hold the rewards of the case's referrals until another person releases or confirms the case."""
        return self._judge(request, "hold")

    @extend_schema(request=JudgementSerializer, responses=FraudCaseDetailSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """Release the rewards: the referrals are honest. Only a person with no earlier part can do this."""
        return self._judge(request, "release")

    @extend_schema(request=JudgementSerializer, responses=FraudCaseDetailSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """Confirm as fraud. Only a person with no earlier part in the case can do this."""
        return self._judge(request, "confirm")

    @extend_schema(request=JudgementSerializer, responses=FraudCaseDetailSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def appeal(self, request: Request, pk: str) -> Response:
        """Record the appeal of the people concerned. Another person decides again."""
        return self._judge(request, "appeal")

    @extend_schema(
        responses=HeldSerializer, parameters=[OpenApiParameter("program", str, required=True)], filters=False
    )
    @action(detail=False, methods=["get"])
    def held(self, request: Request) -> Response:
        """For payout systems: referrals whose reward must not be paid now (held, appealed or confirmed)."""
        program = get_object_or_404(Program, slug=request.query_params.get("program", ""))
        referrals = sorted(verbs.held_referrals(program))
        return Response(HeldSerializer({"program": program.slug, "referrals": referrals}).data)

    def _judge(self, request: Request, name: str) -> Response:
        case, body = self.checked(request, JudgementSerializer)
        verbs.act(case, name, comment=body["comment"], evidence=body["evidence"])
        return self.answer(case)
