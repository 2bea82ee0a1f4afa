"""Markov attribution of order 1, solved exactly on the absorbing chain: no simulation.

Anderl, Becker, von Wangenheim & Schumann (2016), "Mapping the customer journey", IJRM 33(3).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from programs.analytics.attribution.paths import ConversionPaths, Floats, Ints


@dataclass(frozen=True)
class Transitions:
    """How often journeys step from one state to the next, as a linear map of path counts.

    States: 0 is the start, 1…C the channels; then conversion C + 1 and null C + 2. ``step`` is the pair
    that each touch steps over (T,), of path ``p`` those of ``offsets[p]:offsets[p + 1]`` (P + 1,);
    ``source`` and ``target`` name the pair's states (K,). ``last`` is the last channel's state of each
    path (P,).
    """

    states: int
    step: Ints
    offsets: Ints
    source: Ints
    target: Ints
    last: Ints

    @classmethod
    def of(cls, paths: ConversionPaths) -> Transitions:
        """Count the steps start → first and touch → touch of every path."""
        states = len(paths.channels) + 1
        source = np.empty(len(paths.touches), dtype=np.int64)
        source[1:] = paths.touches[:-1] + 1
        source[paths.offsets[:-1]] = 0
        source *= states
        source += paths.touches
        source += 1
        pair, step = _distinct(source, states * states)
        last = paths.touches[paths.offsets[1:] - 1] + 1
        return cls(states, step, paths.offsets, pair // states, pair % states, last)

    def taken(self, journeys: Floats) -> Floats:
        """How many journeys step over each pair, of ``B`` sets of journeys per path (B, P): (B, K)."""
        if len(journeys) == 1:
            each = np.repeat(journeys[0], np.diff(self.offsets))
            return np.bincount(self.step, each, len(self.source)).astype(np.float64)[None]
        return np.asarray(journeys @ self._steps)

    @cached_property
    def _steps(self) -> sparse.csr_array:
        """Path × pair, how often the path steps over it."""
        steps = sparse.csr_array(
            (np.ones(len(self.step)), self.step, self.offsets),
            shape=(len(self.offsets) - 1, len(self.source)),
            copy=True,
        )  # a copy, because summing duplicates writes into the offsets
        steps.sum_duplicates()
        return steps


def _distinct(code: Ints, upper: int) -> tuple[Ints, Ints]:
    """The codes below ``upper`` that occur, rising, and the place of each given one among them.

    Counting beats sorting unless there are far more possible codes than given ones.
    """
    if upper > 4 * len(code):
        return np.unique(code, return_inverse=True)
    occurs = np.bincount(code, minlength=upper) > 0
    place = np.cumsum(occurs) - 1
    return np.flatnonzero(occurs), place[code]


@dataclass(frozen=True)
class RemovalEffects:
    """What a replicate of the chain loses without each channel; leading axis = replicate (B).

    ``conversion_rate``  P(conversion from start), shape (B,)
    ``conversions``      (P − P without channel) / P, shape (B, C)
    ``revenue``          the same for expected revenue, shape (B, C)
    """

    conversion_rate: Floats
    conversions: Floats
    revenue: Floats


def removal_effects(
    transitions: Transitions, conversions: Floats, nulls: Floats, revenue: Floats
) -> RemovalEffects:
    """Exact removal effects for ``B`` sets of path counts, each argument of shape (B, P).

    Removing channel k sends every step into k to null. A journey converts through k with probability
    F(start, k)·h(k), F the chance ever to reach k and h(k) the chance to convert from k, hence
    P − P₋ₖ = F(start, k)·h(k) with F(start, k) = N(start, k) / N(k, k) and N = (I − Q)⁻¹ the
    fundamental matrix (Kemeny & Snell 1976, theorem 3.5.7): one factorisation serves all channels.
    Revenue is the same chain with the mean value of the last channel's conversions as reward.
    """
    batch, states = conversions.shape[0], transitions.states
    flow = np.zeros((batch, states, states))
    flow[:, transitions.source, transitions.target] = transitions.taken(conversions + nulls)
    ends = sparse.csr_array(
        (np.ones(len(transitions.last)), transitions.last, np.arange(len(transitions.last) + 1)),
        shape=(len(transitions.last), states),
    )
    converted, lost, earned = conversions @ ends, nulls @ ends, revenue @ ends
    visits = flow.sum(axis=2) + converted + lost
    visits = np.where(visits > 0, visits, 1.0)  # a state nobody visits has no way out and no effect
    chain = np.eye(states) - flow / visits[:, :, None]
    fundamental = np.linalg.inv(chain)
    reached = fundamental[:, 0, 1:] / np.diagonal(fundamental, axis1=1, axis2=2)[:, 1:]
    to_conversion = (fundamental @ (converted / visits)[:, :, None])[:, :, 0]
    most = np.max(
        np.asarray(earned), axis=1, keepdims=True
    )  # an effect is a ratio: its unit must not decide on an underflow
    earned = earned / np.where(most > 0, most, 1.0)
    to_revenue = (fundamental @ (earned / visits)[:, :, None])[:, :, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        return RemovalEffects(
            conversion_rate=to_conversion[:, 0],
            conversions=reached * to_conversion[:, 1:] / to_conversion[:, :1],
            revenue=reached * to_revenue[:, 1:] / to_revenue[:, :1],
        )
