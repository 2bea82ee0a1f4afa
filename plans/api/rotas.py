"""Rotas over REST: the schedule of the next weeks, and overrides. A second person agrees to those."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gtm.core.api.fields import InstantField
from gtm.core.api.serializers import ModelSerializer, Serializer
from gtm.core.api.views import ActingMixin, GovernedViewSet, ModelPermissions
from gtm.core.errors import InvalidInput, Problem
from plans.runs import on_call
from programs.api.insiders import ForOurPeople, OurPeople
from programs.models import Person, RotaOverride


class RotaOverrideSerializer(ModelSerializer):
    person = serializers.SlugRelatedField("email", queryset=Person.objects.all())

    class Meta:
        model = RotaOverride
        fields = ["id", "rota", "person", "starts_at", "ends_at", "reason", "version"]
        read_only_fields = ["id", "version"]


class RotaOverrideViewSet(ForOurPeople, GovernedViewSet):
    """Who is on call instead, from when until when. Each change waits for a second person."""

    queryset = RotaOverride.objects.select_related("person").order_by("-starts_at", "-pk")
    serializer_class = RotaOverrideSerializer
    filterset_fields = {"rota": ["exact"], "person": ["exact"], "ends_at": ["gt"]}
    search_fields = ["rota", "reason"]
    ordering_fields = ["starts_at"]


class ShiftSerializer(Serializer):
    starts_at = InstantField()
    ends_at = InstantField()
    person = serializers.SerializerMethodField(help_text="E-mail address; null where nobody is on call")
    by = serializers.CharField(source="on_call.by")
    passed_over = serializers.ListField(source="on_call.passed", child=serializers.CharField())

    def get_person(self, shift: Any) -> str | None:
        return shift.on_call.person.email if shift.on_call.person else None


class RotaZoneSerializer(Serializer):
    zone = serializers.CharField()
    programs = serializers.ListField(child=serializers.CharField())
    shifts = ShiftSerializer(many=True)


class StandingRotaSerializer(Serializer):
    name = serializers.CharField(source="rota.name")
    stands = serializers.ListField(child=serializers.CharField())
    overrides = RotaOverrideSerializer(many=True)
    zones = RotaZoneSerializer(many=True)


class RotaSchedule(ActingMixin, APIView):
    """Every rota of a ladder in force, with who is on call in the next weeks."""

    permission_classes = [ModelPermissions, OurPeople]
    queryset = RotaOverride.objects.none()

    @extend_schema(
        parameters=[
            OpenApiParameter("weeks", int, description="How many weeks ahead, 1 to 12; 4 without it")
        ],
        responses=StandingRotaSerializer(many=True),
        operation_id="rota_schedule",
    )
    def get(self, request: Request) -> Response:
        problems = [
            Problem(name, "there is no such parameter.", ("weeks",))
            for name in request.query_params
            if name != "weeks"
        ]
        asked = request.query_params.get("weeks", str(on_call.WEEKS))
        if not asked.isdecimal():
            problems.append(Problem("weeks", f"“{asked}” is not a whole number."))
        if problems:
            raise InvalidInput("There is no such schedule.", problems=problems)
        return Response(StandingRotaSerializer(on_call.schedules(int(asked)), many=True).data)
