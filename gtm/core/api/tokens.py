"""Tokens over REST: how a program shows one, what its scopes allow, and how people make and end theirs."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate, get_user_model
from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, permissions, serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from gtm.core import access_tokens
from gtm.core.actors import REST, Actor, acting_as
from gtm.core.api.parsers import StrictJSONParser
from gtm.core.api.serializers import ModelSerializer, Serializer
from gtm.core.api.views import ActionViewSet, actor_of
from gtm.core.errors import NotFound, NotPermitted, Problem
from gtm.core.models import AccessToken


class ScopesField(serializers.ListField):
    child = serializers.ChoiceField(choices=list(access_tokens.SCOPES.items()))


class WantedTokenSerializer(Serializer):
    name = serializers.CharField(max_length=100, help_text="What the token is for")
    scopes = ScopesField(help_text="What it may be used for")
    days = serializers.IntegerField(
        required=False, default=access_tokens.DAYS, min_value=1, max_value=access_tokens.MOST_DAYS,
        help_text="After so many days it ends",
    )  # fmt: skip
    account = serializers.CharField(
        required=False,
        max_length=150,
        help_text="A service account of yours; your own account without it",
    )


class PasswordSerializer(Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)
    name = serializers.CharField(max_length=100, required=False, default="made with the password")
    scopes = ScopesField(required=False, default=list(access_tokens.SCOPES))
    days = serializers.IntegerField(
        required=False, default=access_tokens.DAYS, min_value=1, max_value=access_tokens.MOST_DAYS
    )


class EndSerializer(Serializer):
    reason = serializers.CharField(max_length=200, help_text="Why; it stands in the change log")


class TokenSerializer(ModelSerializer):
    account = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = AccessToken
        fields = [
            "id", "account", "name", "prefix", "scopes", "made_at", "expires_at", "last_used_at", "ended_at",
            "ended_why",
        ]  # fmt: skip
        read_only_fields = fields


class MadeTokenSerializer(TokenSerializer):
    token = serializers.CharField(read_only=True, help_text="The secret. It is shown here and never again")

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]
        read_only_fields = fields


def _made(token: AccessToken, secret: str) -> Response:
    shown = TokenSerializer(token).data | {"token": secret}
    return Response(shown, status=status.HTTP_201_CREATED)


class TokenView(APIView):
    """A token for the name and the password of an account. It can never decide an approval."""

    authentication_classes: tuple[Any, ...] = ()
    permission_classes: tuple[Any, ...] = ()
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "token"
    parser_classes = [StrictJSONParser, FormParser]

    @extend_schema(request=PasswordSerializer, responses={201: MadeTokenSerializer}, auth=[])
    def post(self, request: Request) -> Response:
        body = PasswordSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        told = dict(body.validated_data)
        user = authenticate(request, username=told.pop("username"), password=told.pop("password"))
        if user is None:
            raise exceptions.ValidationError("The name or the password is wrong.", code="authorization")
        with acting_as(Actor.of_user(user, REST)):
            return _made(*access_tokens.make(user, **told))


class TokenViewSet(ActionViewSet):
    """Your tokens and those of services that you own. They are made and ended in a session."""

    queryset = AccessToken.objects.none()
    serializer_class = TokenSerializer
    permission_classes = [permissions.IsAuthenticated]
    ordering_fields = ["made_at", "expires_at", "last_used_at"]

    def get_queryset(self) -> Any:
        user, rows = self.request.user, AccessToken.objects.select_related("user")
        if user.has_perm("core.view_accesstoken"):
            return rows
        return rows.filter(Q(user=user.pk) | Q(user__service_account__owner=user.pk))

    @extend_schema(request=WantedTokenSerializer, responses={201: MadeTokenSerializer})
    def create(self, request: Request) -> Response:
        """Make a token. The answer has its secret, which is shown once."""
        _in_session(request)
        body = WantedTokenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        told = dict(body.validated_data)
        return _made(*access_tokens.make(_account(request, told.pop("account", "")), **told))

    @extend_schema(request=EndSerializer, responses=TokenSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """End a token for good. A token may end itself."""
        token, body = self.opened(request, EndSerializer)
        if request.auth != token:
            _in_session(request)
        access_tokens.end([self._mine(token)], why=body["reason"])
        return Response(TokenSerializer(self.get_queryset().get(pk=token.pk)).data)

    @extend_schema(request=None, responses={201: MadeTokenSerializer})
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        """Make a token in place of this one, which ends. The answer has the new secret."""
        token = self.get_object()
        _in_session(request)
        return _made(*access_tokens.rotate(self._mine(token)))

    def _mine(self, token: AccessToken) -> AccessToken:
        """Whoever may see all tokens may end those of others, and so may their owners; nobody else."""
        user, service = self.request.user, getattr(token.user, "service_account", None)
        owns = token.user_id == user.pk or (service is not None and service.owner_id == user.pk)
        if not owns and not (self.action == "end" and user.has_perm("core.delete_accesstoken")):
            raise NotPermitted("The token is of another account.")
        return token


def _account(request: Request, username: str) -> Any:
    if not username or username == request.user.get_username():
        return request.user
    owned = get_user_model().objects.filter(username=username, service_account__owner=request.user.pk).first()
    if owned is None:
        problem = Problem("account", f"“{username}” is no service account of yours.", code="unknown")
        raise NotFound("There is no such service account.", problems=[problem])
    return owned


def _in_session(request: Request) -> None:
    if not actor_of(request).interactive:
        raise NotPermitted(
            "Tokens are made and ended by a person in a session.",
            hint="Log in with a browser, or ask for one with the password: POST token/.",
        )
