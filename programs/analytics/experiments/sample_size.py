"""How many members, and how many weeks, a test needs before it can answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from scipy.optimize import brentq
from scipy.stats import norm

from gtm.core.percents import percent_text
from programs.analytics.estimate import Unavailable
from programs.analytics.experiments.effects import one_sided_sequential_score


class NullVariance(StrEnum):
    """Variance under "no difference": of both arms pooled, or of the baseline as some calculators take it."""

    POOLED = "pooled"
    BASELINE = "baseline"


def members_per_arm_for_share(
    baseline: float,
    difference: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    null_variance: NullVariance = NullVariance.POOLED,
) -> float:
    """n per arm to see a share move from ``baseline`` p₁ by ``difference`` δ; round up.

    (z_{α/2}√(2p̄q̄) + z_β√(p₁q₁ + p₂q₂))²/δ². Source: Fleiss, Levin & Paik, "Statistical Methods for Rates and
    Proportions" (2003), equation 4.14; with the baseline's variance p₁q₁ for p̄q̄ it is the formula of
    Miller's calculator, which asks for fewer members than the pooled test needs when δ moves towards ½.
    """
    reached = baseline + difference
    if not (0 < baseline < 1 and 0 < reached < 1) or difference == 0:
        raise ValueError("Both shares lie between 0 and 1, and differ.")
    null = (baseline + reached) / 2 if null_variance is NullVariance.POOLED else baseline
    under_null = math.sqrt(2 * null * (1 - null))
    under_effect = math.sqrt(baseline * (1 - baseline) + reached * (1 - reached))
    return (_z(1 - alpha / 2) * under_null + _z(power) * under_effect) ** 2 / difference**2


def members_per_arm_for_mean(
    deviation: float, difference: float, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """n per arm to see a mean move by ``difference`` when members vary by ``deviation``: 2(z + z)²σ²/δ²."""
    if deviation <= 0 or difference == 0:
        raise ValueError("A test needs members that vary and a difference to find.")
    return 2 * ((_z(1 - alpha / 2) + _z(power)) * deviation / difference) ** 2


def members_per_arm_for_guardrail(
    variation: float, margin: float, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """n per arm until a guardrail that does not change is called safe, where one looks as often as one likes.

    ``variation`` is σ/mean of the control, ``margin`` the relative loss that is allowed. The bound of
    ``check_guardrail`` is narrowest at the members it is tuned for, which are these:
    2((c + z_β)·σ/mean/margin)², c the standard errors of the one-sided confidence sequence there.
    """
    if variation <= 0 or margin <= 0:
        raise ValueError("A guardrail needs members that vary and a margin above 0.")
    score = one_sided_sequential_score(1.0, 1.0, alpha)  # the same for any number at which it is narrowest
    return 2 * ((score + _z(power)) * variation / margin) ** 2


def detectable_difference(
    baseline: float, members_per_arm: float, *, alpha: float = 0.05, power: float = 0.8
) -> float | Unavailable:
    """The rise of a share that ``members_per_arm`` can show: inverse of ``members_per_arm_for_share``."""
    if not 0 < baseline < 1 or members_per_arm <= 0:
        raise ValueError("The share lies between 0 and 1, and an arm has members.")

    def missing(difference: float) -> float:
        return members_per_arm_for_share(baseline, difference, alpha=alpha, power=power) - members_per_arm

    smallest, largest = (1 - baseline) * 1e-9, (1 - baseline) * (1 - 1e-9)
    if missing(largest) > 0:
        return Unavailable(
            f"{members_per_arm:,.0f} members per arm cannot show a rise from {percent_text(baseline)}."
        )
    return float(brentq(missing, smallest, largest, xtol=1e-12))


def detectable_mean_difference(
    deviation: float, members_per_arm: float, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """The move of a mean that ``members_per_arm`` can show: inverse of ``members_per_arm_for_mean``."""
    if deviation <= 0 or members_per_arm <= 0:
        raise ValueError("A test needs members that vary, and members in each arm.")
    return (_z(1 - alpha / 2) + _z(power)) * deviation * math.sqrt(2 / members_per_arm)


@dataclass(frozen=True, slots=True)
class TestPlan:
    """Members to enrol per arm and the whole weeks that takes."""

    __test__ = False  # the name is the field's, not a test case

    members_per_arm: int
    arms: int
    weeks: int


def plan_test(
    members_per_arm: float, members_per_week: float, *, arms: int = 2, minimum_weeks: int = 1
) -> TestPlan | Unavailable:
    """Weeks until ``members_per_week`` eligible members fill all ``arms``; at least ``minimum_weeks``."""
    if arms < 2:
        raise ValueError("A test has two arms or more.")
    if members_per_week <= 0:
        return Unavailable("Nobody is eligible in a week, so the test would never end.")
    size = math.ceil(members_per_arm)
    return TestPlan(size, arms, max(minimum_weeks, math.ceil(size * arms / members_per_week)))


def _z(probability: float) -> float:
    return float(norm.ppf(probability))
