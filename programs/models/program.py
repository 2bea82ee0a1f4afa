"""A program: what a go-to-market team runs, and the rules its points follow."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models

from gtm.core.governed import GovernedModel, StateField, StatefulModel


class ProgramKind(models.TextChoices):
    LOYALTY = "loyalty", "Loyalty"
    REFERRAL = "referral", "Referral"
    PARTNER = "partner", "Partner co-marketing"


LIVE_PROGRAM_STATES = frozenset({"planning", "active", "paused"})
"""The rip-cord holds it. In any other state a program keeps its state under a pull."""
CLOSED_PROGRAM_STATES = frozenset({"archived", "aborted"})
"""No run starts on it."""
UNLAUNCHED_PROGRAM_STATES = frozenset({"draft", "planning"})


def all_words(value: Any) -> None:
    """Refuse what is no list of words."""
    if not isinstance(value, list) or not all(isinstance(word, str) and word.strip() for word in value):
        raise ValidationError('Must be a list of words such as ["coupon-site", "deals.example"].')


class Program(StatefulModel):
    slug = models.SlugField(unique=True, max_length=80)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=ProgramKind.choices, db_index=True)
    state = StateField(default="draft")
    is_default = models.BooleanField(
        default=False, help_text="A usage line that names no program runs on the default program of its kind."
    )
    description = models.TextField(blank=True)
    owner = models.ForeignKey(
        "programs.Person", null=True, blank=True, on_delete=models.PROTECT, related_name="owned_programs"
    )
    currency = models.CharField(max_length=3, default="USD", help_text="ISO 4217")
    country = models.CharField(
        max_length=2, default="US", help_text="ISO 3166: holidays of the working calendar"
    )
    region = models.CharField(max_length=40, blank=True)
    time_zone = models.CharField(max_length=60, default="UTC", help_text="IANA name, e.g. Europe/Berlin")
    gross_margin = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        default=Decimal("0.40"),
        help_text="Share of revenue, 0.40 = 40 %; an assumption until finance signs it",
    )
    platform_cost_monthly = models.DecimalField(
        max_digits=14, decimal_places=2, default=Decimal(0), validators=[MinValueValidator(0)]
    )
    points_per_currency_unit = models.DecimalField(
        max_digits=10,
        decimal_places=4,
        default=Decimal(1),
        help_text="Base earn rate: points per unit of spend",
    )
    point_face_value = models.DecimalField(
        max_digits=10, decimal_places=6, default=Decimal("0.01"), help_text="What a point buys, in currency"
    )
    point_unit_cost = models.DecimalField(
        max_digits=10, decimal_places=6, default=Decimal("0.008"), help_text="What a redeemed point costs us"
    )
    redemption_rate_assumption = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        default=Decimal("0.75"),
        help_text="Ultimate redemption rate used while no ledger is loaded; labelled as an assumption",
    )
    banned_sources = models.JSONField(
        default=list,
        blank=True,
        validators=[all_words],
        help_text='Sources and hosts that no referral may come from: ["coupon-site", "deals.example"]',
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(is_default=True), name="program_one_default_per_kind"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Tier(GovernedModel):
    """A level of a loyalty program, reached by qualifying spend over twelve months."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="tiers")
    name = models.CharField(max_length=60)
    rank = models.PositiveSmallIntegerField(help_text="1 is the entry tier")
    threshold = models.DecimalField(
        max_digits=14, decimal_places=2, default=Decimal(0), help_text="Qualifying spend of twelve months"
    )
    earn_multiplier = models.DecimalField(max_digits=6, decimal_places=3, default=Decimal(1))
    from_plan = models.CharField(max_length=60, blank=True, help_text="The plan that set this tier")

    class Meta:
        ordering = ["program", "rank"]
        constraints = [models.UniqueConstraint(fields=["program", "rank"], name="tier_one_per_rank")]

    def __str__(self) -> str:
        return f"{self.name} ({self.program})"


class BenefitKind(models.TextChoices):
    EARN = "earn", "Earn rule"
    PERK = "perk", "Standing benefit"
    SURPRISE = "surprise", "Surprise moment"


class Benefit(GovernedModel):
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


class LifecycleStage(models.TextChoices):
    ONBOARDING = "onboarding", "Onboarding"
    ADOPTION = "adoption", "Adoption"
    UPSELL = "upsell", "Upsell"
    RENEWAL = "renewal", "Renewal"


class LifecycleTrigger(GovernedModel):
    """Event → loyalty action → channel → owner, with an entry rule that can be counted on the data."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="triggers")
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
