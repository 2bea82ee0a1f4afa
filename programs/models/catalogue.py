"""What a loyalty program offers: tiers, their benefits, and the triggers of a member's life."""

from __future__ import annotations

from decimal import Decimal

from django.db import models

from gtm.core.money_field import CleanCoins, MoneyField
from programs.models.published import PublishedModel


class Tier(CleanCoins, PublishedModel):
    """A level of a loyalty program, reached by qualifying spend over twelve months."""

    program = models.ForeignKey("programs.Program", on_delete=models.CASCADE, related_name="tiers")
    name = models.CharField(max_length=60)
    rank = models.PositiveSmallIntegerField(help_text="1 is the entry tier")
    threshold = MoneyField(
        of="program.currency",
        max_digits=16,
        default=Decimal(0),
        help_text="Qualifying spend of twelve months",
    )
    earn_multiplier = models.DecimalField(max_digits=6, decimal_places=3, default=Decimal(1))
    from_plan = models.CharField(max_length=60, blank=True, help_text="The plan that set this tier")

    class Meta:
        ordering = ["program", "rank"]
        constraints = [models.UniqueConstraint(fields=["program", "rank"], name="tier_one_per_rank")]

    def __str__(self) -> str:
        return f"{self.name} ({self.program})"

    def program_pk(self) -> int:
        return self.program_id

    def published_by(self) -> str:
        return self.from_plan or _plan_behind(Tier, self)


class BenefitKind(models.TextChoices):
    EARN = "earn", "Earn rule"
    PERK = "perk", "Standing benefit"
    SURPRISE = "surprise", "Surprise moment"


class Benefit(PublishedModel):
    tier = models.ForeignKey(Tier, on_delete=models.CASCADE, related_name="benefits")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=BenefitKind.choices)
    description = models.TextField(blank=True)
    unit_cost = models.DecimalField(
        max_digits=12, decimal_places=4, default=Decimal(0), help_text="Per member and year, program currency"
    )

    class Meta:
        ordering = ["tier", "kind", "name"]

    def __str__(self) -> str:
        return self.name

    def program_pk(self) -> int:
        return self.tier.program_id

    def published_by(self) -> str:
        return self.tier.from_plan


class LifecycleStage(models.TextChoices):
    ONBOARDING = "onboarding", "Onboarding"
    ADOPTION = "adoption", "Adoption"
    UPSELL = "upsell", "Upsell"
    RENEWAL = "renewal", "Renewal"


class LifecycleTrigger(PublishedModel):
    """Event → loyalty action → channel → owner, with an entry rule that can be counted on the data."""

    program = models.ForeignKey("programs.Program", on_delete=models.CASCADE, related_name="triggers")
    key = models.SlugField(max_length=60)
    stage = models.CharField(max_length=20, choices=LifecycleStage.choices)
    event = models.CharField(max_length=160)
    entry_rule = models.CharField(max_length=240)
    action = models.CharField(max_length=240)
    channel = models.CharField(max_length=60)
    owner_role = models.ForeignKey("programs.Role", null=True, blank=True, on_delete=models.PROTECT)
    from_plan = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["program", "stage", "key"]
        constraints = [models.UniqueConstraint(fields=["program", "key"], name="trigger_one_per_key")]

    def __str__(self) -> str:
        return self.event

    def program_pk(self) -> int:
        return self.program_id

    def published_by(self) -> str:
        return self.from_plan or _plan_behind(LifecycleTrigger, self)


def _plan_behind(model: type[Tier] | type[LifecycleTrigger], row: Tier | LifecycleTrigger) -> str:
    """Which plan has published the rows that a new one would join."""
    if not row._state.adding:
        return ""
    found = model.objects.filter(program=row.program_id).exclude(from_plan="")
    return found.values_list("from_plan", flat=True).order_by("-pk").first() or ""
