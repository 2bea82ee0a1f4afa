"""Which touches of journeys count, by the rules that partners agreed on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from programs.analytics.path_rules import PathRules

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def counted(rules: PathRules, journey: Ints, label: Ints, direct: Flags) -> Flags:
    """Which touches count, shape (T,). ``journey`` numbers rise, touches oldest first within each.

    Every journey keeps a touch. Of repeats the last stays: it is the one closest to the deal.
    """
    keep = np.ones(journey.size, dtype=bool)
    if not journey.size:
        return keep
    _, which = np.unique(journey, return_inverse=True)
    if rules.exclude_direct:
        others = np.bincount(which, ~direct)
        keep &= ~direct | (others[which] == 0)
    if rules.collapse_repeats:
        left = np.flatnonzero(keep)
        same = (which[left][1:] == which[left][:-1]) & (label[left][1:] == label[left][:-1])
        keep[left[:-1][same]] = False
    if rules.longest is not None:
        left = np.flatnonzero(keep)
        of = which[left]
        ends = np.searchsorted(of, of, side="right")
        keep[left[ends - np.arange(left.size) > rules.longest]] = False
    return keep
