"""P values of several comparisons, adjusted so that chance does not pass for a finding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted so that the chance of any false finding stays at the level (Holm 1979); in the order given."""
    p, order = _ascending(p_values)
    adjusted = np.maximum.accumulate(p * np.arange(len(p), 0, -1))
    return _as_given(adjusted, order)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Q values: the share of false findings among those at or below each (Benjamini and Hochberg 1995)."""
    p, order = _ascending(p_values)
    shares = np.arange(1, len(p) + 1) / len(p)
    adjusted = np.minimum.accumulate((p / shares)[::-1])[::-1]
    return _as_given(adjusted, order)


def _ascending(p_values: Sequence[float]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    p = np.asarray(p_values, dtype=float)
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError("A p value lies between 0 and 1.")
    order = np.argsort(p)
    return p[order], order


def _as_given(adjusted: npt.NDArray[np.float64], order: npt.NDArray[np.intp]) -> tuple[float, ...]:
    given = np.empty_like(adjusted)
    given[order] = np.minimum(adjusted, 1.0)
    return tuple(given.tolist())
