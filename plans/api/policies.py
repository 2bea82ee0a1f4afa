"""Policies and ladders over REST: what is in force, proposals, and the second person's answer."""

from __future__ import annotations

from typing import Any

from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core.api import etag
from gtm.core.api.etag import IF_MATCH
from gtm.core.api.serializers import ModelSerializer, Serializer
from gtm.core.api.views import WorkViewSet
from plans.api.filters import CommandFilter
from plans.api.insiders import ListForOurPeople
from plans.api.serializers import ActionsField, CommentSerializer
from plans.models import PolicyVersion
from plans.runs import policies


class PolicyVersionSerializer(ModelSerializer):
    proposed_by = serializers.StringRelatedField()
    decided_by = serializers.StringRelatedField()

    class Meta:
        model = PolicyVersion
        fields = [
            "id", "command", "subject", "number", "based_on", "text", "state", "version", "reason",
            "proposed_by", "decided_by", "decided_at", "created_at",
        ]  # fmt: skip


class PolicyVersionDetailSerializer(PolicyVersionSerializer):
    actions = ActionsField()

    class Meta(PolicyVersionSerializer.Meta):
        fields = [*PolicyVersionSerializer.Meta.fields, "actions"]


class ProposalSerializer(Serializer):
    command = serializers.CharField(
        max_length=161, help_text="plugin:name; the name is enough if only one plugin has it"
    )
    subject = serializers.CharField(max_length=60, help_text="Key of the gate, or “ladder”")
    text = serializers.JSONField(
        help_text="What changes. A gate: seats, hours, on_reject, on_exhausted, distinct_from. "
        "The ladder: rungs (each roles, hours, effect, and a rota: name, turn, since, people, days, hours, "
        "and further layers, which cover it while they are on) and repeats."
    )
    reason = serializers.CharField(max_length=4000)

    def validate_text(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise serializers.ValidationError("must be an object.")
        return value


class PolicyFilters(FilterSet):
    command = CommandFilter()

    class Meta:
        model = PolicyVersion
        fields = {"state": ["exact", "in"], "subject": ["exact"]}


class PolicyViewSet(ListForOurPeople, WorkViewSet):
    """Every version of every policy. ``?state=in_force`` lists those that replace a declaration."""

    queryset = PolicyVersion.objects.none()
    serializer_class = PolicyVersionDetailSerializer
    list_serializer_class = PolicyVersionSerializer
    filterset_class = PolicyFilters
    search_fields = ["reason"]
    ordering_fields = ["created_at", "number"]

    def get_queryset(self) -> Any:
        return PolicyVersion.objects.select_related("proposed_by", "decided_by").order_by(
            "-created_at", "-pk"
        )

    @extend_schema(
        request=ProposalSerializer,
        responses={201: PolicyVersionDetailSerializer},
        examples=[
            OpenApiExample(
                "Two of finance over 25,000",
                {
                    "command": "loyalty-lifecycle-orchestration:plan-loyalty",
                    "subject": "finance-approval",
                    "text": {"seats": [{"role": "finance"}, {"role": "exec-sponsor", "condition": {
                        "field": "amount", "over": "25000", "currency": "USD"}}], "hours": 24},
                    "reason": "The board asked for it.",
                },
                request_only=True,
            )
        ],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        """Propose other rules for a gate or a ladder. Another person must adopt or reject them."""
        body = ProposalSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        told = body.validated_data
        row = policies.propose(told["command"], told["subject"], told["text"], reason=told["reason"])
        data = self.get_serializer(row).data
        return Response(data, status=status.HTTP_201_CREATED, headers={"ETag": etag.of_body(data)})

    @extend_schema(request=CommentSerializer, responses=PolicyVersionDetailSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def adopt(self, request: Request, pk: str) -> Response:
        """Adopt a proposal of another person. It applies to runs that start from now on."""
        return self._decided(request, "adopt")

    @extend_schema(request=CommentSerializer, responses=PolicyVersionDetailSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Reject a proposal of another person."""
        return self._decided(request, "reject")

    @extend_schema(request=CommentSerializer, responses=PolicyVersionDetailSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Withdraw your own proposal."""
        return self._decided(request, "withdraw")

    def _decided(self, request: Request, verb: str) -> Response:
        row, body = self.checked(request, CommentSerializer)
        return self.answer(policies.decide(row, verb, comment=body["comment"]))
