"""Does a cohort hold more fraud than the cohorts before it? A control chart with prediction limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import betabinom, nbinom

from programs.analytics.estimate import MaybeEstimate, Unavailable
from programs.analytics.fraud.timing import beta_of_peers
from programs.analytics.rates import wilson_rate

USUAL = (1, 2, 8)
"""Clusters that any program sees sooner or later, as a prior: an order, a couple, a small ring."""


@dataclass(frozen=True, slots=True)
class ControlPoint:
    """One cohort on the chart: its rate, what was expected, the upper limit (a share), p and the verdict."""

    cohort: str
    rate: MaybeEstimate
    expected: float
    upper_limit: float
    p_value: float
    spike: bool


def control_chart(
    cohorts: Sequence[str],
    flagged: Sequence[int],
    referrals: Sequence[int],
    *,
    clusters: Sequence[Sequence[int]] = (),
    alpha: float = 0.001,
    baseline: int = 5,
) -> tuple[ControlPoint, ...] | Unavailable:
    """Each cohort (in time order) against all quiet cohorts before it, from the ``baseline``-th on.

    The prediction is beta-binomial with moment estimates, because weeks differ by more than chance
    alone (Laney 2002 corrects the p-chart for the same reason). One-sided: p = P(X ≥ flagged) with the
    posterior of the baseline. A spike does not enter the baseline of later cohorts.

    Flags come in clusters: a ring is one event, whatever its members. ``clusters`` are the sizes of each
    cohort's; then p is the larger of that and of a negative binomial whose variance is that of such
    clusters.
    """
    if len(cohorts) <= baseline:
        return Unavailable(f"A control chart needs {baseline} cohorts before the first it judges.")
    k, n = np.asarray(flagged, dtype=np.float64), np.asarray(referrals, dtype=np.float64)
    quiet = list(range(baseline))
    points = []
    for index in range(baseline, len(cohorts)):
        a, b = beta_of_peers(k[quiet], n[quiet])
        p = float(betabinom.sf(flagged[index] - 1, referrals[index], a, b))
        limit = float(betabinom.ppf(1 - alpha, referrals[index], a, b))
        if clusters:
            r, chance = of_clusters(
                [size for week in quiet for size in clusters[week]], n[quiet].sum(), referrals[index]
            )
            p = max(p, float(nbinom.sf(flagged[index] - 1, r, chance)))
            limit = max(limit, float(nbinom.ppf(1 - alpha, r, chance)))
        limit = min(limit / max(referrals[index], 1), 1.0)
        spike = p < alpha
        points.append(
            ControlPoint(cohorts[index], wilson_rate(k[index], n[index]), a / (a + b), limit, p, spike)
        )
        if not spike:
            quiet.append(index)
    return tuple(points)


def of_clusters(sizes: Sequence[int], before: float, now: float) -> tuple[float, float]:
    """(r, p) of the negative binomial of flags among ``now`` referrals, from clusters among ``before``.

    The mean is that of the clusters seen and one more, of the size that clusters have; the variance over
    the mean is the mean size of the cluster that a flag is in, Σc²/Σc (the design effect of Kish 1965).
    """
    seen = np.asarray([*sizes, *USUAL], dtype=np.float64)
    effect = float((seen**2).sum() / seen.sum())
    mean = float(seen.sum() - sum(USUAL) + seen.mean()) / (before + 1) * max(now, 1)
    spread = max(effect, 1.0 + 1e-6)
    return mean / (spread - 1), 1 / spread
