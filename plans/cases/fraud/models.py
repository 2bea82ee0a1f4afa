"""A fraud case: suspicious referrals that people decide on together. A question, never a verdict."""

from __future__ import annotations

from types import MappingProxyType

from django.db import models

from gtm.core.governed import StateField, StatefulModel
from gtm.core.money_field import MoneyField


class FraudCaseState(models.TextChoices):
    OPEN = "open", "Open"
    HELD = "held", "Rewards held"
    APPEALED = "appealed", "Appealed"
    RELEASED = "released", "Released"
    CONFIRMED = "confirmed", "Confirmed as fraud"


class FraudCaseKind(models.TextChoices):
    SIGNS = "signs", "Signs on referrals"
    PATTERN = "pattern", "Pattern of a referrer or partner"
    AUDIT = "audit", "Random audit sample"


class FraudProposal(models.TextChoices):
    HOLD = "hold", "Hold"
    REVIEW = "review", "Look at it"
    NONE = "none", "None: drawn at random"


OPEN_FRAUD_STATES = frozenset({"open", "held", "appealed"})
HOLDING_FRAUD_STATES = frozenset({"held", "appealed", "confirmed"})
"""The rewards of its referrals must not be paid."""
FRAUD_LABELS = {"confirmed": True, "released": False}
"""What people decided becomes the label of the case's referrals; an open or appealed case has none."""


class FraudCase(StatefulModel):
    """``opened_by`` … ``decided_by`` are people: whoever opened or held a case does not close it."""

    plan = models.ForeignKey("plans.Plan", on_delete=models.PROTECT, related_name="fraud_cases")
    program = models.ForeignKey("programs.Program", on_delete=models.PROTECT, related_name="fraud_cases")
    key = models.SlugField(max_length=40, help_text="Stays the same for the same ring or referrer")
    kind = models.CharField(
        max_length=10,
        choices=FraudCaseKind.choices,
        default=FraudCaseKind.SIGNS.value,
        help_text="An audit sample is no suspicion: it was drawn at random from what was not proposed, to "
        "learn what is missed",
    )
    proposal = models.CharField(
        max_length=10, choices=FraudProposal.choices, default=FraudProposal.HOLD.value
    )
    state = StateField(default=FraudCaseState.OPEN.value, choices=FraudCaseState.choices)
    referrals = models.JSONField(default=list, help_text="Identifiers of the referrals")
    referrers = models.PositiveIntegerField(default=0)
    score = models.DecimalField(
        max_digits=5, decimal_places=2, help_text=("0 to 100, the highest score of its referrals")
    )
    at_risk = MoneyField(of="currency", help_text="Rewards won, due and not returned, of its referrals")
    expected_loss = MoneyField(of="currency")
    paid = MoneyField(
        of="currency",
        default=0,
        help_text="Rewards of its referrals that were paid already",
    )
    currency = models.CharField(max_length=3)
    evidence = models.JSONField(default=list, help_text="Heuristics, what was seen, other possible reasons")
    owner = models.ForeignKey(
        "programs.Person",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="owned_fraud_cases",
        help_text="The person who works on it now; empty until it is handed to somebody",
    )
    opened_by = models.ForeignKey(
        "programs.Person", null=True, blank=True, on_delete=models.PROTECT, related_name="opened_fraud_cases"
    )
    held_by = models.ForeignKey(
        "programs.Person", null=True, blank=True, on_delete=models.PROTECT, related_name="held_fraud_cases"
    )
    appealed_by = models.ForeignKey(
        "programs.Person",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="appealed_fraud_cases",
    )
    decided_by = models.ForeignKey(
        "programs.Person", null=True, blank=True, on_delete=models.PROTECT, related_name="decided_fraud_cases"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    judgements = models.JSONField(
        default=list, help_text="Who did what and when, why, and on which evidence; entries are only added"
    )

    unlogged_fields = frozenset({"decided_at"})
    digested_fields = MappingProxyType({"evidence": "", "judgements": ""})

    class Meta:
        ordering = ["-expected_loss", "key"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "key"], name="fraud_case_once_per_plan"),
            models.UniqueConstraint(
                fields=["program", "key"],
                condition=models.Q(state__in=sorted(OPEN_FRAUD_STATES)),
                name="fraud_case_one_open_per_key",
            ),
        ]
        permissions = [("judge_fraudcase", "Can hold, release, confirm and appeal fraud cases")]

    def __str__(self) -> str:
        return f"{self.key} ({len(self.referrals)} referrals, {self.at_risk} {self.currency})"

    @property
    def label(self) -> bool | None:
        """True: people confirmed it as fraud; False: they released it; None: not decided."""
        return FRAUD_LABELS.get(self.state)

    def change_chain(self) -> str:
        return self.plan.change_chain()

    def change_label(self) -> str:
        return f"fraud case {self.key}"
