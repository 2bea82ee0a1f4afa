"""Markov attribution of order 2: the next step depends on the last two touches. And whether that is needed.

Anderl, Becker, von Wangenheim & Schumann (2016), "Mapping the customer journey", IJRM 33(3); the test of the
order is that of Anderson & Goodman (1957), "Statistical inference about Markov chains".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from programs.analytics.attribution.models import Attribution, split
from programs.analytics.attribution.paths import ConversionPaths, Floats, Ints
from programs.analytics.estimate import Unavailable

MARKOV_TWO = "markov, order 2"
MOST_STATES = 1500
"""Pairs of channels in a row: one system of so many equations is solved per channel."""


@dataclass(frozen=True, slots=True)
class OrderTest:
    """Does the touch before the present one say more about the next step?

    ``statistic`` G² with ``freedom`` degrees has the chance ``p_value`` where it does not. ``bic_gain`` is
    what the Bayesian information criterion of order 2 is better by: below 0 pairs cost more than they tell.
    """

    statistic: float
    freedom: int
    p_value: float
    bic_gain: float

    @property
    def needs_order_two(self) -> bool:
        return self.bic_gain > 0


def _pairs(paths: ConversionPaths) -> tuple[Ints, Ints]:
    """Of each touch the state before it (0 the start, else channel + 1) and the state of the last two."""
    size = len(paths.channels)
    before = np.zeros(len(paths.touches), dtype=np.int64)
    before[1:] = paths.touches[:-1] + 1
    before[paths.offsets[:-1]] = 0
    return before, before * size + paths.touches


def attribute_order_two(paths: ConversionPaths) -> Attribution | Unavailable:
    """Removal effects on the chain whose states are pairs of touches, solved exactly.

    Removing a channel sends every step into it to null, whatever came before. Money is the same chain
    with the mean value of the last pair's conversions as reward.
    """
    if paths.total_conversions == 0:
        return Unavailable("No journey converted: there is nothing to attribute.")
    size = len(paths.channels)
    _, code = _pairs(paths)
    pairs, state = np.unique(code, return_inverse=True)
    if pairs.size > MOST_STATES:
        return Unavailable(f"{pairs.size:,} pairs of channels in a row are more than {MOST_STATES:,}.")
    states = pairs.size + 1  # 0 is the start
    journeys = (paths.conversions + paths.nulls)[paths.path_of_touch]
    source = np.zeros(len(state), dtype=np.int64)
    source[1:] = state[:-1] + 1
    source[paths.offsets[:-1]] = 0
    flow = np.zeros((states, states))
    np.add.at(flow, (source, state + 1), journeys)
    last = state[paths.offsets[1:] - 1] + 1
    won, lost, earned = (
        np.bincount(last, each, states) for each in (paths.conversions, paths.nulls, paths.revenue)
    )
    visits = np.maximum(flow.sum(axis=1) + won + lost, 1e-300)
    chain, ends = np.eye(states) - flow / visits[:, None], np.column_stack([won, earned]) / visits[:, None]
    whole = np.linalg.solve(chain, ends)[0]
    channel = np.concatenate([[-1], pairs % size])
    effects = np.zeros((2, size))
    for k in range(size):
        stays = np.flatnonzero(channel != k)
        without = np.linalg.solve(chain[np.ix_(stays, stays)], ends[stays])[0]
        effects[:, k] = np.divide(whole - without, whole, out=np.zeros(2), where=whole > 0)
    effects = np.maximum(effects, 0.0)
    return Attribution(
        model=MARKOV_TWO,
        channels=paths.channels,
        conversions=split(effects[:1], np.array([paths.total_conversions]))[0],
        revenue=split(effects[1:], np.array([paths.total_revenue]))[0],
        removal_effect=effects[0],
        assumption="The next step depends on the present channel and the one before it.",
    )


def compare_orders(paths: ConversionPaths) -> OrderTest | Unavailable:
    """The likelihood ratio of order 2 over order 1, on the steps that have a touch before the present one."""
    size = len(paths.channels)
    before, code = _pairs(paths)
    weight = (paths.conversions + paths.nulls)[paths.path_of_touch]
    following = np.empty(len(code), dtype=np.int64)
    following[:-1] = paths.touches[1:]
    # A path ends for those who converted and for those who did not: two steps from its last touch.
    last = paths.offsets[1:] - 1
    following[last], weight[last] = size, paths.conversions
    before, code = np.append(before, before[last]), np.append(code, code[last])
    following, weight = np.append(following, np.full(len(last), size + 1)), np.append(weight, paths.nulls)
    used = (before > 0) & (weight > 0)
    before, code, following, weight = before[used], code[used], following[used], weight[used]
    if not used.any():
        return Unavailable("No journey has two touches, so there is no order to test.")
    now = code % size
    width = size + 2
    triple = _sums(code * width + following, weight)
    pair, present, step = _sums(code, weight), _sums(now, weight), _sums(now * width + following, weight)
    statistic = 2 * (_log(triple) - _log(pair) - _log(step) + _log(present))
    # Each pair may lead to all that its channel leads to, one of which the others decide.
    leads_to = np.bincount(np.unique(now * width + following) // width, minlength=size)
    freedom = int((leads_to[np.unique(code) % size] - 1).sum() - (leads_to[leads_to > 0] - 1).sum())
    statistic = max(statistic, 0.0)
    if freedom <= 0:
        return Unavailable("Each channel is always reached from the same one, so order 2 says nothing more.")
    gain = statistic - freedom * math.log(float(weight.sum()))
    return OrderTest(statistic, freedom, float(chi2.sf(statistic, freedom)), gain)


def _sums(keys: Ints, weight: Floats) -> Floats:
    _, which = np.unique(keys, return_inverse=True)
    return np.bincount(which, weight).astype(np.float64)


def _log(counts: Floats) -> float:
    return float((counts * np.log(counts)).sum())
