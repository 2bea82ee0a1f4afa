"""How much better is the treatment? Relative lift, always-valid and Bayesian answers.

Sources: Deng, Knoblich & Lu, "Applying the delta method in metric analytics", KDD 2018 (lift); Fieller, "Some
problems in interval estimation", JRSS B 16 (1954); Waudby-Smith, Arbour, Sinha,
Kennedy & Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of
Statistics 52 (2024), cited as WS; the choice of ρ and the Bayesian lift are those of GrowthBook's gbstats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scipy.stats import norm, t

from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.experiments.arm import Arm
from programs.analytics.experiments.permutation import PermutationPivot, can_permute
from programs.analytics.experiments.pivots import FiellerPivot, Pivot, ScorePivot, chances_of, welch_freedom


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


def fieller_lift(control: Arm, treatment: Arm, *, level: float = 0.95) -> MaybeComparison:
    """(treatment − control)/control by Fieller's theorem: all lifts θ that a Welch test of the means
    m_t − (1 + θ)m_c does not reject. Unavailable where the control's own interval reaches 0.
    """
    found = lift_and_error(control, treatment)
    if isinstance(found, Unavailable):
        return found
    return lift_by(FiellerPivot(control, treatment), level=level)


def lift_by(pivot: Pivot, *, level: float = 0.95, score: float | None = None) -> MaybeComparison:
    """The lift that inverts a test, at ``level``; ``score``: normal scores to either side if not fixed."""
    wide = float(norm.ppf(0.5 + level / 2)) if score is None else score
    ends = pivot.ends(wide)
    if isinstance(ends, Unavailable):
        return ends
    low, high = ends
    error = (high - low) / 2 / wide
    estimate = Estimate(
        pivot.ratio - 1, low - 1, high - 1, level, error, unit="relative", method=pivot.method
    )
    return Comparison(estimate, min(1.0, 2 * float(norm.sf(abs(pivot.score(1.0))))))


def pivot_of(control: Arm, treatment: Arm) -> Pivot | None:
    """The test to invert where an arm is skewed; None where the means are normal and the delta method holds,
    and where there is no lift at all.

    Two shares have the score test, values that are at hand a permutation test, and else Fieller's is left.
    """
    if not (control.is_skewed or treatment.is_skewed):
        return None
    if control.mean <= 0 or min(control.members, treatment.members) < 2:
        return None
    if control.is_proportion and treatment.is_proportion:
        return ScorePivot(control, treatment)
    if can_permute(control, treatment):
        return PermutationPivot(control, treatment)
    return FiellerPivot(control, treatment)


def trusted_lift(control: Arm, treatment: Arm, *, level: float = 0.95) -> MaybeComparison:
    """The relative lift by the method whose interval holds: that of ``pivot_of``, or delta without one."""
    pivot = pivot_of(control, treatment)
    if pivot is None:
        return relative_lift(control, treatment, level=level)
    return lift_by(pivot, level=level)


def uneven_skewness(control: Arm, treatment: Arm) -> str:
    """What to know of the interval where the skewness of the arms does not cancel; empty where it does."""
    if control.skewness is None or treatment.skewness is None or control.is_proportion:
        return ""
    parts = [arm.skewness * arm.variance**1.5 / arm.members**2 for arm in (control, treatment)]
    error = math.sqrt(control.variance_of_mean + treatment.variance_of_mean)
    left = abs(parts[1] - parts[0]) / error**3 if error else 0.0
    if left <= 1 / math.sqrt(355) or not isinstance(pivot_of(control, treatment), FiellerPivot):
        return ""
    few = min(control.members, treatment.members)
    return (
        f"A few large values decide: with {few:,} units in the smaller arm and a skewness of "
        f"{max(abs(control.skewness), abs(treatment.skewness)):.1f} the interval covers less than it says."
    )


def sequential_lift(
    control: Arm, treatment: Arm, *, pivot: Pivot | None = None, tuning: float = 5000.0, level: float = 0.95
) -> MaybeComparison:
    """Relative lift with an interval and a p that stay valid however often one looks (WS, theorem 2.2).

    ``tuning`` N* is the number of members, both arms together, at which the interval is narrowest. Where
    outcomes are skewed the sequence runs over the normal scores of ``pivot`` (``pivot_of``), not over the
    delta method's, which would call a change where there is none.
    """
    members = control.members + treatment.members
    score = sequential_score(members, tuning, 1 - level)
    method = f"asymptotic confidence sequence, N*={tuning:g}"
    if pivot is None:
        found = lift_and_error(control, treatment)
        if isinstance(found, Unavailable):
            return found
        lift, error = found
        half_width, seen = score * error, lift / error
        estimate = Estimate(
            lift, lift - half_width, lift + half_width, level, error, unit="relative", method=method
        )
    else:
        by = lift_by(pivot, level=level, score=score)
        if isinstance(by, Unavailable):
            return by
        estimate, seen = replace(by.effect, method=f"{method}, {pivot.method}"), pivot.score(1.0)
    return Comparison(estimate, always_valid_p(seen, members, tuning, 1 - level))


def always_valid_p(seen: float, members: float, tuning: float, alpha: float) -> float:
    """Of a normal score as it is ``seen``: the inverse of the e-value of "no lift" at this sample size."""
    spread = members * _rho(tuning, alpha) ** 2
    log_e = spread / (spread + 1) * seen**2 / 2 - math.log1p(spread) / 2
    return min(1.0, math.exp(-log_e))


def sequential_score(members: float, tuning: float, alpha: float) -> float:
    """Standard errors to either side of an estimate from ``members`` (WS, equation 8)."""
    spread = members * _rho(tuning, alpha) ** 2
    return math.sqrt(2 * (spread + 1) / spread * math.log(math.sqrt(spread + 1) / alpha))


def one_sided_sequential_score(members: float, tuning: float, alpha: float) -> float:
    """Standard errors to the side that is bounded at ``alpha`` (WS, proposition B.1): half-normal mixture."""
    spread = members * _rho(tuning, 2 * alpha) ** 2
    return math.sqrt(2 * (spread + 1) / spread * math.log1p(math.sqrt(spread + 1) / (2 * alpha)))


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
    pivot: Pivot | None = None,
    prior_mean: float = 0.0,
    prior_deviation: float = math.inf,
    higher_is_better: bool = True,
    level: float = 0.95,
) -> BayesianLift | Unavailable:
    """Posterior of the relative lift; a flat prior unless ``prior_deviation`` is finite.

    With a flat prior the posterior is what the test says of each ratio, by the ``pivot`` that also makes the
    interval (``pivot_of``); without one, or with a prior, it is normal. Raises ValueError for both.
    """
    if pivot is not None:
        if not math.isinf(prior_deviation):
            raise ValueError("A prior that is not flat is combined with a normal posterior alone.")
        return _posterior_of(pivot, higher_is_better, level)
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


def _posterior_of(pivot: Pivot, higher_is_better: bool, level: float) -> BayesianLift | Unavailable:
    interval, chances = lift_by(pivot, level=level), chances_of(pivot)
    if isinstance(interval, Unavailable):
        return interval
    if isinstance(chances, Unavailable):
        return chances
    if higher_is_better:
        return BayesianLift(interval.effect, chances.above, chances.shortfall, chances.excess)
    return BayesianLift(interval.effect, 1 - chances.above, chances.excess, chances.shortfall)


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
