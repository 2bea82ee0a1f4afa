"""Guardrails: a metric may not get worse by more than its margin (one-sided non-inferiority)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.experiments.arm import Arm
from programs.analytics.experiments.effects import (
    lift_by,
    one_sided_sequential_score,
    relative_lift,
)
from programs.analytics.experiments.pivots import Pivot


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
    pivot: Pivot | None = None,
    higher_is_better: bool = True,
    alpha: float = 0.05,
    tuning: float | None = None,
) -> Guardrail | Unavailable:
    """Test H₀ "worse by ``margin`` (relative, above 0) or more" at one-sided ``alpha``.

    With ``tuning`` N* the bounds come from a one-sided confidence sequence at ``alpha`` a side and stay valid
    under repeated looks; without it for a single look. ``pivot`` (``pivot_of``) where outcomes are skewed.
    Source: Piaggio et al., "Reporting of noninferiority and equivalence randomized trials", JAMA 308 (2012).
    """
    if margin <= 0:
        raise ValueError("A guardrail's margin is a relative loss above 0.")
    change = _bounded(control, treatment, pivot, alpha, tuning)
    if isinstance(change, Unavailable):
        return change
    assert change.low is not None and change.high is not None
    ends = change.low, change.high
    sign = 1.0 if higher_is_better else -1.0
    low, high = ends if higher_is_better else (-ends[1], -ends[0])
    if low > -margin:
        state = GuardrailState.SAFE
    else:
        state = GuardrailState.HARMED if high < 0 else GuardrailState.UNCLEAR
    return Guardrail(change, sign * low, margin, state)


def _bounded(
    control: Arm, treatment: Arm, pivot: Pivot | None, alpha: float, tuning: float | None
) -> Estimate | Unavailable:
    """The relative lift with its lowest and highest value, each at one-sided ``alpha``."""
    score = None
    if tuning is not None:
        score = one_sided_sequential_score(control.members + treatment.members, tuning, alpha)
    if pivot is not None:
        found = lift_by(pivot, level=1 - 2 * alpha, score=score)
    else:
        found = relative_lift(control, treatment, level=1 - 2 * alpha)
    if isinstance(found, Unavailable):
        return found
    change = replace(found.effect, method=f"non-inferiority, {found.effect.method}")
    if pivot is None and score is not None and change.standard_error is not None:
        width = score * change.standard_error
        return replace(change, low=change.value - width, high=change.value + width)
    return change
