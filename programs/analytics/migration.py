"""What a member is worth, given how members move between states.

Source: Pfeifer & Carraway, "Modeling customer relationships as Markov chains",
Journal of Interactive Marketing 14 (2000).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def transition_probabilities(counts: ArrayLike) -> FloatArray:
    """Row shares of a (states, states) matrix of moves; a state nobody was in has no row to estimate."""
    moves = np.asarray(counts, dtype=float)
    totals = moves.sum(axis=1, keepdims=True)
    if moves.ndim != 2 or moves.shape[0] != moves.shape[1] or (moves < 0).any():
        raise ValueError("Moves are a square matrix of counts.")
    if (totals == 0).any():
        raise ValueError("Each state needs at least one member to move from; merge the empty ones.")
    return np.asarray(moves / totals)


def member_value(transitions: ArrayLike, margin: ArrayLike, discount_rate: float) -> FloatArray:
    """Expected present value V = (I − P/(1+d))⁻¹ R of a member now in each state.

    ``transitions`` P (states, states), rows sum to at most 1 (the rest leaves); ``margin`` R (states,)
    money per period, first one now; ``discount_rate`` d per period, above 0 unless members leave.
    Raises ValueError when the sum has no finite value.
    """
    matrix, reward = np.asarray(transitions, dtype=float), np.asarray(margin, dtype=float)
    if matrix.shape != (reward.size, reward.size):
        raise ValueError("One margin per state, and a square matrix over the same states.")
    if (matrix < 0).any() or (matrix.sum(axis=1) > 1 + 1e-9).any():
        raise ValueError("Transition rows are probabilities and sum to at most 1.")
    discounted = matrix / (1 + discount_rate)
    if np.abs(np.linalg.eigvals(discounted)).max() >= 1:
        raise ValueError("Without a discount, members who never leave are worth infinitely much.")
    return np.asarray(np.linalg.solve(np.eye(reward.size) - discounted, reward))


@dataclass(frozen=True, slots=True, eq=False)
class MemberValue:
    """Value per state with the interval that the counts behind P leave open."""

    value: FloatArray
    low: FloatArray
    high: FloatArray
    level: float


def member_value_interval(
    counts: ArrayLike,
    margin: ArrayLike,
    discount_rate: float,
    *,
    generator: np.random.Generator,
    draws: int = 1000,
    level: float = 0.95,
) -> MemberValue:
    """Member value with a credible interval: rows of P are Dirichlet with a Jeffreys prior.

    ``counts`` (states, states) moves, everyone who left counted in an absorbing state of margin 0.
    """
    moves = np.asarray(counts, dtype=float)
    point = member_value(transition_probabilities(moves), margin, discount_rate)
    absorbing = moves.sum(axis=1) == np.diag(moves)  # whoever left stays away: nothing to estimate
    sampled = np.stack(
        [
            np.broadcast_to(row / row.sum(), (draws, row.size))
            if stays
            else generator.dirichlet(row + 0.5, draws)
            for row, stays in zip(moves, absorbing, strict=True)
        ],
        axis=1,
    )
    systems = np.eye(len(point)) - sampled / (1 + discount_rate)
    reward = np.broadcast_to(np.asarray(margin, dtype=float)[:, None], (draws, len(point), 1))
    values = np.linalg.solve(systems, reward)[..., 0]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return MemberValue(point, low, high, level)
