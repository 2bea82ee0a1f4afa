"""How far the treatment lies from the control in the metric's own unit, by the test that also makes the lift.

A lift and a difference that are read from two tests contradict each other: where one says p 0.13, the other
says 0.02. So the difference inverts the test of the lift (``pivot_of``), whose null hypothesis "no lift" and
"no difference" are one and the same: Welch's beside Fieller's, the score test of two shares, or a studentised
permutation test. Where nothing is skewed, Welch's and the delta method's differ little (``agreeing``).

Sources: Welch, "The generalization of Student's problem", Biometrika 34 (1947); Miettinen & Nurminen,
"Comparative analysis of two rates", Statistics in Medicine 4 (1985); Newcombe, "Interval estimation for the
difference between independent proportions", Statistics in Medicine 17 (1998).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student

from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.experiments.arm import Arm
from programs.analytics.experiments.effects import Comparison, MaybeComparison
from programs.analytics.experiments.permutation import PermutationPivot
from programs.analytics.experiments.pivots import Pivot, ScorePivot, welch_freedom
from programs.analytics.funnel import rate_difference, two_proportion_p

Score = Callable[[float], float]
"""Normal score of the data where a difference is true: above 0 where they lie higher. Falls with it."""
WIDENINGS = 60


def compare_arms(
    control: Arm, treatment: Arm, pivot: Pivot | None, *, level: float = 0.95, score: float | None = None
) -> MaybeComparison:
    """Treatment − control by the test of ``pivot``; ``score``: normal scores to either side if not fixed.

    Without a pivot Welch's test, or Newcombe's interval of two shares.
    """
    if isinstance(pivot, PermutationPivot):
        return _inverted(control, treatment, pivot.score_of_difference, pivot.method, level, score, math.inf)
    if isinstance(pivot, ScorePivot):
        return compare_shares(control, treatment, level=level, score=score)
    if pivot is None and score is None and control.is_proportion and treatment.is_proportion:
        return compare_proportions(control, treatment, level=level)
    return compare_means(control, treatment, level=level, score=score)


def agreeing(difference: MaybeComparison, lift: MaybeComparison, control: Arm) -> MaybeComparison:
    """The difference with the p of the lift, so that one comparison has one p.

    Where arms are not skewed, the delta method's error of a lift and Welch's of a difference are not quite
    the same. Where one of them leaves out "nothing happened" and the other does not, the difference has the
    ends of the lift, in the unit of the metric, which is what is decided by.
    """
    if isinstance(difference, Unavailable) or isinstance(lift, Unavailable):
        return difference
    mine, its = difference.effect, lift.effect
    if _leaves_out_nothing(mine) == _leaves_out_nothing(its) or its.low is None or its.high is None:
        return Comparison(mine, lift.p_value)
    ends = its.low * control.mean, its.high * control.mean
    return Comparison(replace(mine, low=ends[0], high=ends[1], method="ends of the lift"), lift.p_value)


def _leaves_out_nothing(effect: Estimate) -> bool:
    return effect.low is not None and effect.high is not None and (effect.low > 0 or effect.high < 0)


def compare_means(
    control: Arm, treatment: Arm, *, level: float = 0.95, score: float | None = None
) -> MaybeComparison:
    """Treatment − control in the metric's unit, Welch's t test: what Fieller's lift inverts as well."""
    error = math.sqrt(control.variance_of_mean + treatment.variance_of_mean)
    if error == 0:
        return Unavailable("No member differs from another, so nothing can be tested.")
    difference, freedom = treatment.mean - control.mean, welch_freedom(control, treatment)
    tail = 0.5 - level / 2 if score is None else float(norm.sf(score))
    half_width = float(student.isf(tail, freedom)) * error
    estimate = Estimate(
        difference, difference - half_width, difference + half_width, level, error, method="Welch"
    )
    return Comparison(estimate, float(2 * student.sf(abs(difference) / error, freedom)))


def compare_proportions(control: Arm, treatment: Arm, *, level: float = 0.95) -> MaybeComparison:
    """Difference of shares with Newcombe's interval and the pooled z test."""
    if not (control.is_proportion and treatment.is_proportion):
        raise ValueError("Both arms need to be proportions.")
    # 29 of 50 is a share of 0.58, and 0.58 × 50 is a hair below 29.
    counts = (
        round(treatment.mean * treatment.members),
        treatment.members,
        round(control.mean * control.members),
        control.members,
    )
    difference = rate_difference(*counts, level=level)
    if isinstance(difference, Unavailable):
        return difference
    return Comparison(replace(difference, method="two proportions"), two_proportion_p(*counts))


