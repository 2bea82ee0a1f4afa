"""Shares of what comes in clusters, such as invitations by the referrer who sent them.

One creator's four hundred invitations share an audience and a post: they are no four hundred independent
cases. Two shares are compared by flipping the sign of what each cluster adds to their difference, which no
cluster can outvote alone (the score wild cluster bootstrap with the null imposed: Cameron, Gelbach and Miller
2008; Kline and Santos 2012). What a share is known by is its effective number of cases (Korn and Graubard
1998), so that intervals for independent cases hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student

Floats = npt.NDArray[np.float64]
MOST_LISTED = 12
"""So few clusters have all their signs listed; the tail over more is taken by a saddlepoint."""


@dataclass(frozen=True, slots=True)
class Clustered:
    """A group's cases by cluster: ``passed`` of ``cases`` in each; ``copies`` clusters are just like it.

    Arrays of one length over the clusters of all groups, 0 where a cluster has nothing in this one.
    """

    cases: Floats
    passed: Floats
    copies: Floats

    @property
    def share(self) -> float:
        return float(self.copies @ self.passed) / float(self.copies @ self.cases)

    def effective_cases(self, level: float = 0.95) -> float:
        """As many independent cases would know the share as well; from 1 to the number of cases.

        Each cluster is held against the share of the others, so that one that is nearly the whole group
        leaves hardly anything known. Few clusters count for less, as a t interval is wider than z.
        """
        total, count = float(self.copies @ self.cases), float(self.copies @ (self.cases > 0))
        if count < 2:
            return min(total, 1.0)
        spread = float(self.copies @ self.cases**2)
        clusters = total**2 / spread
        share = self.share
        others = total - self.cases
        left_out = np.divide(
            self.copies @ self.passed - self.passed, others, out=np.zeros_like(others), where=others > 0
        )
        variance = float(self.copies @ ((self.passed - left_out * self.cases) / total) ** 2)
        # Where everybody or nobody passed nothing shows how alike a cluster's cases are: each is one case.
        cases = share * (1 - share) / variance if variance > 0 and 0 < share < 1 else clusters
        tail = (1 - level) / 2
        few = (float(norm.isf(tail)) / float(student.isf(tail, max(clusters - 1, 1.0)))) ** 2
        return float(min(max(cases * few, 1.0), total))


def difference_p(one: Clustered, other: Clustered) -> float:
    """Two-sided p of both groups passing at one rate; clusters may have cases in both."""
    mine, theirs = float(one.copies @ one.cases), float(one.copies @ other.cases)
    cases, passed = one.cases + other.cases, one.passed + other.passed
    others = mine + theirs - cases
    rate = np.divide(float(one.copies @ passed) - passed, others, out=np.zeros_like(others), where=others > 0)
    adds = (one.passed - rate * one.cases) / mine - (other.passed - rate * other.cases) / theirs
    return sign_flip_p(adds, one.copies, abs(one.share - other.share))


def sign_flip_p(adds: Floats, copies: Floats, observed: float) -> float:
    """Two-sided p: how often Σ ± ``adds``, ``copies`` times with signs of their own, reaches ``observed``.

    Up to a dozen clusters all signs are listed; over more the tail is the saddlepoint approximation of
    Lugannani and Rice (1980; for such sums Robinson 1982), which stays right far out.
    """
    shown = adds != 0
    size, copies = np.abs(adds[shown]), copies[shown]
    count, most = float(copies.sum()), float(copies @ size)
    if observed <= 0 or not count:
        return 1.0
    if count <= MOST_LISTED:
        each = np.repeat(size, copies.astype(int))
        signs = 1 - 2 * ((np.arange(2 ** len(each))[:, None] >> np.arange(len(each))) & 1)
        return float(min(2 * np.mean(signs @ each >= observed * (1 - 1e-9)), 1.0))
    least = 2.0 ** (1 - count)
    if observed >= most * (1 - 1e-9):
        return least
    scale = float(np.sqrt(copies @ size**2))
    size, goal = size / scale, observed / scale

    def slope(s: float) -> float:
        return float(copies @ (size * np.tanh(s * size))) - goal

    top = 1.0
    while slope(top) < 0:
        top *= 2
    s = float(brentq(slope, 0.0, top, xtol=1e-12))
    log_cosh = np.logaddexp(s * size, -s * size) - np.log(2)
    w = float(np.sqrt(max(2 * (s * goal - float(copies @ log_cosh)), 0.0)))
    v = s * float(np.sqrt(copies @ (size / np.cosh(np.minimum(s * size, 300))) ** 2))
    if w < 1e-3:
        return float(min(2 * norm.sf(goal), 1.0))
    tail = float(norm.sf(w)) + float(norm.pdf(w)) * (1 / v - 1 / w)
    return float(min(max(2 * tail, least), 1.0))
