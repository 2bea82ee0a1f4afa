"""Does a cohort hold more fraud than the cohorts before it? A control chart with prediction limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import betabinom

from programs.analytics.estimate import MaybeEstimate, Unavailable
from programs.analytics.fraud.timing import beta_of_peers
from programs.analytics.rates import wilson_rate


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
    alpha: float = 0.001,
    baseline: int = 5,
) -> tuple[ControlPoint, ...] | Unavailable:
    """Each cohort (in time order) against all quiet cohorts before it, from the ``baseline``-th on.

    The prediction is beta-binomial with moment estimates, because weeks differ by more than chance
    alone (Laney 2002 corrects the p-chart for the same reason). One-sided: p = P(X ≥ flagged) with the
    posterior of the baseline. A spike does not enter the baseline of later cohorts.
    """
    if len(cohorts) <= baseline:
        return Unavailable(f"A control chart needs {baseline} cohorts before the first it judges.")
    k, n = np.asarray(flagged, dtype=np.float64), np.asarray(referrals, dtype=np.float64)
    quiet = list(range(baseline))
    points = []
    for index in range(baseline, len(cohorts)):
        a, b = beta_of_peers(k[quiet], n[quiet])
        p = float(betabinom.sf(flagged[index] - 1, referrals[index], a, b))
        limit = float(betabinom.ppf(1 - alpha, referrals[index], a, b)) / max(referrals[index], 1)
        spike = p < alpha
        points.append(
            ControlPoint(cohorts[index], wilson_rate(k[index], n[index]), a / (a + b), limit, p, spike)
        )
        if not spike:
            quiet.append(index)
    return tuple(points)