def compare_shares(
    control: Arm, treatment: Arm, *, level: float = 0.95, score: float | None = None
) -> MaybeComparison:
    """Difference of two shares by the score test that the lift of ``ScorePivot`` inverts as well."""
    return _inverted(
        control,
        treatment,
        lambda difference: score_of_shares(control, treatment, difference),
        "score test of two shares",
        level,
        score,
        1.0,
    )


def score_of_shares(control: Arm, treatment: Arm, difference: float) -> float:
    """Normal score of two shares where the treated one is higher by ``difference``, between −1 and 1."""
    n_c, n_t = control.members, treatment.members
    x_c, x_t = control.mean * n_c, treatment.mean * n_t
    both = n_c + n_t
    share = likeliest_control(n_c, n_t, x_c, x_t, difference)
    raised = min(max(share + difference, 0.0), 1.0)
    variance = share * (1 - share) / n_c + raised * (1 - raised) / n_t
    distance = treatment.mean - control.mean - difference
    if variance <= 1e-15:
        return 0.0 if abs(distance) < 1e-12 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance * both / (both - 1))


def likeliest_control(n_c: int, n_t: int, x_c: float, x_t: float, difference: float) -> float:
    """The most likely share of the control where the treated one is higher by ``difference``: the root of
    Miettinen and Nurminen's cubic."""
    cubic = float(n_c + n_t)
    square = (n_t + 2 * n_c) * difference - cubic - (x_c + x_t)
    linear = (n_c * difference - cubic - 2 * x_c) * difference + x_c + x_t
    constant = x_c * difference * (1 - difference)
    third = square / (3 * cubic)
    q = third**3 - square * linear / (6 * cubic**2) + constant / (2 * cubic)
    p = math.copysign(math.sqrt(max(third**2 - linear / (3 * cubic), 0.0)), q)
    angle = math.acos(min(max(q / p**3, -1.0), 1.0)) if p else math.pi / 2
    share = 2 * p * math.cos((math.pi + angle) / 3) - third
    return min(max(share, 0.0, -difference), 1.0, 1.0 - difference)


def _inverted(
    control: Arm,
    treatment: Arm,
    score_of: Score,
    method: str,
    level: float,
    score: float | None,
    limit: float,
) -> MaybeComparison:
    wide = float(norm.ppf(0.5 + level / 2)) if score is None else score
    error = math.sqrt(control.variance_of_mean + treatment.variance_of_mean)
    if error == 0:
        return Unavailable("No member differs from another, so nothing can be tested.")
    difference = treatment.mean - control.mean
    low = _end(score_of, wide, difference, -error, -limit)
    high = _end(score_of, -wide, difference, error, limit)
    estimate = Estimate(difference, low, high, level, (high - low) / 2 / wide, method=method)
    return Comparison(estimate, min(1.0, 2 * float(norm.sf(abs(score_of(0.0))))))


def _end(score_of: Score, wanted: float, difference: float, step: float, limit: float) -> float:
    """Where the score is ``wanted``, looked for from ``difference`` in the direction of ``step``.

    No difference at all is looked at by itself, so that the interval leaves it out where p says so.
    """
    inner, sign = difference, math.copysign(1.0, step)
    outer = [difference + step * 2.0**n for n in range(-2, WIDENINGS)]
    if difference * sign < 0:
        outer = sorted([0.0, *outer], reverse=step < 0)
    for beyond in outer:
        point = max(beyond, limit) if sign < 0 else min(beyond, limit)
        found = score_of(point)
        if (found - wanted) * sign <= 0:
            if math.isinf(found):
                return _bisected(score_of, wanted, inner, point, sign)
            low, high = sorted((inner, point))
            return float(brentq(lambda at: score_of(at) - wanted, low, high, rtol=1e-9))
        if point == limit:
            return limit
        inner = point
    raise ArithmeticError("The scores of a difference do not fall as it grows.")


def _bisected(score_of: Score, wanted: float, inner: float, outer: float, sign: float) -> float:
    """As a search by secants, for scores without an end."""
    for _ in range(60):
        middle = (inner + outer) / 2
        if (score_of(middle) - wanted) * sign <= 0:
            outer = middle
        else:
            inner = middle
    return inner
