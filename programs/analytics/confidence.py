"""Attribution confidence: one number from its four parts, held against a guardrail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from programs.analytics.attribution import Attribution, BootstrapAttribution
from programs.analytics.estimate import Estimate, Unavailable


@dataclass(frozen=True)
class AttributionConfidence:
    """Share of credit that stays where it was put, 0–1, and the parts whose product it is.

    ``sampling``            1 − the credit that resampled journeys move (``level`` quantile)
    ``model_agreement``     1 − the credit that the most different model would move
    ``tagging``             touches whose source is known by UTM / all touches
    ``identity_precision``  record pairs taken as one person that are one person / all such pairs

    The product treats the four errors as striking independently. ``furthest_model`` is the model
    behind ``model_agreement``; ``weakest_part`` is where work pays first.
    """

    value: float
    sampling: float
    model_agreement: float
    tagging: float
    identity_precision: float
    guardrail: float
    furthest_model: str
    tagged_touches: float
    total_touches: float

    @property
    def passes(self) -> bool:
        """Whether the confidence reaches the guardrail."""
        return self.value >= self.guardrail

    @property
    def parts(self) -> dict[str, float]:
        """The four factors by name."""
        return {
            "sampling": self.sampling,
            "model_agreement": self.model_agreement,
            "tagging": self.tagging,
            "identity_precision": self.identity_precision,
        }

    @property
    def weakest_part(self) -> str:
        """Name of the smallest factor."""
        return min(self.parts, key=self.parts.__getitem__)


def attribution_confidence(
    agreed: BootstrapAttribution,
    alternatives: Iterable[Attribution | Unavailable],
    *,
    tagging: Estimate,
    identity_precision: Estimate,
    guardrail: float,
    level: float = 0.95,
) -> AttributionConfidence | Unavailable:
    """Combine resampling, model choice, UTM coverage and identity into one number.

    Credit moved between two allocations is their total variation distance ½ Σ|p − q|, the share of
    all credit that lies with another channel. ``tagging`` and ``identity_precision`` are rates (0–1);
    ``tagging`` must state its counts. Unavailable when no other model could be solved: agreement
    would be unknown. Raises ValueError for rates or a guardrail outside 0–1, or missing counts.
    """
    if tagging.numerator is None or tagging.denominator is None:
        raise ValueError("tagging must state tagged and all touches")
    if not all(0 <= rate <= 1 for rate in (tagging.value, identity_precision.value, guardrail)):
        raise ValueError("rates and guardrail lie between 0 and 1")
    shares = agreed.attribution.shares
    others = [
        other
        for other in alternatives
        if isinstance(other, Attribution) and other.model != agreed.attribution.model
    ]
    if not others:
        return Unavailable("Only one attribution model could be solved, so agreement is unknown.")
    totals = agreed.replicates.sum(axis=1, keepdims=True)
    resampled = agreed.replicates[totals[:, 0] > 0] / totals[totals[:, 0] > 0]
    if not len(resampled):
        return Unavailable("No resample held a conversion: there is too little data to judge.")
    sampling = 1 - float(np.quantile(0.5 * np.abs(resampled - shares).sum(axis=1), level))
    moved = [0.5 * float(np.abs(other.shares - shares).sum()) for other in others]
    furthest = int(np.argmax(moved))
    agreement = 1 - moved[furthest]
    return AttributionConfidence(
        value=sampling * agreement * tagging.value * identity_precision.value,
        sampling=sampling,
        model_agreement=agreement,
        tagging=tagging.value,
        identity_precision=identity_precision.value,
        guardrail=guardrail,
        furthest_model=others[furthest].model,
        tagged_touches=tagging.numerator,
        total_touches=tagging.denominator,
    )


def breaches_twice(history: Iterable[AttributionConfidence]) -> bool:
    """Whether the two latest readings, oldest first, both lie below their guardrail: the rip-cord."""
    latest = list(history)[-2:]
    return len(latest) == 2 and not any(reading.passes for reading in latest)
