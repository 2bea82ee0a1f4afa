"""Changes by two people over REST: what waits, and the second person's answer."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core.api.etag import IF_MATCH
from gtm.core.api.serializers import ModelSerializer, Serializer
from gtm.core.api.views import WorkViewSet
from plans.api.serializers import ActionsField
from plans.engine.people import authority
from programs.api.insiders import ForOurPeople
from programs.models import GuardedChange


class GuardedChangeSerializer(ModelSerializer):
    requested_by = serializers.CharField(source="requested_label", read_only=True)
    decided_by = serializers.StringRelatedField()

    class Meta:
        model = GuardedChange
        fields = [
            "id", "kind", "what", "entity", "object_id", "verb", "values", "before", "state", "version",
            "reason", "requested_by", "decided_by", "decided_at", "created_at",
        ]  # fmt: skip


class GuardedChangeDetailSerializer(GuardedChangeSerializer):
    actions = ActionsField()

    class Meta(GuardedChangeSerializer.Meta):
        fields = [*GuardedChangeSerializer.Meta.fields, "actions"]


class OptionalCommentSerializer(Serializer):
    comment = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")


class GuardedChangeViewSet(ForOurPeople, WorkViewSet):
    """Changes of who may decide and of what plans have published. ``?state=proposed`` lists what waits."""

    queryset = GuardedChange.objects.select_related("requested_by", "decided_by").order_by(
        "-created_at", "-pk"
    )
    serializer_class = GuardedChangeDetailSerializer
    list_serializer_class = GuardedChangeSerializer
    filterset_fields = {"state": ["exact", "in"], "kind": ["exact"]}
    search_fields = ["what", "reason"]
    ordering_fields = ["created_at"]

    @extend_schema(
        request=OptionalCommentSerializer, responses=GuardedChangeDetailSerializer, parameters=[IF_MATCH]
    )
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Agree to what somebody else proposes. It is made at once."""
        return self._decided(request, "approve")

    @extend_schema(
        request=OptionalCommentSerializer, responses=GuardedChangeDetailSerializer, parameters=[IF_MATCH]
    )
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, pk: str) -> Response:
        """Refuse what somebody else proposes, with a reason."""
        return self._decided(request, "refuse")

    @extend_schema(
        request=OptionalCommentSerializer, responses=GuardedChangeDetailSerializer, parameters=[IF_MATCH]
    )
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Withdraw your own proposal."""
        return self._decided(request, "withdraw")

    @extend_schema(
        request=OptionalCommentSerializer, responses=GuardedChangeDetailSerializer, parameters=[IF_MATCH]
    )
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """Confirm what somebody made single-handed."""
        return self._decided(request, "confirm")

    def _decided(self, request: Request, verb: str) -> Response:
        row, body = self.checked(request, OptionalCommentSerializer)
        return self.answer(authority.decide(row, verb, comment=body["comment"]))
