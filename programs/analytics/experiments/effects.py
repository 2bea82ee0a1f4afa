"""How much better is the treatment? Relative lift, differences, always-valid and Bayesian answers.

Sources: Deng, Knoblich & Lu, "Applying the delta method in metric analytics", KDD 2018 (lift); Welch 1947;
Newcombe 1998; Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, "Time-uniform central limit theory and
asymptotic confidence sequences", Annals of Statistics 52 (2024), cited as WS; the choice of ρ and the
Bayesian lift are those of GrowthBook's gbstats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import norm, t

from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.experiments.arm import Arm
from programs.analytics.funnel import rate_difference, two_proportion_p


@dataclass(frozen=True, slots=True)
class Comparison:
    """Treatment against control with a two-sided p. ``effect.unit`` is "relative" or that of the metric."""

    effect: Estimate
    p_value: float


MaybeComparison = Comparison | Unavailable


def relative_lift(control: Arm, treatment: Arm, *, level: float = 0.95) -> MaybeComparison:
    """(treatment − control)/control by the delta method, t with Welch's degrees of freedom."""
    found = lift_and_error(control, treatment)
    if isinstance(found, Unavailable):
        return found
    lift, error = found
    freedom = welch_freedom(control, treatment)
    half_width = float(t.ppf(0.5 + level / 2, freedom)) * error
    estimate = Estimate(
        lift, lift - half_width, lift + half_width, level, error, unit="relative", method="delta"
    )
    return Comparison(estimate, float(2 * t.sf(abs(lift) / error, freedom)))


def compare_means(control: Arm, treatment: Arm, *, level: float = 0.95) -> MaybeComparison:
    """Treatment − control in the metric's unit, Welch's t test."""
    error = math.sqrt(control.variance_of_mean + treatment.variance_of_mean)
    if error == 0:
        return Unavailable("No member differs from another, so nothing can be tested.")
    difference, freedom = treatment.mean - control.mean, welch_freedom(control, treatment)
    half_width = float(t.ppf(0.5 + level / 2, freedom)) * error
    estimate = Estimate(
        difference, difference - half_width, difference + half_width, level, error, method="welch"
    )
    return Comparison(estimate, float(2 * t.sf(abs(difference) / error, freedom)))


def compare_proportions(control: Arm, treatment: Arm, *, level: float = 0.95) -> MaybeComparison:
    """Difference of shares with Newcombe's interval and the pooled z test."""
    if not (control.is_proportion and treatment.is_proportion):
        raise ValueError("Both arms need to be proportions.")
    counts = (
        treatment.mean * treatment.members,
        treatment.members,
        control.mean * control.members,
        control.members,
    )
    difference = rate_difference(*counts, level=level)
    if isinstance(difference, Unavailable):
        return difference
    return Comparison(difference, two_proportion_p(*counts))


def sequential_lift(
    control: Arm, treatment: Arm, *, tuning: float = 5000.0, level: float = 0.95
) -> MaybeComparison:
    """Relative lift with an interval and a p that stay valid however often one looks (WS, theorem 2.2).

    ``tuning`` N* is the number of members, both arms together, at which the interval is narrowest.
    """
    found = lift_and_error(control, treatment)
    if isinstance(found, Unavailable):
        return found
    lift, error = found
    members = control.members + treatment.members
    half_width = sequential_half_width(error, members, tuning, 1 - level)
    # The e-value of "no lift" at this sample size; its inverse is an always-valid p.
    spread = members * _rho(tuning, 1 - level) ** 2
    log_e = spread / (spread + 1) * (lift / error) ** 2 / 2 - math.log1p(spread) / 2
    estimate = Estimate(
        lift,
        lift - half_width,
        lift + half_width,
        level,
        error,
        unit="relative",
        method=f"asymptotic confidence sequence, N*={tuning:g}",
    )
    return Comparison(estimate, min(1.0, math.exp(-log_e)))


def sequential_half_width(error: float, members: float, tuning: float, alpha: float) -> float:
    """Half-width of WS equation 8 for an estimate with standard ``error`` from ``members``."""
    spread = members * _rho(tuning, alpha) ** 2
    return error * math.sqrt(2 * (spread + 1) / spread * math.log(math.sqrt(spread + 1) / alpha))


def _rho(tuning: float, alpha: float) -> float:
    """ρ that makes the interval narrowest at N* members (WS, appendix B.2, to first order)."""
    if tuning <= 0:
        raise ValueError("The tuning parameter is a number of members above 0.")
    inner = -2 * math.log(alpha)
    return math.sqrt((inner + math.log(inner + 1)) / tuning)


@dataclass(frozen=True, slots=True)
class BayesianLift:
    """Posterior of the relative lift (``effect``: mean and credible interval).

    ``chance_to_win`` = P(lift > 0). Risks are expected relative losses: of shipping a treatment that is
    worse, and of keeping a control that is worse.
    """

    effect: Estimate
    chance_to_win: float
    risk_of_shipping: float
    risk_of_holding: float


def bayesian_lift(
    control: Arm,
    treatment: Arm,
    *,
    prior_mean: float = 0.0,
    prior_deviation: float = math.inf,
    higher_is_better: bool = True,
    level: float = 0.95,
) -> BayesianLift | Unavailable:
    """Normal posterior of the relative lift; a flat prior unless ``prior_deviation`` is finite."""
    found = lift_and_error(control, treatment)
    if isinstance(found, Unavailable):
        return found
    lift, error = found
    prior_precision = 0.0 if math.isinf(prior_deviation) else prior_deviation**-2
    precision = error**-2 + prior_precision
    mean, deviation = (lift * error**-2 + prior_mean * prior_precision) / precision, precision**-0.5
    better = mean if higher_is_better else -mean
    half_width = float(norm.ppf(0.5 + level / 2)) * deviation
    return BayesianLift(
        Estimate(
            mean,
            mean - half_width,
            mean + half_width,
            level,
            deviation,
            unit="relative",
            method="normal posterior",
        ),
        float(norm.cdf(better / deviation)),
        _expected_loss(better, deviation),
        _expected_loss(-better, deviation),
    )


def _expected_loss(gain: float, deviation: float) -> float:
    """E[max(−X, 0)] for X ~ N(gain, deviation²)."""
    z = gain / deviation
    return deviation * float(norm.pdf(z)) - gain * float(norm.sf(z))


def lift_and_error(control: Arm, treatment: Arm) -> tuple[float, float] | Unavailable:
    """Relative lift and its delta-method standard error."""
    if control.mean <= 0:
        return Unavailable("A relative lift needs a positive mean in the control group.")
    if min(control.members, treatment.members) < 2:
        return Unavailable("Each arm needs two members or more.")
    ratio = treatment.mean / control.mean
    variance = (treatment.variance_of_mean + ratio**2 * control.variance_of_mean) / control.mean**2
    if variance == 0:
        return Unavailable("No member differs from another, so nothing can be tested.")
    return ratio - 1, math.sqrt(variance)


def welch_freedom(control: Arm, treatment: Arm) -> float:
    """Degrees of freedom by Welch and Satterthwaite."""
    parts = [(arm.variance_of_mean, arm.members - 1) for arm in (control, treatment)]
    return sum(part for part, _ in parts) ** 2 / sum(part**2 / freedom for part, freedom in parts)
