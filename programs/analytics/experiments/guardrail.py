"""Guardrails: a metric may not get worse by more than its margin (one-sided non-inferiority)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.experiments.arm import Arm
from programs.analytics.experiments.effects import lift_and_error, sequential_half_width, trusted_lift


class GuardrailState(StrEnum):
    """What the data say about harm."""

    SAFE = "safe"
    UNCLEAR = "unclear"
    HARMED = "harmed"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """``change`` is the relative lift, signed as measured; ``worst`` its one-sided bound on the bad side.

    Safe: the bound lies within the margin. Harmed: worse than control beyond chance and not safe.
    """

    change: Estimate
    worst: float
    margin: float
    state: GuardrailState


def check_guardrail(
    control: Arm,
    treatment: Arm,
    margin: float,
    *,
    higher_is_better: bool = True,
    alpha: float = 0.05,
    tuning: float | None = None,
) -> Guardrail | Unavailable:
    """Test H₀ "worse by ``margin`` (relative, above 0) or more" at one-sided ``alpha``.

    With ``tuning`` N* the bounds come from the confidence sequence and stay valid under repeated looks;
    a two-sided sequence at 2α bounds each side at α.
    Source: Piaggio et al., "Reporting of noninferiority and equivalence randomized trials", JAMA 308 (2012).
    """
    if margin <= 0:
        raise ValueError("A guardrail's margin is a relative loss above 0.")
    found = lift_and_error(control, treatment)
    if isinstance(found, Unavailable):
        return found
    lift, error = found
    if tuning is None:
        fixed = trusted_lift(control, treatment, level=1 - 2 * alpha)
        if isinstance(fixed, Unavailable):
            return fixed
        assert fixed.effect.low is not None and fixed.effect.high is not None
        ends = fixed.effect.low, fixed.effect.high
    else:
        width = sequential_half_width(error, control.members + treatment.members, tuning, 2 * alpha)
        ends = lift - width, lift + width
    sign = 1.0 if higher_is_better else -1.0
    low, high = ends if higher_is_better else (-ends[1], -ends[0])
    if low > -margin:
        state = GuardrailState.SAFE
    else:
        state = GuardrailState.HARMED if high < 0 else GuardrailState.UNCLEAR
    change = Estimate(lift, *ends, 1 - 2 * alpha, error, unit="relative", method="non-inferiority")
    return Guardrail(change, sign * low, margin, state)
