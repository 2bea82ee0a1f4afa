"""Markov attribution of order 1, solved exactly on the absorbing chain: no simulation.

Anderl, Becker, von Wangenheim & Schumann (2016), "Mapping the customer journey", IJRM 33(3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from programs.analytics.attribution.paths import ConversionPaths, Floats, Ints


@dataclass(frozen=True)
class Transitions:
    """How often journeys step from one state to the next, as a linear map of path counts.

    States: 0 is the start, 1…C the channels; then conversion C + 1 and null C + 2. ``steps`` maps
    journeys per path to journeys per pair (P × K, sparse); ``source`` and ``target`` name the
    pair's states (K,). ``last`` is the last channel's state of each path (P,).
    """

    states: int
    steps: sparse.csr_array
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
        pair, code = np.unique(source * states + paths.touches + 1, return_inverse=True)
        steps = sparse.csr_array(
            (np.ones(len(code)), code, paths.offsets), shape=(len(paths.lengths), len(pair)), copy=True
        )  # a copy, because summing duplicates writes into the offsets
        steps.sum_duplicates()
        last = paths.touches[paths.offsets[1:] - 1] + 1
        return cls(states, steps, pair // states, pair % states, last)


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
    flow[:, transitions.source, transitions.target] = (conversions + nulls) @ transitions.steps
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
