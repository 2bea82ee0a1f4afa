"""How programs and what belongs to them look over REST. States are shown, never written."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from gtm.core.api.serializers import ModelSerializer, ReasonedSerializer
from programs.models import (
    ECONOMICS,
    Approver,
    Benefit,
    Campaign,
    Dataset,
    Experiment,
    LifecycleTrigger,
    Metric,
    Partner,
    Person,
    Program,
    Role,
    Tier,
)

KEPT = ["version", "created_at", "updated_at"]


class WholeSerializer(ModelSerializer):
    """Checked by the model itself, so that REST refuses what the admin refuses."""

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        fields = {f.name for f in self.Meta.model._meta.concrete_fields}
        kept = {name: getattr(self.instance, name) for name in fields} if self.instance else {}
        self.Meta.model(**kept | given).clean()
        return given


class RelatedSerializer(ModelSerializer):
    """Writes many-to-many relations through the model's own door, so that they are on record."""

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        related = {name: validated_data.pop(name) for name in self.related if name in validated_data}
        instance = super().update(instance, validated_data)
        for name, objects in related.items():
            instance.set_related(name, objects)
        return instance

    def create(self, validated_data: dict[str, Any]) -> Any:
        related = {name: validated_data.pop(name, []) for name in self.related}
        instance = super().create(validated_data)
        for name, objects in related.items():
            instance.set_related(name, objects)
        return instance

    @property
    def related(self) -> list[str]:
        return [field.name for field in self.Meta.model._meta.many_to_many if field.name in self.fields]


class ProgramSerializer(WholeSerializer):
    owner = serializers.SlugRelatedField(
        "email", queryset=Person.objects.all(), required=False, allow_null=True
    )
    assumptions_owner = serializers.SlugRelatedField(
        "email", queryset=Person.objects.all(), required=False, allow_null=True
    )

    class Meta:
        model = Program
        fields = [
            "slug",
            "name",
            "kind",
            "state",
            "is_default",
            "description",
            "owner",
            "currency",
            "country",
            "subdivision",
            "working_week",
            "region",
            "time_zone",
            *ECONOMICS,
            "assumptions_owner",
            "banned_sources",
            "referral_rules",
            "tooling",
            "version",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["version", "created_at", "updated_at", "state"]


class TierSerializer(WholeSerializer):
    program = serializers.SlugRelatedField("slug", queryset=Program.objects.all())

    class Meta:
        model = Tier
        fields = [
            "id", "program", "name", "rank", "threshold", "earn_multiplier", "from_plan", "departs",
            "version",
        ]  # fmt: skip
        read_only_fields = ["version", "created_at", "updated_at", "from_plan", "departs"]


class BenefitSerializer(ModelSerializer):
    class Meta:
        model = Benefit
        fields = ["id", "tier", "name", "kind", "description", "unit_cost", "version"]
        read_only_fields = KEPT


class LifecycleTriggerSerializer(ModelSerializer):
    program = serializers.SlugRelatedField("slug", queryset=Program.objects.all())
    owner_role = serializers.SlugRelatedField(
        "slug", queryset=Role.objects.all(), allow_null=True, required=False
    )

    class Meta:
        model = LifecycleTrigger
        fields = [
            "id",
            "program",
            "key",
            "stage",
            "event",
            "entry_rule",
            "action",
            "channel",
            "owner_role",
            "from_plan",
            "departs",
            "version",
        ]
        read_only_fields = ["version", "created_at", "updated_at", "from_plan", "departs"]


class PartnerSerializer(RelatedSerializer):
    contact = serializers.SlugRelatedField(
        "email", queryset=Person.objects.all(), required=False, allow_null=True
    )
    programs = serializers.SlugRelatedField("slug", queryset=Program.objects.all(), many=True, required=False)

    class Meta:
        model = Partner
        fields = [
            "slug",
            "name",
            "tier",
            "country",
            "currency",
            "time_zone",
            "contact",
            "programs",
            "version",
        ]
        read_only_fields = KEPT


class CampaignSerializer(RelatedSerializer):
    program = serializers.SlugRelatedField("slug", queryset=Program.objects.all())
    partners = serializers.SlugRelatedField("slug", queryset=Partner.objects.all(), many=True, required=False)

    class Meta:
        model = Campaign
        fields = [
            "slug",
            "name",
            "program",
            "partners",
            "starts_on",
            "ends_on",
            "budget",
            "currency",
            "version",
        ]
        read_only_fields = KEPT


class ExperimentSerializer(ModelSerializer):
    program = serializers.SlugRelatedField("slug", queryset=Program.objects.all())
    metric = serializers.SlugRelatedField(
        "key", queryset=Metric.objects.all(), required=False, allow_null=True
    )

    class Meta:
        model = Experiment
        fields = [
            "id",
            "program",
            "key",
            "name",
            "hypothesis",
            "metric",
            "control",
            "metrics",
            "planned_per_arm",
            "split",
            "is_sequential",
            "starts_on",
            "ends_on",
            "version",
        ]
        read_only_fields = KEPT


class MetricSerializer(ReasonedSerializer):
    owner_role = serializers.SlugRelatedField(
        "slug", queryset=Role.objects.all(), allow_null=True, required=False
    )

    class Meta:
        model = Metric
        fields = [
            "key",
            "name",
            "unit",
            "direction",
            "numerator",
            "denominator",
            "window",
            "dimensions",
            "owner_role",
            "threshold",
            "reason",
            "definition_version",
            "version",
        ]
        read_only_fields = ["version", "created_at", "updated_at", "definition_version"]


class ApproverSerializer(ModelSerializer):
    person = serializers.SlugRelatedField("email", queryset=Person.objects.all())
    role = serializers.SlugRelatedField("slug", queryset=Role.objects.all())

    class Meta:
        model = Approver
        fields = [
            "id",
            "person",
            "role",
            "limit_amount",
            "limit_currency",
            "program_kinds",
            "regions",
            "valid_from",
            "valid_until",
            "version",
        ]
        read_only_fields = KEPT


class DatasetSerializer(ModelSerializer):
    program = serializers.SlugRelatedField("slug", read_only=True)
    partner = serializers.SlugRelatedField("slug", read_only=True)
    campaign = serializers.SlugRelatedField("slug", read_only=True)
    is_current = serializers.BooleanField(read_only=True, help_text="Whether runs that start now read it")

    class Meta:
        model = Dataset
        fields = [
            "id",
            "program",
            "partner",
            "campaign",
            "kind",
            "contract_version",
            "sources",
            "mapping",
            "options",
            "sha256",
            "rows",
            "rejected_rows",
            "duplicate_rows",
            "reject_reasons",
            "window_start",
            "window_end",
            "profile",
            "parts",
            "is_current",
            "current_since",
            "version",
            "created_at",
        ]
        read_only_fields = KEPT
