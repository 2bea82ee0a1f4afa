"""Attribution rules that split each conversion over its own touches: weights of a path sum to 1.

First, last, linear, time-decay, position-based and W-shaped are the industry's named rules;
Shapley is the value of a stated cooperative game and turns out to be such a rule as well.
"""

from __future__ import annotations

import numpy as np

from programs.analytics.attribution.paths import ConversionPaths, Floats

HALF_LIFE_DAYS = 7.0
POSITION_ENDS = 0.4
W_MILESTONE = 0.3


def first_touch(paths: ConversionPaths) -> Floats:
    """All credit to the first touch. Returns weights of touches, shape (T,)."""
    weights = np.zeros(len(paths.touches))
    weights[paths.offsets[:-1]] = 1.0
    return weights


def last_touch(paths: ConversionPaths) -> Floats:
    """All credit to the last touch. Returns weights of touches, shape (T,)."""
    weights = np.zeros(len(paths.touches))
    weights[paths.offsets[1:] - 1] = 1.0
    return weights


def linear(paths: ConversionPaths) -> Floats:
    """Equal credit to every touch. Returns weights of touches, shape (T,)."""
    return np.repeat(1.0 / paths.lengths, paths.lengths)


def time_decay(paths: ConversionPaths, half_life_days: float = HALF_LIFE_DAYS) -> Floats:
    """Credit ∝ 2^(−age / half-life). Returns weights of touches, shape (T,).

    Raises ValueError without touch ages or with a half-life of 0 days or less.
    """
    if paths.ages is None:
        raise ValueError("time-decay needs the age of each touch")
    if not half_life_days > 0:
        raise ValueError("half-life must be above 0 days")
    # Ages count from the youngest touch of the path: the ratio is the same, and old paths do not underflow.
    youngest = np.minimum.reduceat(paths.ages, paths.offsets[:-1]) if len(paths.ages) else paths.ages
    return _normalised(paths, np.exp2(-(paths.ages - youngest[paths.path_of_touch]) / half_life_days))


def position_based(paths: ConversionPaths, ends: float = POSITION_ENDS) -> Floats:
    """``ends`` to the first and to the last touch, the rest shared by those between (40/20/40).

    Two touches share 50/50, one takes all. Returns weights of touches, shape (T,).
    """
    between = np.where(paths.lengths > 2, (1 - 2 * ends) / np.maximum(paths.lengths - 2, 1), 0.0)
    weights = np.repeat(between, paths.lengths)
    weights[paths.offsets[:-1]] = ends
    weights[paths.offsets[1:] - 1] = ends
    return _normalised(paths, weights)


def w_shaped(paths: ConversionPaths, milestone: float = W_MILESTONE) -> Floats:
    """30 % to first touch, lead creation and opportunity creation each, 10 % over the other touches.

    Without milestones the middle and the last touch stand in for lead and opportunity. A touch that
    is two milestones takes both shares; where no other touch is left, the milestones share its part.
    Returns weights of touches, shape (T,).
    """
    first = paths.offsets[:-1]
    if paths.milestones is None:
        marks = [first, first + (paths.lengths - 1) // 2, paths.offsets[1:] - 1]
    else:
        marks = [first, first + paths.milestones[:, 0], first + paths.milestones[:, 1]]
    weights = np.zeros(len(paths.touches))
    for mark in marks:
        weights[mark] += milestone
    if paths.milestones is None:
        weights[first[paths.lengths == 2]] = weights[first[paths.lengths == 2] + 1] = 0.5
    others = weights == 0
    count = np.bincount(paths.path_of_touch, others, len(paths.lengths))
    share = (1 - 3 * milestone) / np.maximum(count, 1)
    return _normalised(paths, np.where(others, share[paths.path_of_touch], weights))


def shapley(paths: ConversionPaths) -> Floats:
    """Shapley value of the game v(S) = conversions of the journeys whose channels all lie in S.

    With R(T) the conversions of paths touching exactly the set T, v is the sum of the unanimity
    games R(T)·u_T, so the value is closed: φ(c) = Σ_{T∋c} R(T) / |T| — each conversion is shared
    equally by the *distinct* channels of its path. Order and repetition play no part, and journeys
    that did not convert have no value in this game. (Shapley 1953; Zhao, Mahboobi & Bagheri 2018,
    arXiv:1804.05327.) Other packages solve the game of conversion *rates*; theirs is another number.
    Returns weights of touches, shape (T,): the first touch of each distinct channel carries its part.
    """
    key = paths.path_of_touch * len(paths.channels) + paths.touches
    _, first = np.unique(key, return_index=True)
    weights = np.zeros(len(paths.touches))
    weights[first] = 1.0
    return _normalised(paths, weights)


def _normalised(paths: ConversionPaths, weights: Floats) -> Floats:
    total = np.bincount(paths.path_of_touch, weights, len(paths.lengths))
    return weights / total[paths.path_of_touch]
