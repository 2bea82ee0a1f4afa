"""Webhooks over REST: who outside is told of which events, and what became of each message."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core.api import etag
from gtm.core.api.fields import InstantField
from gtm.core.api.serializers import ModelSerializer, Serializer
from gtm.core.api.views import GovernedViewSet, ModelPermissions, WorkViewSet
from gtm.core.errors import NotPermitted
from gtm.core.fsm import perform
from plans import selectors
from plans.api.insiders import ListForOurPeople
from plans.api.serializers import ReasonSerializer
from plans.engine.webhooks import signing, subscriptions
from plans.models import WebhookDelivery, WebhookSubscription
from plans.schemas import webhook_events
from programs.models import Program

SHOWN_ONCE = "The secret. It is shown here and never again"


class WebhookSerializer(ModelSerializer):
    program = serializers.SlugRelatedField(
        "slug", queryset=Program.objects.all(), required=False, allow_null=True,
        help_text="Events of this program only; null for every program",
    )  # fmt: skip
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=list(webhook_events.TYPES.items())), required=False,
        help_text="Types of events; an empty list for all",
    )  # fmt: skip
    owner = serializers.CharField(source="owner.username", read_only=True)

    class Meta:
        model = WebhookSubscription
        fields = [
            "id", "name", "url", "program", "events", "owner", "state", "disabled_why", "failing_since",
            "version", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = ["state", "disabled_why", "failing_since", "version", "created_at", "updated_at"]

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """The model's own check, on the subscription as it would be."""
        told: dict[str, Any] = {name: given[name] for name in ("url", "events") if name in given}
        if self.instance:
            told = {name: getattr(self.instance, name) for name in ("url", "events")} | told
        try:
            WebhookSubscription(**told).clean()
        except ValidationError as error:
            raise serializers.ValidationError(error.message_dict) from error
        return given


class MadeWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField(read_only=True, help_text=SHOWN_ONCE)

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]


class OverlapSerializer(Serializer):
    overlap_hours = serializers.IntegerField(
        required=False, default=signing.OVERLAP_HOURS, min_value=0, max_value=signing.MOST_HOURS,
        help_text="For so many hours the secrets before sign beside the new one",
    )  # fmt: skip


class SecretSerializer(Serializer):
    secret = serializers.CharField(read_only=True, help_text=SHOWN_ONCE)


class ReplaySerializer(ReasonSerializer):
    since = InstantField(help_text="Events from this time on")
    plan = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=60, help_text="Events of this plan only"
    )


class ReplayedSerializer(Serializer):
    events = serializers.IntegerField(help_text="How many are queued again")


class WebhookViewSet(ListForOurPeople, GovernedViewSet):
    """Addresses outside that are told of events. One that is no longer needed is ended, not deleted."""

    scope = "admin"
    queryset = WebhookSubscription.objects.select_related("program", "owner").order_by("name")
    serializer_class = WebhookSerializer
    http_method_names = ["get", "head", "options", "post", "put", "patch"]
    filterset_fields = {"state": ["exact", "in"], "program__slug": ["exact"]}
    ordering_fields = ["name", "created_at"]

    @extend_schema(responses={201: MadeWebhookSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Subscribe an address. The answer has the secret that signs, which is shown once."""
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        made, secret = subscriptions.make(request.user, **body.validated_data)
        shown = self.get_serializer(self.get_queryset().get(pk=made.pk)).data
        tag = etag.of_body(shown)
        return Response({**shown, "secret": secret}, status=status.HTTP_201_CREATED, headers={"ETag": tag})

    @extend_schema(request=ReasonSerializer, responses=WebhookSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Post nothing more until it is resumed. What happens meanwhile follows then."""
        row, told = self._asked(request, ReasonSerializer)
        return self._shown(perform(row, "pause", comment=told["reason"]))

    @extend_schema(request=ReasonSerializer, responses=WebhookSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Go on after a pause, or after it was disabled: where it stood, in order."""
        row, told = self._asked(request, ReasonSerializer)
        return self._shown(subscriptions.resume(row, comment=told["reason"]))

    @extend_schema(request=ReasonSerializer, responses=WebhookSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """End it for good."""
        row, told = self._asked(request, ReasonSerializer)
        return self._shown(perform(row, "end", comment=told["reason"]))

    @extend_schema(request=OverlapSerializer, responses={201: SecretSerializer})
    @action(detail=True, methods=["post"], url_path="new-secret")
    def new_secret(self, request: Request, pk: str) -> Response:
        """Make another secret. Both sign each message until the overlap is over."""
        row, told = self._asked(request, OverlapSerializer)
        secret = signing.make(row, overlap_hours=told["overlap_hours"])
        return Response({"secret": secret}, status=status.HTTP_201_CREATED)

    @extend_schema(request=ReplaySerializer, responses={202: ReplayedSerializer})
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: str) -> Response:
        """Send every event since a time again, under the ids that they had."""
        row, told = self._asked(request, ReplaySerializer)
        plan = selectors.plan_by_id(told["plan"]) if told["plan"] else None
        count = subscriptions.replay(row, since=told["since"], plan=plan, reason=told["reason"])
        return Response({"events": count}, status=status.HTTP_202_ACCEPTED)

    def _asked(self, request: Request, serializer_class: Any) -> tuple[WebhookSubscription, dict[str, Any]]:
        body = serializer_class(data=request.data)
        body.is_valid(raise_exception=True)
        check_may_manage(request)
        row = self.get_object()
        etag.check_match(request, self.etag_of(row), required=False)
        return row, body.validated_data

    def _shown(self, row: WebhookSubscription) -> Response:
        return self._answer(row, status.HTTP_200_OK)


def check_may_manage(request: Request) -> None:
    if not request.user.has_perm("plans.manage_webhooks"):
        raise NotPermitted("You need the permission to manage webhooks. Ask operations.")


class WebhookDeliverySerializer(ModelSerializer):
    webhook = serializers.CharField(source="subscription.name", read_only=True)
    plan = serializers.CharField(source="plan.plan_id", default=None, allow_null=True, read_only=True)

    class Meta:
        model = WebhookDelivery
        fields = [
            "id", "webhook", "event_id", "type", "plan", "chain", "sequence", "body", "state", "attempts",
            "due_at", "sent_at", "status", "error", "made_at",
        ]  # fmt: skip
        read_only_fields = fields


class WebhookDeliveryViewSet(ListForOurPeople, WorkViewSet):
    """Each event for each webhook, and what became of it. What arrived is kept for 30 days."""

    scope = "admin"
    permission_classes = [ModelPermissions]
    queryset = WebhookDelivery.objects.select_related("subscription", "plan").order_by("-pk")
    serializer_class = list_serializer_class = WebhookDeliverySerializer
    filterset_fields = {
        "subscription__name": ["exact"],
        "state": ["exact", "in"],
        "type": ["exact"],
        "plan__plan_id": ["exact"],
    }
    ordering_fields = ["made_at", "sent_at"]

    @extend_schema(request=ReasonSerializer, responses=WebhookDeliverySerializer)
    @action(detail=True, methods=["post"], url_path="send-again")
    def send_again(self, request: Request, pk: str) -> Response:
        """Queue a message that was given up, or has arrived, once more."""
        check_may_manage(request)
        row, told = self.checked(request, ReasonSerializer)
        return self.answer(subscriptions.send_again(row, reason=told["reason"]))
