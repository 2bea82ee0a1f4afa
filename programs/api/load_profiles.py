"""Load profiles and the presets that are shipped, over REST."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core.api.serializers import Serializer
from gtm.core.api.views import GovernedViewSet
from programs.api.insiders import ForOurPeople
from programs.api.serializers import KEPT, WholeSerializer
from programs.datasets.presets import presets
from programs.models import LoadProfile, Program


class LoadProfileSerializer(WholeSerializer):
    program = serializers.SlugRelatedField("slug", queryset=Program.objects.all())

    class Meta:
        model = LoadProfile
        fields = ["id", "program", "name", "kind", "mapping", "options", "is_active", *KEPT]
        read_only_fields = KEPT


class PresetSerializer(Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.CharField()
    about = serializers.CharField()
    header_from = serializers.CharField()
    mapping = serializers.DictField(child=serializers.CharField())
    options = serializers.DictField(child=serializers.CharField())


class LoadProfileViewSet(ForOurPeople, GovernedViewSet):
    scope = "load"
    queryset = LoadProfile.objects.select_related("program")
    serializer_class = LoadProfileSerializer
    filterset_fields = ["program__slug", "kind", "is_active"]

    @extend_schema(responses={200: PresetSerializer(many=True)}, filters=False)
    @action(detail=False, methods=["get"], pagination_class=None)
    def presets(self, request: Request) -> Response:
        """The presets for common exports. Use them by name, like the profiles of a program."""
        shown: list[dict[str, Any]] = [asdict(preset) for preset in presets().values()]
        return Response(PresetSerializer(shown, many=True).data)
