"""Do members stay, come back and say they are content?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.rates import ratio_of_sums, sample_mean, wilson_rate

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CohortMatrix:
    """Retention and revenue by cohort (rows) and age (columns); NaN where not yet observed."""

    retention: FloatArray
    revenue_per_member: FloatArray
    pooled_retention: tuple[MaybeEstimate, ...]
    cumulative_revenue: FloatArray
    """Expected revenue per member up to and including each age, from all cohorts that reached it."""


def cohort_matrix(
    sizes: ArrayLike, active: ArrayLike, revenue: ArrayLike, *, level: float = 0.95
) -> CohortMatrix:
    """Cohort retention and revenue from counts.

    ``sizes`` (cohorts,) members; ``active`` and ``revenue`` (cohorts, ages), NaN where the window
    ends before the age is complete, so that a young cohort does not read like a lost one.
    Raises ValueError on shapes that do not fit or more active members than the cohort has.
    """
    members = np.asarray(sizes, dtype=float)
    counts, money = np.asarray(active, dtype=float), np.asarray(revenue, dtype=float)
    if counts.shape != money.shape or counts.shape[:1] != members.shape:
        raise ValueError("Sizes, active and revenue do not describe the same cohorts and ages.")
    if (members <= 0).any() or (counts > members[:, None]).any():
        raise ValueError("A cohort needs members, and cannot have more active ones than it has.")
    observed = ~np.isnan(counts)
    exposed = (observed * members[:, None]).sum(axis=0)
    pooled = tuple(
        wilson_rate(float(numerator), float(denominator), level=level)
        for numerator, denominator in zip(np.nansum(counts, axis=0), exposed, strict=True)
    )
    with np.errstate(invalid="ignore"):
        revenue_by_age = np.nansum(money, axis=0) / np.where(exposed > 0, exposed, np.nan)
    return CohortMatrix(
        retention=counts / members[:, None],
        revenue_per_member=money / members[:, None],
        pooled_retention=pooled,
        cumulative_revenue=np.cumsum(revenue_by_age),
    )


def repeat_rate(buyers: int, repeat_buyers: int, *, level: float = 0.95) -> MaybeEstimate:
    """Share of buyers with a second purchase in the window."""
    return wilson_rate(repeat_buyers, buyers, level=level)


def net_revenue_retention(
    members: int,
    later: float,
    earlier: float,
    later_squares: float,
    earlier_squares: float,
    products: float,
    *,
    level: float = 0.95,
) -> MaybeEstimate:
    """Spend of a period's members in the next period, as a share of theirs in it; clustered by member."""
    return ratio_of_sums(
        members, later, earlier, later_squares, earlier_squares, products, unit="share", level=level
    )


def purchase_frequency(
    members: int, purchases: float, purchases_squared: float, *, years: float = 1.0, level: float = 0.95
) -> MaybeEstimate:
    """Purchases per member and year; the sums run over members, ``years`` is the window's length."""
    return sample_mean(
        members,
        purchases / years,
        purchases_squared / years**2,
        unit="purchases per member and year",
        level=level,
    )


def average_order_value(
    members: int,
    revenue: float,
    orders: float,
    revenue_squared: float,
    orders_squared: float,
    revenue_times_orders: float,
    *,
    level: float = 0.95,
) -> MaybeEstimate:
    """Revenue per order, its error clustered by member; all sums run over per-member totals."""
    return ratio_of_sums(
        members,
        revenue,
        orders,
        revenue_squared,
        orders_squared,
        revenue_times_orders,
        unit="money per order",
        level=level,
    )


@dataclass(frozen=True, slots=True, eq=False)
class LifeTable:
    """Kaplan–Meier in discrete time: entry t describes the end of period t + 1."""

    at_risk: FloatArray
    events: FloatArray
    hazard: FloatArray
    survival: FloatArray
    standard_error: FloatArray
    low: FloatArray
    high: FloatArray

    def lapse_after(self, share: float = 0.9) -> int | None:
        """First period by which ``share`` of the events seen at all have happened; None without events.

        With the next purchase as the event this is the silence after which a return is unusual.
        """
        happened = 1 - self.survival
        if happened.size == 0 or happened[-1] == 0:
            return None
        return int(np.argmax(happened >= share * happened[-1] - 1e-12)) + 1


