"""The referral funnel: rates with intervals, what each drop-off costs, and which differences are real.

Invitations of one referrer share an audience, a text and a day: where it is known who sent them, drop-offs
are judged by referrers and not by invitations (``clusters``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from programs.analytics.clusters import Clustered, difference_p
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.multiplicity import benjamini_hochberg
from programs.analytics.rates import wilson_rate
from programs.analytics.stages import STAGES

#: The last stage a customer passes; paying the reward is ours, so a drop there loses no revenue.
WON = STAGES.index("won")


@dataclass(frozen=True, slots=True)
class FunnelCounts:
    """How many reached each of ``STAGES`` (nested: never more than the stage before) and what was won.

    ``revenue`` is the money of the won, in one currency.
    """

    counts: tuple[int, ...]
    revenue: float = 0.0

    def __post_init__(self) -> None:
        if len(self.counts) != len(STAGES):
            raise ValueError(f"A funnel has {len(STAGES)} stages, not {len(self.counts)}.")
        if any(
            later > earlier or later < 0 for earlier, later in zip(self.counts, self.counts[1:], strict=False)
        ):
            raise ValueError(f"Stages must nest, each within the one before: {self.counts}.")

    def __add__(self, other: FunnelCounts) -> FunnelCounts:
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return FunnelCounts(counts, self.revenue + other.revenue)


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """From one stage to the next: pass rate, share of all invites, and how many were lost."""

    source: str
    target: str
    rate: MaybeEstimate
    overall: MaybeEstimate
    lost: int


@dataclass(frozen=True, slots=True)
class DropOff:
    """A step of a group against the best comparable group, in money.

    ``difference`` is best minus own, in shares, with Newcombe's interval; ``extra_won`` are the wins
    to expect at the best group's rate with the group's own later rates; ``value`` is their revenue.
    ``p_value`` is two-sided against all other groups together, 1 where the group is not below them: the best
    was chosen for being best, so a test against it alone would find too much. ``q_value`` is
    Benjamini–Hochberg over all the comparisons of the table. ``effective`` is how many independent cases
    would know the rate as well as the group's do.
    """

    group: str
    source: str
    target: str
    best_group: str
    rate: Estimate
    best_rate: Estimate
    difference: Estimate
    extra_won: float
    value: float
    p_value: float
    q_value: float
    significant: bool
    effective: float


@dataclass(frozen=True, slots=True)
class FunnelClusters:
    """Who reached what, a row for what a cluster did in a group.

    ``group`` names the group of each row, ``cluster`` its cluster (0 to n - 1), ``counts`` (rows, stages) how
    many reached each stage; ``copies`` (n) says how many clusters are just like each.
    """

    group: npt.NDArray[np.object_]
    cluster: npt.NDArray[np.intp]
    counts: npt.NDArray[np.int64]
    copies: npt.NDArray[np.float64]

    def of(self, rows: npt.NDArray[np.bool_], stage: int) -> Clustered:
        """Cases entering and passing a step in these rows, by cluster."""
        entered, passed = (
            np.bincount(
                self.cluster[rows], weights=self.counts[rows, place], minlength=len(self.copies)
            ).astype(np.float64)
            for place in (stage, stage + 1)
        )
        return Clustered(entered, passed, self.copies)


def steps(funnel: FunnelCounts, *, level: float = 0.95) -> tuple[FunnelStep, ...]:
    """Every step with Wilson intervals (Wilson 1927)."""
    counts = funnel.counts
    return tuple(
        FunnelStep(
            STAGES[index],
            STAGES[index + 1],
            wilson_rate(counts[index + 1], counts[index], level=level),
            wilson_rate(counts[index + 1], counts[0], level=level),
            counts[index] - counts[index + 1],
        )
        for index in range(len(STAGES) - 1)
    )


def two_proportion_p(k1: float, n1: float, k2: float, n2: float) -> float:
    """Two-sided p of equal proportions, pooled z test. 1 where both groups agree entirely."""
    pooled = (k1 + k2) / (n1 + n2)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    return float(2 * norm.sf(abs(k1 / n1 - k2 / n2) / error)) if error > 0 else 1.0


def closes_by_itself(gap: float, error: float) -> float:
    """The part of ``gap`` to expect gone in the next window if nobody does anything: regression to the mean.

    Who was picked for being low was partly unlucky; (error / gap)² of a gap is luck, and at most all of it
    (James & Stein 1961). ``error`` is the standard error of the gap.
    """
    return gap * min((error / gap) ** 2, 1.0) if gap else 0.0


def rate_difference(k1: float, n1: float, k2: float, n2: float, *, level: float = 0.95) -> MaybeEstimate:
    """p1 − p2 with Newcombe's hybrid score interval (Newcombe 1998, method 10), in shares."""
    first, second = wilson_rate(k1, n1, level=level), wilson_rate(k2, n2, level=level)
    if isinstance(first, Unavailable) or isinstance(second, Unavailable):
        return Unavailable("A difference of rates needs cases in both groups.")
    assert first.low is not None and first.high is not None
    assert second.low is not None and second.high is not None
    gap = first.value - second.value
    down = math.hypot(first.value - first.low, second.high - second.value)
    up = math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(gap, gap - down, gap + up, level, unit="share", method="newcombe")


