"""What I am told and how, over REST. Everybody sees their own only."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gtm.core.api import etag
from gtm.core.api.serializers import ModelSerializer
from gtm.core.api.views import ActingMixin, GovernedReadViewSet
from gtm.core.errors import NotFound
from gtm.core.places import messages
from plans.engine.notices.delivery import preference_of
from plans.engine.people.permissions import persons_of
from plans.models import NoticeKind, Notification, NotificationPreference
from plans.selectors import notifications_of


class NotificationSerializer(ModelSerializer):
    kind = serializers.ChoiceField(source="notice.kind", choices=NoticeKind.choices)
    plan = serializers.CharField(source="notice.plan.plan_id", default=None, allow_null=True)

    class Meta:
        model = Notification
        fields = [
            "id", "kind", "plan", "channel", "state", "is_digest", "subject", "body", "url", "due_at",
            "attempts", "sent_at", "error", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class NotificationViewSet(GovernedReadViewSet):
    queryset = Notification.objects.none()
    serializer_class = NotificationSerializer
    permission_classes = [IsAuthenticated]
    filterset_fields = {"state": ["exact", "in"], "channel": ["exact"], "notice__plan__plan_id": ["exact"]}
    ordering_fields = ["created_at", "due_at"]

    def get_queryset(self) -> Any:
        return notifications_of(self.request.user).order_by("-created_at", "-pk")


class PreferenceSerializer(ModelSerializer):
    channels = serializers.ListField(child=serializers.CharField(max_length=60), required=False)
    muted_kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=NoticeKind.choices), required=False
    )
    usable_channels = serializers.SerializerMethodField(help_text="Set up by the operator, by name")

    class Meta:
        model = NotificationPreference
        fields = [
            "by_mail", "channels", "digest", "digest_hour", "quiet_from", "quiet_until", "muted_kinds",
            "usable_channels",
        ]  # fmt: skip

    def get_usable_channels(self, obj: Any) -> list[str]:
        return [name for name, fault in messages.channels().items() if fault is None]

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        wish = self.instance
        for name, value in given.items():
            setattr(wish, name, value)
        try:
            wish.clean()
        except ValidationError as error:
            raise serializers.ValidationError(error.message_dict) from error
        return given


class PreferenceView(ActingMixin, APIView):
    """My notification settings: by mail or channels, at once or once a day, and quiet hours."""

    permission_classes = [IsAuthenticated]
    is_of_a_person = True  # an account of a program has none

    @extend_schema(responses=PreferenceSerializer)
    def get(self, request: Request) -> Response:
        return self._answer(self._mine(request))

    @extend_schema(request=PreferenceSerializer, responses=PreferenceSerializer)
    def put(self, request: Request) -> Response:
        wish = self._mine(request)
        etag.check_match(request, self._answer(wish).headers["ETag"], required=False)
        body = PreferenceSerializer(wish, data=request.data)
        body.is_valid(raise_exception=True)
        body.save()
        return self._answer(wish)

    def _mine(self, request: Request) -> NotificationPreference:
        person = next(iter(persons_of(request.user)), None)
        if person is None:
            raise NotFound("The account belongs to no person in the directory.")
        return preference_of(person)

    def _answer(self, wish: NotificationPreference) -> Response:
        data = PreferenceSerializer(wish).data
        return Response(data, headers={"ETag": etag.of_body(data)})
