"""Fellegi–Sunter record linkage: m and u by EM without labels, weights in bits, posteriors.

Fellegi & Sunter (1969), "A Theory for Record Linkage", JASA 64(328); EM by Winkler (1988).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from programs.analytics.attribution.paths import Floats, Ints

MISSING = -1
_FLOOR = 1e-6


def match_weight(m: float, u: float) -> float:
    """log₂(m/u) in bits: evidence of an outcome seen in share m of matches and u of non-matches.

    Raises ValueError unless both lie in (0, 1].
    """
    if not (0 < m <= 1 and 0 < u <= 1):
        raise ValueError("m and u are probabilities above 0")
    return math.log2(m / u)


@dataclass(frozen=True)
class LinkageModel:
    """Fitted model over F fields, each with its own number of agreement levels (0 = disagree).

    ``m[f]`` and ``u[f]``  chance of each level among matches and among non-matches, sum 1
    ``prior``              share of matches among *all* pairs, candidates or not
    ``converged``          whether EM settled within its iterations
    """

    m: tuple[Floats, ...]
    u: tuple[Floats, ...]
    prior: float
    converged: bool

    @property
    def weights(self) -> tuple[Floats, ...]:
        """log₂(m/u) of each field's levels, in bits."""
        return tuple(np.log2(m / u) for m, u in zip(self.m, self.u, strict=True))

    def pair_weights(self, levels: Ints) -> Floats:
        """Total weight of pairs in bits, shape (M,), from levels (M, F); a missing value weighs 0."""
        total = np.zeros(len(levels))
        for field, weights in enumerate(self.weights):
            total += np.append(weights, 0.0)[levels[:, field]]  # MISSING = -1 picks the appended 0
        return total

    def posterior(self, levels: Ints) -> Floats:
        """P(match | levels) of pairs, shape (M,)."""
        return np.asarray(expit(logit(self.prior) + self.pair_weights(levels) * math.log(2)))


def fit(
    levels: Ints,
    level_counts: tuple[int, ...],
    *,
    u: tuple[Floats, ...],
    all_pairs: int,
    prior: float,
    iterations: int = 500,
    tolerance: float = 1e-7,
) -> LinkageModel:
    """Estimate m and the prior by EM from candidate pairs' levels (M, F), with u given.

    ``u`` comes from random pairs (``levels_to_u``), almost all of which are non-matches: EM on three
    unknowns at once tends to find some other cluster than "same person" (Linacre et al. 2022). The
    prior is a share of ``all_pairs``, those left out by blocking counting as non-matches: so prior,
    u and pairs speak of one population, and agreement forced by a blocking rule is no evidence
    beyond its weight. ``prior`` is where EM starts, and m starts with most on the highest level.
    Fields are independent given match status; missing values are missing at random. Raises
    ValueError without pairs, with fewer pairs in all than candidates, or a prior outside (0, 1).
    """
    if not 0 < len(levels) <= all_pairs or not 0 < prior < 1:
        raise ValueError("EM needs candidates among all pairs and a prior between 0 and 1")
    patterns, counts = np.unique(levels, axis=0, return_counts=True)
    m = tuple(_start(count) for count in level_counts)
    model = LinkageModel(m, u, prior, converged=False)
    for _ in range(iterations):
        posterior = model.posterior(patterns)
        matched = posterior * counts
        m = tuple(_frequencies(patterns[:, f], matched, n) for f, n in enumerate(level_counts))
        share = float(np.clip(matched.sum(), _FLOOR, all_pairs - _FLOOR)) / all_pairs
        settled = abs(share / model.prior - 1) < tolerance and all(
            np.abs(new - old).max() < tolerance for new, old in zip(m, model.m, strict=True)
        )
        model = LinkageModel(m, u, share, converged=settled)
        if settled:
            break
    return model


def levels_to_u(levels: Ints, level_counts: tuple[int, ...]) -> tuple[Floats, ...]:
    """Chance of each level among random pairs (M, F); a level never seen keeps a small chance."""
    ones = np.ones(len(levels))
    return tuple(_frequencies(levels[:, f], ones, n) for f, n in enumerate(level_counts))


def _start(count: int) -> Floats:
    rising = np.linspace(0.0, 1.0, count) ** 4 + 0.05
    return np.asarray(rising / rising.sum())


def _frequencies(column: Ints, weight: Floats, count: int) -> Floats:
    # Half a pair on each level: a level unseen in the sample is rare, not impossible.
    seen = np.bincount(column[column >= 0], weight[column >= 0], count) + 0.5 / count
    return np.asarray(seen / seen.sum())
