"""Published attribution and its disputes over REST: the one door that partners' contacts have."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core.api.serializers import ModelSerializer, Serializer
from gtm.core.api.views import ActionViewSet
from plans.cases.disputes import verbs
from plans.cases.disputes.models import AttributionRecord, Dispute
from plans.cases.disputes.selectors import visible_attribution, visible_disputes


class AttributionSerializer(ModelSerializer):
    plan = serializers.SlugRelatedField("plan_id", read_only=True)
    campaign = serializers.SlugRelatedField("slug", read_only=True)
    partner = serializers.SlugRelatedField("slug", read_only=True)

    class Meta:
        model = AttributionRecord
        fields = [
            "id", "plan", "campaign", "partner", "window_start", "window_end", "model", "confidence",
            "currency", "sourced_deals", "sourced_pipeline", "sourced_revenue", "influenced_pipeline",
            "influenced_revenue",
            "contested_pipeline", "credited_deals", "credited_pipeline", "credited_revenue", "total_pipeline",
            "total_revenue", "dispute_until",
        ]  # fmt: skip


class SignatureSerializer(Serializer):
    """A signature as it is shown: who of which partner, not which row of ours."""

    partner = serializers.CharField()
    name = serializers.CharField()
    said = serializers.CharField()


class DisputeSerializer(ModelSerializer):
    campaign = serializers.SlugRelatedField("slug", source="record.campaign", read_only=True)
    claimant = serializers.SlugRelatedField("slug", read_only=True)
    signed_off = SignatureSerializer(many=True, read_only=True)

    class Meta:
        model = Dispute
        fields = [
            "id", "campaign", "claimant", "state", "deal", "in_data", "claim", "evidence", "answer",
            "signed_off", "created_at", "closed_at",
        ]  # fmt: skip


class ClaimSerializer(Serializer):
    deal = serializers.CharField(max_length=240)
    claim = serializers.CharField(max_length=4000)
    evidence = serializers.ListField(
        child=serializers.CharField(max_length=1000), default=list, max_length=50
    )


class SaidSerializer(Serializer):
    said = serializers.CharField(max_length=4000)


class AttributionViewSet(ActionViewSet):
    """A partner's contact can read that partner's records. Our people need the permission to view them."""

    scope = "run"
    queryset = AttributionRecord.objects.none()
    permission_classes = [IsAuthenticated]
    serializer_class = AttributionSerializer
    filterset_fields = {"campaign__slug": ["exact"], "partner__slug": ["exact"], "plan__plan_id": ["exact"]}

    def get_queryset(self) -> Any:
        return visible_attribution(self.request.user)

    @extend_schema(request=ClaimSerializer, responses={201: DisputeSerializer})
    @action(detail=True, methods=["post"])
    def dispute(self, request: Request, pk: str) -> Response:
        """Dispute this record for its partner, within the agreed time."""
        record, body = self.opened(request, ClaimSerializer)
        found = verbs.file(record, record.partner, **body)
        return Response(DisputeSerializer(found).data, status=status.HTTP_201_CREATED)


class DisputeViewSet(ActionViewSet):
    """The partners of a campaign can read its disputes and sign them off."""

    scope = "run"
    queryset = Dispute.objects.none()
    permission_classes = [IsAuthenticated]
    serializer_class = DisputeSerializer
    filterset_fields = {"state": ["exact", "in"], "claimant__slug": ["exact"]}

    def get_queryset(self) -> Any:
        return visible_disputes(self.request.user)

    @extend_schema(request=SaidSerializer, responses=DisputeSerializer)
    @action(detail=True, methods=["post"])
    def answer(self, request: Request, pk: str) -> Response:
        dispute, body = self.opened(request, SaidSerializer)
        return Response(DisputeSerializer(verbs.answer(dispute, body["said"])).data)

    @extend_schema(request=SaidSerializer, responses=DisputeSerializer)
    @action(detail=True, methods=["post"], url_path="sign-off")
    def sign_off(self, request: Request, pk: str) -> Response:
        """Agree with the answer for your own partner. It needs a session."""
        dispute, body = self.opened(request, SaidSerializer)
        return Response(DisputeSerializer(verbs.sign_off(dispute, body["said"])).data)

    @extend_schema(request=SaidSerializer, responses=DisputeSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        dispute, body = self.opened(request, SaidSerializer)
        return Response(DisputeSerializer(verbs.withdraw(dispute, body["said"])).data)