def life_table(events: ArrayLike, censored: ArrayLike, *, level: float = 0.95) -> LifeTable:
    """Hazard and survival by period with Greenwood's error and log-log intervals.

    ``events[t]`` and ``censored[t]`` count the spells that end in period t + 1 (Kaplan & Meier 1958;
    Greenwood 1926; Kalbfleisch & Prentice 2002, 1.4). A spell may be the time to the next purchase
    or the time to cancellation. Censored spells leave after the events of their period.
    """
    ended, left = np.asarray(events, dtype=float), np.asarray(censored, dtype=float)
    if ended.shape != left.shape or ended.ndim != 1:
        raise ValueError("Events and censored counts need one entry per period.")
    if (ended < 0).any() or (left < 0).any():
        raise ValueError("Counts cannot be negative.")
    at_risk = np.cumsum((ended + left)[::-1])[::-1]
    hazard = np.divide(ended, at_risk, out=np.zeros_like(ended), where=at_risk > 0)
    survival = np.cumprod(1 - hazard)
    alive = at_risk - ended
    terms = np.divide(ended, at_risk * alive, out=np.zeros_like(ended), where=alive > 0)
    greenwood = np.cumsum(terms)
    # On the log(−log S) scale the bounds stay inside 0..1; at S = 0 or 1 the scale has no width.
    inner = (survival > 0) & (survival < 1)
    log_survival = np.log(np.where(inner, survival, 0.5))
    width = norm.ppf(0.5 + level / 2) * np.sqrt(greenwood) / np.abs(log_survival)
    low = np.where(inner, np.exp(log_survival * np.exp(width)), survival)
    high = np.where(inner, np.exp(log_survival * np.exp(-width)), survival)
    return LifeTable(at_risk, ended, hazard, survival, survival * np.sqrt(greenwood), low, high)


def net_promoter_score(
    promoters: int, passives: int, detractors: int, *, level: float = 0.95
) -> MaybeEstimate:
    """NPS in points (−100..100) with the multinomial standard error.

    The interval adds half a case to each side and one to the middle (Agresti & Min 2005), so that
    ten promoters out of ten do not read like certainty. It always holds the score itself.
    """
    answers = promoters + passives + detractors
    if min(promoters, passives, detractors) < 0:
        raise ValueError("Counts cannot be negative.")
    if answers == 0:
        return Unavailable("No answers to compute a net promoter score from.")

    def moments(up: float, down: float, total: float) -> tuple[float, float]:
        score = (up - down) / total
        return score, math.sqrt(max((up + down) / total - score**2, 0.0) / total)

    score, error = moments(promoters, detractors, answers)
    centre, adjusted_error = moments(promoters + 0.5, detractors + 0.5, answers + 2)
    half_width = float(norm.ppf(0.5 + level / 2)) * adjusted_error
    return Estimate(
        value=100 * score,
        low=100 * max(min(centre - half_width, score), -1.0),
        high=100 * min(max(centre + half_width, score), 1.0),
        level=level,
        standard_error=100 * error,
        numerator=promoters - detractors,
        denominator=answers,
        unit="NPS points",
        method="agresti-min",
    )


def customer_satisfaction(
    counts_by_score: ArrayLike, *, satisfied_from: int = 4, level: float = 0.95
) -> MaybeEstimate:
    """CSAT: share of answers at ``satisfied_from`` or above; ``counts_by_score[0]`` counts score 1."""
    counts = np.asarray(counts_by_score, dtype=float)
    return wilson_rate(float(counts[satisfied_from - 1 :].sum()), float(counts.sum()), level=level)
