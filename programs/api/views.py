"""Programs and what belongs to them over REST, under permissions and with history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core.api.views import CrudPermissions, GovernedReadViewSet, GovernedViewSet
from gtm.core.later import later
from programs.api.serializers import (
    ApproverSerializer,
    BenefitSerializer,
    CampaignSerializer,
    DatasetSerializer,
    ExperimentSerializer,
    LifecycleTriggerSerializer,
    MetricSerializer,
    PartnerSerializer,
    ProgramSerializer,
    TierSerializer,
)
from programs.datasets import Source
from programs.datasets.loading.limits import CHOICES
from programs.models import (
    Approver,
    Benefit,
    Campaign,
    Dataset,
    Experiment,
    LifecycleTrigger,
    Metric,
    Partner,
    Program,
    Tier,
)
from programs.services import load_dataset, snapshot_root

if TYPE_CHECKING:
    from programs.datasets.loading import rejects
else:
    rejects = later("programs.datasets.loading.rejects")


class ProgramViewSet(GovernedViewSet):
    queryset = Program.objects.select_related("owner")
    serializer_class = ProgramSerializer
    lookup_field = "slug"
    filterset_fields = ["kind", "state", "is_default"]
    search_fields = ["name", "slug"]
    ordering_fields = ["name", "created_at"]


class TierViewSet(GovernedViewSet):
    queryset = Tier.objects.select_related("program")
    serializer_class = TierSerializer
    filterset_fields = ["program__slug"]
    ordering_fields = ["rank"]


class BenefitViewSet(GovernedViewSet):
    queryset = Benefit.objects.select_related("tier")
    serializer_class = BenefitSerializer
    filterset_fields = ["tier", "kind"]


class LifecycleTriggerViewSet(GovernedViewSet):
    queryset = LifecycleTrigger.objects.select_related("program", "owner_role")
    serializer_class = LifecycleTriggerSerializer
    filterset_fields = ["program__slug", "stage"]


class PartnerViewSet(GovernedViewSet):
    queryset = Partner.objects.select_related("contact")
    serializer_class = PartnerSerializer
    lookup_field = "slug"
    filterset_fields = ["tier", "country"]
    search_fields = ["name"]


class CampaignViewSet(GovernedViewSet):
    queryset = Campaign.objects.select_related("program").prefetch_related("partners")
    serializer_class = CampaignSerializer
    lookup_field = "slug"
    filterset_fields = ["program__slug"]
    search_fields = ["name"]


class ExperimentViewSet(GovernedViewSet):
    queryset = Experiment.objects.select_related("program", "metric")
    serializer_class = ExperimentSerializer
    filterset_fields = ["program__slug"]


class MetricViewSet(GovernedViewSet):
    queryset = Metric.objects.select_related("owner_role")
    serializer_class = MetricSerializer
    lookup_field = "key"


class ApproverViewSet(GovernedViewSet):
    queryset = Approver.objects.select_related("person", "role")
    serializer_class = ApproverSerializer
    filterset_fields = ["role__slug", "person"]


class UploadSerializer(serializers.Serializer):
    kind = serializers.CharField(max_length=40)
    program = serializers.SlugRelatedField("slug", queryset=Program.objects.all())
    partner = serializers.SlugRelatedField("slug", queryset=Partner.objects.all(), required=False)
    campaign = serializers.SlugRelatedField("slug", queryset=Campaign.objects.all(), required=False)
    file = serializers.FileField(allow_empty_file=True)  # the reader says what is missing
    mapping = serializers.CharField(required=False, default="{}", help_text="JSON: our column → theirs")

    def get_fields(self) -> dict[str, serializers.Field]:
        """The options of a load are those of every other door."""
        said = {
            choice.name: serializers.CharField(
                required=False, default="", allow_blank=True, max_length=choice.longest, help_text=choice.help
            )
            for choice in CHOICES
        }
        return {**super().get_fields(), **said}

    def validate_mapping(self, text: str) -> dict[str, str]:
        try:
            mapping = json.loads(text)
        except ValueError as error:
            raise serializers.ValidationError("This is not JSON.") from error
        if not isinstance(mapping, dict) or not all(isinstance(v, str) for v in mapping.values()):
            raise serializers.ValidationError("Give an object: our column → theirs.")
        return mapping


class DatasetViewSet(GovernedReadViewSet):
    queryset = Dataset.objects.select_related("program", "partner", "campaign")
    serializer_class = DatasetSerializer
    permission_classes = [CrudPermissions]
    filterset_fields = ["program__slug", "partner__slug", "kind"]
    ordering_fields = ["created_at", "rows"]

    @extend_schema(request={"multipart/form-data": UploadSerializer}, responses={201: DatasetSerializer})
    @action(detail=False, methods=["post"], parser_classes=[MultiPartParser])
    def upload(self, request: Request) -> Response:
        """Load a file. Every problem comes back at once; nothing is stored then."""
        body = UploadSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        upload = given.pop("file")
        source = Source(Path(upload.temporary_file_path()), name=Path(upload.name).name)
        dataset, _ = load_dataset(given.pop("kind"), [source], **given)
        return Response(DatasetSerializer(dataset).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR}, filters=False)
    @action(detail=True, methods=["get"])
    def rejects(self, request: Request, pk: str) -> HttpResponse:
        """The rejected rows with their reasons, safe to open in a spreadsheet."""
        dataset = self.get_object()
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="rejects-{dataset.pk}.csv"'
        if dataset.rejects:
            rejects.export_rejects(snapshot_root() / dataset.rejects, response)
        return response
