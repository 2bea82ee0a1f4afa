"""The lift of skewed outcomes: which ratios a studentised permutation test does not reject.

Where a few members buy a lot, the mean of a small arm and its standard error move together, and no formula
of means and variances covers what it says: at 300 members beside 3,000, intervals of 95 % hold 88 to 92 %.
If the treatment multiplies everybody's value by φ, treated values divided by φ and the control's are
exchangeable, and who was drawn into which arm is all that chance did: the test is exact in any size and under
any skewness. If it changes values in another way, the studentised statistic makes it right in large samples.

Sources: Janssen, "Studentized permutation tests for non-i.i.d. hypotheses", Statistics & Probability Letters
36 (1997); Chung & Romano, "Exact and asymptotically robust permutation tests", Annals of Statistics 41
(2013).
"""

from __future__ import annotations

import math
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from programs.analytics.experiments.arm import Arm
from programs.analytics.experiments.pivots import WIDEST, Ends, search_ends

Floats = NDArray[np.float64]
DRAWS = 1_999
MOST_VALUES = 50_000
"""Values of both arms up to which they are permuted; beyond it means are known by their errors."""
KNOTS = np.linspace(-2.5758, 2.5758, 53)
"""Normal scores at which quantiles are taken: the outermost has ten draws beyond it."""
CHUNK = 20_000_000


def can_permute(control: Arm, treatment: Arm) -> bool:
    """Whether both arms hold their values, not too many, and means of which a ratio can be stated."""
    if control.values is None or treatment.values is None:
        return False
    size = control.values.size + treatment.values.size
    return size <= MOST_VALUES and control.mean > 0 and treatment.mean > 0


class PermutationPivot:
    """Scores of ratios by permutation: the same draws for every ratio, and for the same data.

    The draws follow from the data, so that a figure is the same each time it is computed and no draw is
    luckier than others for all the tests that are read.
    """

    method = f"studentised permutation, {DRAWS:,} draws"

    def __init__(self, control: Arm, treatment: Arm, *, draws: int = DRAWS) -> None:
        self.control, self.treatment = control, treatment
        self.ratio = treatment.mean / control.mean
        self._sums = _drawn(control, treatment, draws)

    def ends(self, score: float) -> Ends:
        both = (self.control.values, self.treatment.values)
        negative = any(values is not None and values.min(initial=0.0) < 0 for values in both)
        return search_ends(self, score, negative=negative)

    def score(self, ratio: float) -> float:
        """Normal score of the observed statistic among the drawn ones; straight on beyond the outermost."""
        return _score(self._observed(ratio), _quantiles(self._statistics(ratio)))

    def score_of_difference(self, difference: float) -> float:
        """As ``score``, where the treated mean is higher by ``difference``: at 0 both ask the same question.

        What chance does to a difference depends on what the treatment does; it is drawn at the ratio that
        goes with the difference at the control's mean.
        """
        ratio = max(1 + difference / self.control.mean, 2.0**-WIDEST)
        found = self.treatment.mean - self.control.mean - difference
        error = self.treatment.variance_of_mean + self.control.variance_of_mean
        return _score(found / math.sqrt(error), _quantiles(self._statistics(ratio, stretched=ratio)))

    def _observed(self, ratio: float) -> float:
        difference = self.treatment.mean / ratio - self.control.mean
        error = self.treatment.variance_of_mean / ratio**2 + self.control.variance_of_mean
        return float(difference / np.sqrt(error))

    def _statistics(self, ratio: float, *, stretched: float = 1.0) -> Floats:
        """The statistic of each draw: treated values divided by ``ratio`` have changed arms with others, and
        those that are treated now are multiplied by ``stretched``."""
        small, large = sorted((self.control.members, self.treatment.members))
        total, squares = (
            _sum(self.control, power) + _sum(self.treatment, power) / ratio**power for power in (1, 2)
        )
        ours = self._sums[:, 0] + self._sums[:, 2] / ratio
        ours_squared = self._sums[:, 1] + self._sums[:, 3] / ratio**2
        middle = total / (small + large)
        drawn = ours / small - middle, _variance_of_mean(ours, ours_squared, small)
        rest = (total - ours) / large - middle, _variance_of_mean(total - ours, squares - ours_squared, large)
        treated, control = (drawn, rest) if self.treatment.members <= self.control.members else (rest, drawn)
        variance = stretched**2 * treated[1] + control[1]
        difference = stretched * treated[0] - control[0]
        return np.divide(difference, np.sqrt(variance), out=np.zeros_like(difference), where=variance > 0)


def _quantiles(drawn: Floats) -> Floats:
    return np.quantile(drawn, norm.cdf(KNOTS), method="weibull")


def _sum(arm: Arm, power: int) -> float:
    assert arm.values is not None
    return float((arm.values**power).sum())


def _variance_of_mean(total: Floats, squares: Floats, members: int) -> Floats:
    centred: Floats = np.maximum(squares - total**2 / members, 0.0)
    return centred / (members - 1) / members


def _drawn(control: Arm, treatment: Arm, draws: int) -> Floats:
    """Per draw of the smaller arm from everybody: Σy and Σy² of its control members and of its treated ones.

    Members without a value change nothing, so only how many of the drawn have one is drawn, and which.
    """
    assert control.values is not None and treatment.values is not None
    values = np.concatenate([control.values, treatment.values])
    order = crc32(values.argsort(kind="stable").tobytes())  # of values in any unit
    generator = np.random.default_rng([order, control.members, treatment.members])
    treated = np.arange(values.size) >= control.values.size
    both, small = control.members + treatment.members, min(control.members, treatment.members)
    counts = generator.hypergeometric(values.size, both - values.size, small, draws)
    ours, theirs = np.where(treated, 0.0, values), np.where(treated, values, 0.0)
    columns = np.stack([ours, ours**2, theirs, theirs**2], axis=1)
    step = max(1, CHUNK // max(values.size, 1))
    chunks = []
    for start in range(0, draws, step):
        part = counts[start : start + step]
        chosen = np.arange(values.size) < part[:, None]
        generator.permuted(chosen, axis=1, out=chosen)
        chunks.append(chosen.astype(np.float64) @ columns)
    return np.concatenate(chunks)


def _score(statistic: float, quantiles: Floats) -> float:
    if quantiles[0] <= statistic <= quantiles[-1]:
        return float(np.interp(statistic, quantiles, KNOTS))
    sign = 1.0 if statistic > quantiles[-1] else -1.0
    outer = sign * (quantiles[-1] if sign > 0 else quantiles[0])
    inner = sign * float(np.interp(sign * 1.96, KNOTS, quantiles))
    last = float(KNOTS[-1])
    # A tail that is longer than the normal one goes on as it began.
    slope = max((outer - inner) / (last - 1.96), outer / last, 1e-9)
    return sign * (last + (sign * statistic - outer) / slope)
