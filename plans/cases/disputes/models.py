"""What a campaign's attribution said of a partner, and what partners dispute of it."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from gtm.core.governed import GovernedModel, StateField, StatefulModel
from gtm.core.money_field import MoneyField
from programs.models import Partner


class AttributionRecord(GovernedModel):
    """A partner's part of a published result. Final when the time to dispute is over and nothing is open."""

    plan = models.ForeignKey("plans.Plan", on_delete=models.PROTECT, related_name="attribution_records")
    campaign = models.ForeignKey(
        "programs.Campaign", on_delete=models.PROTECT, related_name="attribution_records"
    )
    partner = models.ForeignKey(
        "programs.Partner", on_delete=models.PROTECT, related_name="attribution_records"
    )
    window_start = models.DateField()
    window_end = models.DateField(help_text="Last day")
    model = models.CharField(max_length=20, help_text="The agreed attribution model")
    confidence = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3)
    sourced_deals = models.PositiveIntegerField(default=0)
    sourced_pipeline = MoneyField(of="currency", default=0)
    sourced_revenue = MoneyField(of="currency", default=0)
    influenced_pipeline = MoneyField(of="currency", default=0)
    influenced_revenue = MoneyField(of="currency", default=0)
    contested_pipeline = MoneyField(of="currency", default=0)
    credited_deals = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    credited_pipeline = MoneyField(of="currency", default=0)
    credited_revenue = MoneyField(of="currency", default=0)
    total_pipeline = MoneyField(of="currency", default=0, help_text="Of all partners")
    total_revenue = MoneyField(of="currency", default=0, help_text="Of all partners")
    dispute_until = models.DateTimeField()

    class Meta:
        ordering = ["-window_end", "partner"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "partner"], name="attribution_once_per_plan_and_partner")
        ]

    def __str__(self) -> str:
        return f"{self.partner} in {self.campaign}, {self.window_start} to {self.window_end}"

    def change_chain(self) -> str:
        return self.plan.change_chain()

    @property
    def parties(self) -> list[Partner]:
        """Who signs a dispute of it: the campaign's partners, and whoever else has a record of the same run.

        Whoever is taken out of the campaign later has a record still, and is asked.
        """
        records = self.plan.attribution_records.all()
        found = [*self.campaign.partners.all(), *(record.partner for record in records)]
        return sorted({partner.pk: partner for partner in found}.values(), key=lambda partner: partner.name)

    def is_disputable_at(self, instant: datetime) -> bool:
        return instant < self.dispute_until


class DisputeState(models.TextChoices):
    OPEN = "open", "Open"
    ANSWERED = "answered", "Answered"
    SETTLED = "settled", "Settled"
    WITHDRAWN = "withdrawn", "Withdrawn"


OPEN_DISPUTE_STATES = frozenset({"open", "answered"})


class Dispute(StatefulModel):
    """A partner's claim on a record: claim, evidence, answer, and the sign-off of every partner.

    ``signed_off`` lists {"partner", "person", "name", "said"}; each partner signs once, by its own contact.
    """

    record = models.ForeignKey(AttributionRecord, on_delete=models.PROTECT, related_name="disputes")
    claimant = models.ForeignKey("programs.Partner", on_delete=models.PROTECT, related_name="disputes")
    state = StateField(default=DisputeState.OPEN.value, choices=DisputeState.choices)
    deal = models.CharField(max_length=240, help_text="Identifier of the deal in the partner's books")
    in_data = models.BooleanField(
        default=True,
        help_text="Whether the run has read such a deal; only then does a claim stop a plan",
    )
    claim = models.TextField()
    evidence = models.JSONField(default=list, help_text="The evidence for the claim, one sentence each")
    owner = models.ForeignKey(
        "programs.Person",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="owned_disputes",
        help_text="The person who works on it now; empty until it is handed to somebody",
    )
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(
        "programs.Person", null=True, blank=True, on_delete=models.PROTECT, related_name="answered_disputes"
    )
    signed_off = models.JSONField(default=list)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["record", "claimant", "deal"],
                condition=models.Q(state__in=sorted(OPEN_DISPUTE_STATES)),
                name="dispute_one_open_per_deal",
            )
        ]
        permissions = [("answer_dispute", "Can answer disputes between partners")]

    def __str__(self) -> str:
        return f"{self.claimant} on {self.deal}"

    def change_chain(self) -> str:
        return self.record.plan.change_chain()

    def change_label(self) -> str:
        return f"dispute {self.pk}"
