"""Has a mix shifted? The population stability index, with the test that small samples need."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from programs.analytics.estimate import Unavailable

FloatArray = NDArray[np.float64]


class DriftBand(StrEnum):
    """Siddiqi's rule of thumb: below 0.1, below 0.25, and from there on."""

    STABLE = "stable"
    MODERATE = "moderate"
    MAJOR = "major"


@dataclass(frozen=True, slots=True, eq=False)
class MixDrift:
    """``contributions`` (groups,) sum to ``index``. ``smoothed`` when a group was empty in one window.

    ``p_value`` is that of an equal mix in two independent samples; members who are in both windows make
    it too large, so a small one stays convincing.
    """

    index: float
    contributions: FloatArray
    band: DriftBand
    p_value: float
    smoothed: bool


def mix_drift(before: ArrayLike, after: ArrayLike) -> MixDrift | Unavailable:
    """Σ (q − p)·ln(q/p) over the groups' shares before p and after q; counts (groups,) in the same order.

    A group empty in both windows is ignored. A group empty in one would make the index infinite: then
    every count gets ½ added (Jeffreys). Sources: Siddiqi, "Credit Risk Scorecards" (2006); the null
    distribution PSI ≈ (1/N + 1/M)·χ²(groups − 1): Yurdakul & Naranjo, J. Risk Model Validation 14 (2020).
    """
    old, new = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if old.shape != new.shape or old.ndim != 1 or (old < 0).any() or (new < 0).any():
        raise ValueError("A mix is one count per group, the same groups in both windows.")
    sizes = float(old.sum()), float(new.sum())
    if min(sizes) == 0:
        return Unavailable("One of the windows has no members.")
    present = (old > 0) | (new > 0)
    if present.sum() < 2:
        return Unavailable("A mix needs two groups with members.")
    smoothed = bool(((old == 0) | (new == 0))[present].any())
    p, q = (np.where(present, counts + (0.5 if smoothed else 0.0), 0.0) for counts in (old, new))
    p, q = p / p.sum(), q / q.sum()
    contributions = np.zeros(old.size)
    contributions[present] = (q - p)[present] * np.log(q[present] / p[present])
    index = float(contributions.sum())
    band = DriftBand.STABLE if index < 0.1 else DriftBand.MODERATE if index < 0.25 else DriftBand.MAJOR
    scale = 1 / sizes[0] + 1 / sizes[1]
    p_value = float(chi2.sf(index / scale, int(present.sum()) - 1))
    return MixDrift(index, contributions, band, p_value, smoothed)
