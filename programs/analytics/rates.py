"""Rates, means and ratios from sufficient statistics, each with its interval."""

from __future__ import annotations

import math

from scipy.stats import beta, norm, t

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable


def wilson_rate(successes: float, trials: float, *, level: float = 0.95) -> MaybeEstimate:
    """Share ``successes / trials`` with Wilson's score interval (Wilson 1927).

    Raises ValueError when successes lie outside 0..trials.
    """
    if trials == 0:
        return Unavailable("No cases to compute a rate from.")
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes do not fit into {trials} trials.")
    share = successes / trials
    low, high = _wilson_bounds(successes, trials, level)
    return Estimate(
        value=share,
        low=low if successes else 0.0,  # exactly, where rounding leaves a hair
        high=high if successes < trials else 1.0,
        level=level,
        standard_error=math.sqrt(share * (1 - share) / trials),
        numerator=successes,
        denominator=trials,
        unit="share",
        method="wilson",
    )


def _wilson_bounds(successes: float, trials: float, level: float) -> tuple[float, float]:
    share, z = successes / trials, float(norm.isf((1 - level) / 2))
    shrink = 1 + z**2 / trials
    centre = (share + z**2 / (2 * trials)) / shrink
    reach = z * math.sqrt(share * (1.0 - share) / trials + z**2 / (4.0 * trials**2)) / shrink
    return max(centre - reach, 0.0), min(centre + reach, 1.0)


def exact_rate(successes: float, trials: float, *, level: float = 0.95) -> MaybeEstimate:
    """Share ``successes / trials`` with the exact interval (Clopper and Pearson 1934).

    Wilson's interval misses rare things: one in thirty lies beyond it when the truth is one in two hundred,
    which chance makes of one sample in seven. Raises ValueError when successes lie outside 0..trials.
    """
    if trials == 0:
        return Unavailable("No cases to compute a rate from.")
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes do not fit into {trials} trials.")
    share, tail = successes / trials, (1 - level) / 2
    return Estimate(
        value=share,
        low=float(beta.ppf(tail, successes, trials - successes + 1)) if successes else 0.0,
        high=float(beta.isf(tail, successes + 1, trials - successes)) if successes < trials else 1.0,
        level=level,
        standard_error=math.sqrt(share * (1 - share) / trials),
        numerator=successes,
        denominator=trials,
        unit="share",
        method="exact",
    )


def count_ratio(events: float, per: float, *, level: float = 0.95) -> MaybeEstimate:
    """``events / per`` of two counts that are not nested, such as won and submitted in one window.

    Both taken as Poisson: given the sum, ``events`` is binomial, and Wilson's bounds p on its share are
    carried to the ratio p/(1 − p) (Przyborowski and Wilenski 1940). May exceed 1.
    """
    if per <= 0:
        return Unavailable("Nothing to hold the events against.")
    share = wilson_rate(events, events + per, level=level)
    assert isinstance(share, Estimate) and share.low is not None and share.high is not None
    return Estimate(
        events / per, share.low / (1 - share.low), share.high / (1 - share.high), level,
        numerator=events, denominator=per, unit="share", method="conditional wilson",
    )  # fmt: skip


def sample_mean(
    count: float, total: float, sum_of_squares: float, *, unit: str = "", level: float = 0.95
) -> MaybeEstimate:
    """Mean of ``count`` independent values with Student's t interval."""
    if count < 2:
        return Unavailable("A mean with its error needs at least two values.")
    mean = total / count
    variance = max(sum_of_squares - count * mean**2, 0.0) / (count - 1)
    error = math.sqrt(variance / count)
    half_width = float(t.ppf(0.5 + level / 2, count - 1)) * error
    return Estimate(mean, mean - half_width, mean + half_width, level, error, total, count, unit, "student t")


def ratio_of_sums(
    members: float,
    numerator: float,
    denominator: float,
    numerator_squares: float,
    denominator_squares: float,
    cross_products: float,
    *,
    unit: str = "",
    level: float = 0.95,
) -> MaybeEstimate:
    """Σy/Σx over independent members, with the delta-method error (Cochran 1977, 6.3).

    Orders of one member resemble each other, so the member is the unit of sampling:
    the sums run over per-member totals (y = revenue, x = orders, for example).
    """
    if members < 2 or denominator <= 0:
        return Unavailable("A ratio with its error needs two members and a positive denominator.")
    ratio = numerator / denominator
    residual = numerator_squares - 2 * ratio * cross_products + ratio**2 * denominator_squares
    mean_denominator = denominator / members
    error = math.sqrt(max(residual, 0.0) / (members - 1) / members) / mean_denominator
    half_width = float(norm.ppf(0.5 + level / 2)) * error
    return Estimate(
        ratio, ratio - half_width, ratio + half_width, level, error, numerator, denominator, unit, "delta"
    )
