"""What the partners of a campaign agreed on before anything was counted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from gtm.core.governed import GovernedModel
from programs.analytics.taxonomy import StageMap, Vocabulary

DEFAULT_AMOUNT_TOLERANCE, DEFAULT_MISMATCH_TOLERANCE = Decimal("0.250"), Decimal("0.200")
"""What books may differ by where partners agreed on nothing else; rates and rounding explain less."""
COMMON_STAGES = ("qualified", "discovery", "proposal", "negotiation", "won", "lost")


class AgreedModel(models.TextChoices):
    FIRST = "first-touch", "First touch"
    LAST = "last-touch", "Last touch"
    MULTI = "multi-touch", "Multi-touch (Markov)"


class MeasurementAgreement(GovernedModel):
    """The attribution model, the taxonomy and the rules of dispute, one a campaign.

    ``vocabulary``  {"allowed": {field: [value]}, "aliases": {field: {spelling: value}}} of UTM fields
    ``stages``      {partner slug: {their stage: [common stages it may mean]}}
    """

    campaign = models.OneToOneField(
        "programs.Campaign", on_delete=models.CASCADE, related_name="measurement_agreement"
    )
    attribution_model = models.CharField(
        max_length=20, choices=AgreedModel.choices, default=AgreedModel.MULTI.value
    )
    confidence_guardrail = models.DecimalField(
        max_digits=4,
        decimal_places=3,
        default=Decimal("0.600"),
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="If the confidence is below this value twice, the governance board is asked",
    )
    lookback_days = models.PositiveSmallIntegerField(
        default=90, help_text="How long before the opening of a deal a touch counts"
    )
    dispute_days = models.PositiveSmallIntegerField(
        default=14, help_text="How long after publication a partner may dispute"
    )
    exclude_direct = models.BooleanField(
        default=False, help_text="Direct visits get no credit, unless nothing else came before a deal"
    )
    collapse_repeats = models.BooleanField(
        default=False, help_text="Touches of one source in a row count as one, the last of them"
    )
    longest_path = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Only so many touches before a deal count, the last ones. Empty: all within the look-back",
    )
    amount_tolerance = models.DecimalField(
        max_digits=4,
        decimal_places=3,
        default=DEFAULT_AMOUNT_TOLERANCE,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="How far apart the partners' amounts of one deal may be; 0.25 means 25 % of the larger one",
    )
    mismatch_tolerance = models.DecimalField(
        max_digits=4,
        decimal_places=3,
        default=DEFAULT_MISMATCH_TOLERANCE,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Of how many shared deals the amounts may be further apart before the books do not agree",
    )
    vocabulary = models.JSONField(default=dict, blank=True)
    stages = models.JSONField(default=dict, blank=True)

    reasoned_fields = frozenset(
        {"confidence_guardrail", "dispute_days", "amount_tolerance", "mismatch_tolerance"}
    )

    class Meta:
        ordering = ["campaign"]

    def __str__(self) -> str:
        return f"Agreement on {self.campaign}"

    def clean(self) -> None:
        """Refuse a taxonomy that no run could read."""
        try:
            read_vocabulary(self.vocabulary)
            for partner, meanings in self.stages.items():
                read_stages(partner, meanings)
        except (ValueError, TypeError, AttributeError) as error:
            raise ValidationError(f"The taxonomy cannot be read: {error}") from error


def read_vocabulary(told: dict[str, Any]) -> Vocabulary:
    """The vocabulary of an agreement. Raises ValueError for aliases that contradict it."""
    allowed = {field: frozenset(values) for field, values in told.get("allowed", {}).items()}
    return Vocabulary(allowed, told.get("aliases", {}))


def read_stages(partner: str, meanings: dict[str, list[str]]) -> StageMap:
    """A partner's stages; the common ones always mean themselves. Raises ValueError for unknown ones."""
    own = {stage: (stage,) for stage in COMMON_STAGES}
    return StageMap(partner, COMMON_STAGES, own | {name: tuple(found) for name, found in meanings.items()})
