"""What auditors read over REST: anchors of the change log, and access reviews as of any date."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gtm.core import canonical, clock
from gtm.core.api.serializers import ModelSerializer, Serializer
from gtm.core.api.views import ActingMixin, GovernedReadViewSet, Needs
from gtm.core.errors import InvalidInput, Problem
from gtm.core.evidence import departures
from gtm.core.models import Anchor, AnchorCopy, SigningKey
from programs import access_review
from programs.models import Person

FORMATS = ("json", "csv")


class MayAudit(Needs):
    message = "You need the permission to read every plan and the change log."
    any_of = ("plans.audit_plan",)


class AnchorCopySerializer(ModelSerializer):
    class Meta:
        model = AnchorCopy
        fields = ["place", "attempts", "delivered_at", "error"]
        read_only_fields = fields


class AnchorSerializer(ModelSerializer):
    copies = AnchorCopySerializer(many=True, read_only=True)

    class Meta:
        model = Anchor
        fields = ["number", "at", "previous", "heads", "root", "copies"]
        read_only_fields = fields


class AnchorViewSet(GovernedReadViewSet):
    queryset = Anchor.objects.prefetch_related("copies").order_by("-number")
    serializer_class = AnchorSerializer
    permission_classes = [IsAuthenticated, MayAudit]
    lookup_field = "number"
    lookup_value_regex = "[0-9]+"
    filterset_fields = ["root"]
    ordering_fields = ["number"]


class SigningKeySerializer(ModelSerializer):
    class Meta:
        model = SigningKey
        fields = ["text", "made_at", "retired_at"]
        read_only_fields = fields


class SigningKeyViewSet(GovernedReadViewSet):
    """Public keys that this installation signs checkpoints with, or did; for ``--key``."""

    queryset = SigningKey.objects.all()
    serializer_class = SigningKeySerializer
    permission_classes = [IsAuthenticated]
    ordering_fields = ["made_at"]


class GrantSerializer(Serializer):
    kind = serializers.CharField(help_text="approver, delegate, substitute, group, permission, single-handed")
    person = serializers.CharField()
    email = serializers.CharField()
    account = serializers.CharField()
    what = serializers.CharField()
    detail = serializers.CharField()
    since = serializers.CharField()
    until = serializers.CharField()
    in_force = serializers.BooleanField()
    why_not = serializers.CharField()
    given_by = serializers.CharField(help_text="Who changed it last, and who agreed")
    given_at = serializers.CharField()


class AccessReviewSerializer(Serializer):
    at = serializers.CharField()
    grants = GrantSerializer(many=True)


class AccessReviewView(ActingMixin, APIView):
    """Who had which seat, delegation, group and permission at a moment."""

    permission_classes = [IsAuthenticated, MayAudit]
    action = "review"
    scopes = {"review": "export"}

    @extend_schema(
        parameters=[
            OpenApiParameter("at", str, description="Date (its end, UTC) or RFC 3339 time; now without it"),
            OpenApiParameter("as", str, enum=list(FORMATS)),
        ],
        responses=AccessReviewSerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        at, shape = self._asked(request)
        grants = access_review.review(at)
        if shape == "csv":
            name = f'attachment; filename="access-review-{at:%Y-%m-%d}.csv"'
            text = access_review.as_csv(grants)
            departures.record(Person, access_review.NAME, text, form=shape, rows=len(grants))
            return HttpResponse(
                text, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": name}
            )
        body = {"at": canonical.rfc3339(at), "grants": [asdict(grant) for grant in grants]}
        raw = canonical.dumps(canonical.plain(body))
        departures.record(Person, access_review.NAME, raw, form=shape, rows=len(grants))
        return Response(body)

    def _asked(self, request: Request) -> tuple[Any, str]:
        given = request.query_params
        problems = [
            Problem(name, "there is no such parameter.", ("at", "as"))
            for name in given
            if name not in ("at", "as")
        ]
        shape, at = given.get("as", "json"), clock.now()
        if shape not in FORMATS:
            problems.append(Problem("as", f"“{shape}” is unknown.", FORMATS))
        try:
            at = access_review.instant_of(given["at"]) if "at" in given else at
        except ValueError as error:
            problems.append(Problem("at", str(error)))
        if problems:
            raise InvalidInput("The parameters of the review are wrong.", problems=problems)
        return at, shape
