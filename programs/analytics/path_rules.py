"""What partners agree that a path is made of: which touches of a journey count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

DIRECT = frozenset({"direct", "none", "(none)", "(direct)", "typed"})
"""Channels that say that nobody sent the person."""


@dataclass(frozen=True, slots=True)
class PathRules:
    """Direct touches left out, repeats of a source in a row as one, and only the last ``longest`` touches."""

    exclude_direct: bool = False
    collapse_repeats: bool = False
    longest: int | None = None

    @property
    def sentence(self) -> str:
        """For the reader; empty where all touches count."""
        said = [
            "direct visits only where nothing else came before" if self.exclude_direct else "",
            "repeats of a source in a row as one" if self.collapse_repeats else "",
            f"the last {self.longest} touches" if self.longest else "",
        ]
        told = "; ".join(filter(None, said))
        return f"By the agreement paths hold {told}." if told else ""

    def kept(self, journey: Ints, label: Ints, direct: Flags) -> Flags:
        """Which touches count, shape (T,). ``journey`` numbers rise, touches oldest first within each.

        Every journey keeps a touch. Of repeats the last stays: it is the one closest to the deal.
        """
        keep = np.ones(journey.size, dtype=bool)
        if not journey.size:
            return keep
        _, which = np.unique(journey, return_inverse=True)
        if self.exclude_direct:
            others = np.bincount(which, ~direct)
            keep &= ~direct | (others[which] == 0)
        if self.collapse_repeats:
            left = np.flatnonzero(keep)
            same = (which[left][1:] == which[left][:-1]) & (label[left][1:] == label[left][:-1])
            keep[left[:-1][same]] = False
        if self.longest is not None:
            left = np.flatnonzero(keep)
            of = which[left]
            ends = np.searchsorted(of, of, side="right")
            keep[left[ends - np.arange(left.size) > self.longest]] = False
        return keep
