"""Scores fitted on what people decided: how much each kind of evidence says in this program.

log-odds = logit(prior) + shift + Σ slope · part, over the families' parts of the score. The experts' word
is the prior: slopes of one and no shift, held by a normal penalty (ridge; Cessie and Houwelingen 1992), so
that a few labels move little and many decide. What is labelled was chosen by its score or at random, in
both cases by what the fit sees, so no weights are needed for the choice (Manski and Lerman 1977, exogenous
sampling).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit

from programs.analytics.fraud.table import Floats

LEAST_LABELS = 10
SHIFT_ERROR, SLOPE_ERROR = 1.5, 0.5
"""Standard errors of the experts' word: of the prior's log-odds, and of each family's weight."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What labels made of the prior and of the families' weights; ``labels`` counts them, a case as one."""

    labels: float = 0.0
    shift: float = 0.0
    slopes: Mapping[str, float] = field(default_factory=dict)

    def log_odds(self, base: float, parts: Mapping[str, Floats], size: int) -> Floats:
        total = np.full(size, base + self.shift)
        for family, part in parts.items():
            total += self.slopes.get(family, 1.0) * part
        return total


def fit_scores(base: float, parts: Mapping[str, Floats], fraud: Floats, weights: Floats) -> Fit:
    """The fit to labels ``fraud`` (0 or 1) with ``weights``, by Newton's method; none below ten."""
    labels = float(weights.sum())
    if labels < LEAST_LABELS:
        return Fit(labels)
    families = sorted(name for name, part in parts.items() if part.any())
    x = np.column_stack([np.ones(len(fraud)), *(parts[name] for name in families)])
    centre = np.ones(x.shape[1])
    centre[0] = 0.0
    precision = np.array([SHIFT_ERROR**-2, *[SLOPE_ERROR**-2] * len(families)])
    beta = centre.copy()
    for _ in range(50):
        p = expit(base + x @ beta)
        gradient = x.T @ (weights * (fraud - p)) - precision * (beta - centre)
        curvature = (x * (weights * p * (1 - p))[:, None]).T @ x + np.diag(precision)
        step = np.linalg.solve(curvature, gradient)
        beta = beta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    # No evidence speaks for innocence, whatever chance made of a few labels.
    return Fit(labels, float(beta[0]), dict(zip(families, np.maximum(beta[1:], 0.0).tolist(), strict=True)))
