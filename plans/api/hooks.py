"""Signed messages from outside over REST: where they arrive, who may send them, and what became of each."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from gtm.core.api import etag
from gtm.core.api.serializers import ModelSerializer
from gtm.core.api.views import GovernedReadViewSet, GovernedViewSet
from plans.api.insiders import ListForOurPeople
from plans.api.webhooks import OverlapSerializer, SecretSerializer, check_may_manage
from plans.engine.running import dispatch
from plans.engine.webhooks import incoming, signing
from plans.models import IncomingSource, ReceivedMessage
from programs.models import LoadProfile


class MessageTooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = f"A message has at most {incoming.MOST_BYTES:,} bytes. Load larger files as data sets."


class RawBody(BaseParser):
    """The bytes as they came: a signature is over these, and no reading of them."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> bytes:
        raw: bytes = stream.read(incoming.MOST_BYTES + 1)
        if len(raw) > incoming.MOST_BYTES:
            raise MessageTooLarge
        return raw


class ReceivedMessageSerializer(ModelSerializer):
    source = serializers.CharField(source="source.name", read_only=True)
    dataset = serializers.IntegerField(source="dataset_id", read_only=True, allow_null=True)

    class Meta:
        model = ReceivedMessage
        fields = [
            "id",
            "source",
            "event_id",
            "sha256",
            "media_type",
            "received_at",
            "state",
            "dataset",
            "why",
        ]
        read_only_fields = fields


class TakenSerializer(ReceivedMessageSerializer):
    class Meta(ReceivedMessageSerializer.Meta):
        fields = ["source", "event_id", "sha256", "received_at", "state", "dataset", "why"]
        read_only_fields = fields


def _header(name: str, about: str) -> OpenApiParameter:
    return OpenApiParameter(
        name, OpenApiTypes.STR, OpenApiParameter.HEADER, required=False, description=about
    )


class HookView(APIView):
    """Where a system outside sends rows. The signature says who it is; there is no token."""

    authentication_classes: tuple[Any, ...] = ()
    permission_classes: tuple[Any, ...] = ()
    parser_classes = [RawBody]
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "hooks"

    @extend_schema(
        request={"application/json": OpenApiTypes.ANY, "text/csv": OpenApiTypes.STR},
        responses={200: TakenSerializer, 202: TakenSerializer},
        auth=[],
        parameters=[
            _header("webhook-id", "The message's own id. It counts once"),
            _header("webhook-timestamp", "Seconds since 1970, at most five minutes old"),
            _header("webhook-signature", "v1, and the HMAC-SHA256 in base64, as Standard Webhooks has it"),
        ],
    )
    def post(self, request: Request, name: str) -> Response:
        """Take a signed message of rows. 202 where it is new, 200 with its state where the id is known."""
        raw = request.data if isinstance(request.data, bytes) else b""
        message, is_new = incoming.take(name, request.headers, request.content_type or "", raw)
        if is_new:
            dispatch.ring_received()
        code = status.HTTP_202_ACCEPTED if is_new else status.HTTP_200_OK
        return Response(TakenSerializer(message).data, status=code)


class IncomingSourceSerializer(ModelSerializer):
    profile = serializers.PrimaryKeyRelatedField(
        queryset=LoadProfile.objects.all(), help_text="The id of a load profile"
    )
    program = serializers.CharField(source="profile.program.slug", read_only=True)
    account = serializers.SlugRelatedField(
        "username",
        queryset=get_user_model().objects.filter(service_account__isnull=False),
        help_text="A service account that may add datasets, and no more",
    )

    class Meta:
        model = IncomingSource
        fields = [
            "id", "name", "profile", "program", "series", "account", "is_active", "version", "created_at",
            "updated_at",
        ]  # fmt: skip
        read_only_fields = ["version", "created_at", "updated_at"]

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """The model's own check, on the source as it would be."""
        names = ("profile", "account")
        before = {name: getattr(self.instance, name) for name in names} if self.instance else {}
        told = {name: given[name] for name in names if name in given}
        try:
            IncomingSource(**{**before, **told}).clean()
        except ValidationError as error:
            raise serializers.ValidationError(error.message_dict) from error
        return given


class IncomingSourceViewSet(ListForOurPeople, GovernedViewSet):
    """Systems outside that may send rows. One that is no longer needed is switched off, not deleted."""

    scope = "admin"
    queryset = IncomingSource.objects.select_related("profile__program", "account").order_by("name")
    serializer_class = IncomingSourceSerializer
    http_method_names = ["get", "head", "options", "post", "put", "patch"]
    filterset_fields = {"is_active": ["exact"], "profile__program__slug": ["exact"]}
    ordering_fields = ["name"]

    @extend_schema(request=OverlapSerializer, responses={201: SecretSerializer})
    @action(detail=True, methods=["post"], url_path="new-secret")
    def new_secret(self, request: Request, pk: str) -> Response:
        """Make the secret with which the sender signs. Earlier ones count until the overlap is over."""
        body = OverlapSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        check_may_manage(request)
        row = self.get_object()
        etag.check_match(request, self.etag_of(row), required=False)
        secret = signing.make(row, overlap_hours=body.validated_data["overlap_hours"])
        return Response({"secret": secret}, status=status.HTTP_201_CREATED)


class ReceivedMessageViewSet(ListForOurPeople, GovernedReadViewSet):
    """What came from outside, and what became of it."""

    queryset = ReceivedMessage.objects.select_related("source").defer("raw").order_by("-pk")
    serializer_class = ReceivedMessageSerializer
    filterset_fields = {"source__name": ["exact"], "state": ["exact", "in"]}
    ordering_fields = ["received_at"]