def drop_offs(
    groups: Mapping[str, FunnelCounts],
    clusters: FunnelClusters | None = None,
    *,
    minimum: int = 30,
    false_discovery_rate: float = 0.05,
) -> tuple[DropOff, ...] | Unavailable:
    """Each group's steps up to "won" against the best comparable group, dearest first.

    Comparable means ``minimum`` cases entering the step in both. "Best" is the group with the highest
    lower bound, so that a lucky small group, or one of a single creator, is no yardstick. Groups without wins
    are valued at the mean revenue of all wins. Without ``clusters`` cases are taken to be independent.
    """
    found = []
    wins, revenue = sum(g.counts[WON] for g in groups.values()), math.fsum(g.revenue for g in groups.values())
    mean_revenue = revenue / wins if wins else 0.0
    for stage in range(WON):
        rates = {
            name: known_rate(funnel, stage, clusters.of(clusters.group == name, stage) if clusters else None)
            for name, funnel in sorted(groups.items())
            if funnel.counts[stage] >= minimum
        }
        if len(rates) < 2:
            continue
        best = max(rates, key=lambda name: (rates[name].low or 0.0, name))
        found += [
            price_drop(groups, name, best, stage, rates, mean_revenue, clusters)
            for name, rate in rates.items()
            if name != best and rate.value < rates[best].value
        ]
    if not found:
        return Unavailable(f"No step has a better group to compare with that holds {minimum} cases.")
    judged = judge(found, false_discovery_rate=false_discovery_rate)
    return tuple(sorted(judged, key=lambda drop: (-drop.value, drop.group, drop.source)))


def judge(drops: Sequence[DropOff], *, false_discovery_rate: float = 0.05) -> tuple[DropOff, ...]:
    """The drop-offs of one table, of several breakdowns too, with q over all of them; in the order given."""
    q_values = benjamini_hochberg([drop.p_value for drop in drops])
    return tuple(
        replace(drop, q_value=q, significant=q <= false_discovery_rate)
        for drop, q in zip(drops, q_values, strict=True)
    )


def known_rate(funnel: FunnelCounts, stage: int, clustered: Clustered | None) -> Estimate:
    """The rate of a step that cases enter; its interval is of the effective cases (its denominator)."""
    passed, entered = funnel.counts[stage + 1], float(funnel.counts[stage])
    effective = entered if clustered is None else min(clustered.effective_cases(), entered)
    rate = wilson_rate(passed / entered * effective, effective)
    assert isinstance(rate, Estimate)
    return rate


def price_drop(
    groups: Mapping[str, FunnelCounts],
    name: str,
    best: str,
    stage: int,
    rates: Mapping[str, Estimate],
    mean_revenue: float,
    clusters: FunnelClusters | None,
) -> DropOff:
    own, other = groups[name].counts, groups[best].counts
    total = np.sum([funnel.counts for funnel in groups.values()], axis=0)
    # The group's own later rate; where nobody got that far, everybody's.
    reached, base = (own, own[stage + 1]) if own[stage + 1] else (tuple(total), int(total[stage + 1]))
    later = reached[WON] / base if base else 0.0
    here, there = (rates[each].denominator or 0.0 for each in (name, best))
    difference = rate_difference(
        other[stage + 1] / other[stage] * there, there, own[stage + 1] / own[stage] * here, here
    )
    assert isinstance(difference, Estimate)
    extra = own[stage] * difference.value * later
    price = groups[name].revenue / own[WON] if own[WON] else mean_revenue
    others = total - np.array(own)
    is_below = own[stage + 1] * others[stage] < others[stage + 1] * own[stage]
    p = 1.0
    if is_below:
        # Clusters may tell less than independent cases do, and never more.
        p = two_proportion_p(own[stage + 1], own[stage], others[stage + 1], others[stage])
        if clusters is not None:
            is_own = clusters.group == name
            p = max(p, difference_p(clusters.of(is_own, stage), clusters.of(~is_own, stage)))
    return DropOff(
        name,
        STAGES[stage],
        STAGES[stage + 1],
        best,
        rates[name],
        rates[best],
        difference,
        extra,
        extra * price,
        p,
        p,
        False,
        here,
    )


def total_funnel(groups: Sequence[FunnelCounts]) -> FunnelCounts:
    """The sum of groups that do not overlap."""
    return sum(groups, FunnelCounts((0,) * len(STAGES)))
