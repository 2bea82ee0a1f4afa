"""What each partner is likely to bring, with all that the orders of one window leave open.

A partner's revenue is a sum of a random number of orders of random size. Whoever stands first was lucky,
too, and how much luck there can be is known from the orders themselves: few large ones leave more open than
many small ones. So each partner's revenue is held against those of all partners (empirical Bayes; Efron and
Morris 1975), and the error of what all partners are like is carried along (Laird and Louis 1989).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, logsumexp

Floats = npt.NDArray[np.float64]
NODES = 80
"""Points at which a partner's expected revenue is weighed."""
LEAST_SHARE = 1e-4
"""Below so much of the mean partner's revenue, partners are not told apart: they bring nothing."""
MEANS = np.linspace(-5.0, 2.0, 36)
SPREADS = np.geomspace(0.05, 3.0, 16)
"""Where the logarithm of a partner's revenue may lie, about that of the mean, and how far partners differ."""
KNOWN_ORDERS = 5.0
"""The size of all partners' orders counts as much as so many of a partner's own."""


def expected_values(
    revenue: Floats, squares: Floats, orders: Floats, rng: np.random.Generator, draws: int
) -> tuple[Floats, Floats]:
    """(expected percentile of each partner, draws (draws, partners) of the revenue to be expected of it).

    ``revenue`` and ``squares`` are the sums of its orders' amounts and of their squares, ``orders`` their
    number, in one window and currency. A compound Poisson sum has the variance λ E[x²], which ``squares``
    estimates, so revenue / φ with φ = E[x²] / E[x] is nearly Poisson (quasi-likelihood, Wedderburn 1974).
    Expected revenues are taken to be log-normal over partners; what mean and spread they have is weighed by
    all partners' revenues. The percentile, 0 to 100, is the mean of where a partner may stand among all,
    the best guess of a rank (Laird and Louis 1989); whoever brought the same has the same.
    """
    seen = np.maximum(revenue, 0.0)
    size = len(seen)
    if not seen.sum() or not squares.sum():
        return np.full(size, 50.0), rng.random((draws, size))
    unit = float(seen.mean())
    scale = dispersion(seen, squares, orders) / unit
    shape = seen / unit / scale
    nodes = value_nodes(shape, scale)
    step = nodes[:, 1] - nodes[:, 0]
    likelihood = shape[:, None] * nodes - np.exp(nodes) / scale[:, None] + np.log(step)[:, None]

    def weighed(mean: float, spread: float) -> Floats:
        """Logarithms of what each node of each partner weighs, if partners have this mean and spread."""
        return np.asarray(likelihood - 0.5 * ((nodes - mean) / spread) ** 2 - np.log(spread))

    cells = [(mean, spread) for mean in MEANS for spread in SPREADS]
    known = np.array([logsumexp(weighed(*cell), axis=1).sum() for cell in cells])
    chances = np.exp(known - logsumexp(known))
    chances /= chances.sum()
    taken = rng.multinomial(draws, chances)
    weights, found, done = np.zeros_like(nodes), np.empty((draws, size)), 0
    for cell in np.flatnonzero((chances > 1e-4) | (taken > 0)):
        here = weighed(*cells[cell])
        here = np.exp(here - logsumexp(here, axis=1, keepdims=True))
        weights += chances[cell] * here
        reached = np.cumsum(here, axis=1)
        chosen = rng.random((int(taken[cell]), size)) * reached[:, -1]
        inside = rng.random(chosen.shape) - 0.5
        for partner in range(size):
            place = np.searchsorted(reached[partner], chosen[:, partner])
            found[done : done + len(chosen), partner] = nodes[partner, place]
        found[done : done + len(chosen)] += inside * step
        done += len(chosen)
    weights /= weights.sum(axis=1, keepdims=True)
    return 100 * standing(nodes, weights), np.asarray(unit * np.exp(found))


def standing(nodes: Floats, weights: Floats) -> Floats:
    """For each partner the mean share of all partners below it, itself and its like counted by half."""
    _, place = np.unique(nodes, return_inverse=True)
    place = place.reshape(nodes.shape)
    mass = np.bincount(place.ravel(), weights.ravel())
    below = np.cumsum(mass) - mass / 2
    return np.asarray((weights * below[place]).sum(axis=1) / len(nodes))


def dispersion(revenue: Floats, squares: Floats, orders: Floats) -> Floats:
    """Variance for each unit of expected revenue, φ = E[x²] / E[x], in money; shrunk to all partners'."""
    usual = float(squares.sum()) / float(revenue.sum())
    basket = float(revenue.sum()) / max(float(orders.sum()), 1.0)
    counted = KNOWN_ORDERS * basket
    return np.asarray((squares + counted * usual) / (revenue + counted))


def value_nodes(shape: Floats, scale: Floats) -> Floats:
    """(partners, nodes) of log expected revenue that hold all of each partner's likelihood that matters."""
    low = np.maximum(scale * gammaincinv(shape + 0.05, 1e-6), LEAST_SHARE)
    high = np.maximum(scale * gammaincinv(shape + 1.0, 1 - 1e-7), 10 * low)
    low, high = np.log(low), np.log(high)
    return np.asarray(low[:, None] + (high - low)[:, None] * np.linspace(0, 1, NODES)[None, :])
