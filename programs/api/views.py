"""Programs and what belongs to them over REST, under permissions and with history."""

from __future__ import annotations

from gtm.core.api.views import GovernedViewSet
from programs.api.insiders import ForOurPeople
from programs.api.serializers import (
    ApproverSerializer,
    BenefitSerializer,
    CampaignSerializer,
    ExperimentSerializer,
    LifecycleTriggerSerializer,
    MetricSerializer,
    PartnerSerializer,
    ProgramSerializer,
    TierSerializer,
)
from programs.models import (
    Approver,
    Benefit,
    Campaign,
    Experiment,
    LifecycleTrigger,
    Metric,
    Partner,
    Program,
    Tier,
)


class ProgramViewSet(ForOurPeople, GovernedViewSet):
    queryset = Program.objects.select_related("owner")
    serializer_class = ProgramSerializer
    lookup_field = "slug"
    filterset_fields = ["kind", "state", "is_default"]
    search_fields = ["name", "slug"]
    ordering_fields = ["name", "created_at"]


class TierViewSet(ForOurPeople, GovernedViewSet):
    queryset = Tier.objects.select_related("program")
    serializer_class = TierSerializer
    filterset_fields = ["program__slug"]
    ordering_fields = ["rank"]


class BenefitViewSet(ForOurPeople, GovernedViewSet):
    queryset = Benefit.objects.select_related("tier")
    serializer_class = BenefitSerializer
    filterset_fields = ["tier", "kind"]


class LifecycleTriggerViewSet(ForOurPeople, GovernedViewSet):
    queryset = LifecycleTrigger.objects.select_related("program", "owner_role")
    serializer_class = LifecycleTriggerSerializer
    filterset_fields = ["program__slug", "stage"]


class PartnerViewSet(ForOurPeople, GovernedViewSet):
    queryset = Partner.objects.select_related("contact")
    serializer_class = PartnerSerializer
    lookup_field = "slug"
    filterset_fields = ["tier", "country"]
    search_fields = ["name"]


class CampaignViewSet(ForOurPeople, GovernedViewSet):
    queryset = Campaign.objects.select_related("program").prefetch_related("partners")
    serializer_class = CampaignSerializer
    lookup_field = "slug"
    filterset_fields = ["program__slug"]
    search_fields = ["name"]


class ExperimentViewSet(ForOurPeople, GovernedViewSet):
    queryset = Experiment.objects.select_related("program", "metric")
    serializer_class = ExperimentSerializer
    filterset_fields = ["program__slug"]


class MetricViewSet(ForOurPeople, GovernedViewSet):
    queryset = Metric.objects.select_related("owner_role")
    serializer_class = MetricSerializer
    lookup_field = "key"


class ApproverViewSet(ForOurPeople, GovernedViewSet):
    queryset = Approver.objects.select_related("person", "role")
    serializer_class = ApproverSerializer
    filterset_fields = ["role__slug", "person"]
