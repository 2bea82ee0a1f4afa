"""Did assignment deliver the split that was planned? If not, no result of the test can be read.

Source: Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments", KDD 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Pearson's χ² of the counts against the split, which is equal where none is ``planned``.

    A ``mismatch`` blocks the readout.
    """

    counts: tuple[int, ...]
    expected: tuple[float, ...]
    chi_square: float
    p_value: float
    alpha: float
    planned: bool = True

    @property
    def mismatch(self) -> bool:
        """Chance alone would do this less often than ``alpha``."""
        return self.p_value < self.alpha

    @property
    def p_in_words(self) -> str:
        """Such as "p = 0.04"; a p too small to be told apart from others is "below .001", never 0."""
        return "p below .001" if self.p_value < 0.001 else f"p = {self.p_value:.2g}"


def check_sample_ratio(
    counts: Sequence[int], weights: Sequence[float] | None = None, *, alpha: float = 0.001
) -> SampleRatio:
    """Test members per arm against planned ``weights`` (any scale; equal when not given).

    Raises ValueError on fewer than two arms, negative counts, nobody at all, or weights not positive.
    """
    seen = np.asarray(counts, dtype=np.float64)
    planned = np.ones_like(seen) if weights is None else np.asarray(weights, dtype=np.float64)
    if seen.size < 2 or planned.shape != seen.shape or (planned <= 0).any():
        raise ValueError("A split needs two arms or more, each with a positive planned weight.")
    if (seen < 0).any() or seen.sum() == 0:
        raise ValueError("Arms hold counts of members, and at least one member.")
    expected = seen.sum() * planned / planned.sum()
    statistic = float(((seen - expected) ** 2 / expected).sum())
    return SampleRatio(
        tuple(int(count) for count in counts),
        tuple(float(value) for value in expected),
        statistic,
        float(chi2.sf(statistic, seen.size - 1)),
        alpha,
        weights is not None,
    )
