"""Who is still a customer, one-time buyers included: the modified BG/NBD model.

As in BG/NBD (see ``lifetime``) a customer buys at a rate λ ~ Gamma(r, α) while alive and leaves with chance
p ~ Beta(a, b) after a purchase; here after the first purchase too, so a one-time buyer may have left.
Sources: Batislam, Denizel & Filiztekin, "Empirical validation and comparison of models for customer base
analysis", International Journal of Research in Marketing 24 (2007); Wagner & Hoppe, "Erratum on the MBG/NBD
model", same journal 25 (2008).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, gammaln, psi

from programs.analytics.estimate import Unavailable
from programs.analytics.lifetime import BgNbd, PurchaseHistories, minimum_of
from programs.analytics.seasonal_time import Clock

FloatArray = NDArray[np.float64]

FEWEST_REPEAT_BUYERS = 10
_BOUNDS = ((-6.0, 5.0), (-8.0, 9.0), (-7.0, 5.0), (-7.0, 7.0))
"""Of ln r, ln α (in mean ages), ln a, ln b: beyond them only the parameters move, no forecast does."""


@dataclass(frozen=True, slots=True)
class MbgNbd:
    """The four parameters; ``alpha`` is in the unit of time of the data, the others have none. With a
    ``clock`` all of it runs in seasonal time, as customers leave after purchases alone."""

    r: float
    alpha: float
    a: float
    b: float
    clock: Clock | None = None

    @property
    def name(self) -> str:
        return "MBG/NBD"

    @property
    def by_calendar(self) -> bool:
        """Whether customers leave at any time, not after purchases alone."""
        return False

    @property
    def _after_a_purchase(self) -> BgNbd:
        """Given that a customer lives, the models differ by one: b + 1 chances not to have left."""
        return BgNbd(self.r, self.alpha, self.a, self.b + 1)

    def probability_alive(
        self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, ago: ArrayLike = 0.0
    ) -> FloatArray:
        """P(alive | x, t_x, T) = 1 / (1 + a/(b+x) · ((α+T)/(α+t_x))^(r+x)); T ended ``ago`` before the data
        did."""
        x, t_x, end, before = (
            np.asarray(column, dtype=np.float64) for column in (frequency, recency, age, ago)
        )
        if self.clock is not None:
            first = end + before
            t_x, end = self.clock.since(first, t_x), self.clock.since(first, end)
        log_odds_left = np.log(self.a / (self.b + x)) + (self.r + x) * np.log(
            (self.alpha + end) / (self.alpha + t_x)
        )
        return np.asarray(expit(-log_odds_left))

    def expected_purchases_while_alive(
        self, horizon: ArrayLike, frequency: ArrayLike, age: ArrayLike
    ) -> FloatArray:
        """E[Y(t) | alive at T, x, T]: what a customer who has not left is expected to buy."""
        if self.clock is not None:
            end = np.asarray(age, dtype=np.float64)
            horizon, age = self.clock.at(horizon), self.clock.since(end, end)
        return self._after_a_purchase.expected_purchases_while_alive(horizon, frequency, age)

    def expected_purchases(
        self, horizon: ArrayLike, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike
    ) -> FloatArray:
        """E[Y(t) | x, t_x, T]: purchases in the next ``horizon`` t."""
        alive = self.probability_alive(frequency, recency, age)
        return alive * self.expected_purchases_while_alive(horizon, frequency, age)

    def expected_purchases_of_new(self, horizon: ArrayLike) -> FloatArray:
        """E[X(t)]: repeat purchases of a random customer within t of the first one, over all seasons."""
        return replace(self, clock=None).expected_purchases(horizon, 0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class MbgNbdFit:
    """Maximum likelihood; ``covariance`` (4, 4) is of (ln r, ln α, ln a, ln b), 0 where they are not told
    apart."""

    model: MbgNbd
    log_likelihood: float
    covariance: FloatArray

    def standard_error_of(self, statistic: Callable[[MbgNbd], float]) -> float:
        """Delta-method error that the parameters' uncertainty leaves in ``statistic(model)``."""
        centre = np.log([self.model.r, self.model.alpha, self.model.a, self.model.b])
        return delta_error(statistic, self._moved, centre, self.covariance)

    def neighbours(self) -> list[tuple[MbgNbd, MbgNbd]]:
        """Models one standard error below and above along each axis of the parameters' uncertainty."""
        values, axes = np.linalg.eigh(self.covariance)
        centre = np.log([self.model.r, self.model.alpha, self.model.a, self.model.b])
        found = []
        for value, axis in zip(values, axes.T, strict=True):
            if value > 0:
                step = np.sqrt(value) * axis
                found.append((self._moved(centre - step), self._moved(centre + step)))
        return found

    def _moved(self, log_parameters: FloatArray) -> MbgNbd:
        return replace(_model(log_parameters), clock=self.model.clock)


def delta_error(
    statistic: Callable[[Any], float],
    make: Callable[[FloatArray], Any],
    centre: FloatArray,
    covariance: FloatArray,
) -> float:
    """What the uncertainty of the parameters, whose logarithms are ``centre``, leaves in a statistic.

    By the gradient: a whole standard error along parameters that are hardly told apart leads to models that
    nobody would believe.
    """
    step = 1e-4
    gradient = np.array(
        [
            (statistic(make(centre + shift)) - statistic(make(centre - shift))) / (2 * step)
            for shift in np.eye(centre.size) * step
        ]
    )
    return float(np.sqrt(max(gradient @ covariance @ gradient, 0.0)))


def fit_mbg_nbd(histories: PurchaseHistories, clock: Clock | None = None) -> MbgNbdFit | Unavailable:
    """Fit r, α, a, b by maximum likelihood with the analytic gradient; time as ``clock`` has it.

    A parameter may end at its bound (nobody leaves, say, or all buy alike): the forecast then is that of the
    limit. ``Unavailable`` only where too few have bought again to see anything.
    """
    repeat_buyers = float(histories.customers[histories.frequency > 0].sum())
    if repeat_buyers < FEWEST_REPEAT_BUYERS:
        return too_few_came_back(repeat_buyers)
    if clock is not None:
        first = histories.age
        histories = replace(
            histories, recency=clock.since(first, histories.recency), age=clock.since(first, first)
        )
    unit = float(np.average(histories.age, weights=histories.customers))
    total = histories.total_customers

    def objective(log_parameters: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = _log_likelihood(log_parameters, histories, unit)
        return -value / total, -gradient / total

    found = minimum_of(objective, _BOUNDS)
    r, alpha, a, b = (float(value) for value in np.exp(found.x))
    purchases = float(histories.customers @ histories.frequency)
    return MbgNbdFit(
        model=MbgNbd(r, alpha * unit, a, b, clock),
        log_likelihood=-float(found.fun) * total - purchases * float(np.log(unit)),
        covariance=inverse_of_hessian(objective, found.x, total, _BOUNDS),
    )


def too_few_came_back(repeat_buyers: float) -> Unavailable:
    return Unavailable(
        f"{repeat_buyers:.0f} customers bought again; the churn model needs at least {FEWEST_REPEAT_BUYERS}."
    )


def inverse_of_hessian(
    objective: object, at: FloatArray, total: float, bounds: Sequence[tuple[float, float]]
) -> FloatArray:
    """Inverse Hessian along the directions that the data tell apart; a parameter at its bound does not
    move."""
    assert callable(objective)
    free = [n for n, (low, high) in enumerate(bounds) if low + 1e-3 < at[n] < high - 1e-3]
    covariance = np.zeros((4, 4))
    if not free:
        return covariance
    shifts = np.eye(4)[free] * 1e-4
    rows = [(objective(at + shift)[1] - objective(at - shift)[1]) / 2e-4 for shift in shifts]
    hessian = total * np.stack(rows)[:, free]
    values, axes = np.linalg.eigh((hessian + hessian.T) / 2)
    inverse = np.where(values > 1e-6 * total, 1 / np.maximum(values, 1e-12), 0.0)
    covariance[np.ix_(free, free)] = (axes * inverse) @ axes.T
    return covariance


def _log_likelihood(
    log_parameters: FloatArray, histories: PurchaseHistories, unit: float
) -> tuple[float, FloatArray]:
    """ln L and its gradient in log-parameters (Batislam et al. 2007, equation 5), time divided by
    ``unit``."""
    r, alpha, a, b = np.exp(log_parameters)
    x, weight = histories.frequency, histories.customers
    total = weight.sum()

    # Gamma functions depend on x alone: evaluate each distinct count once.
    counts = np.bincount(x.astype(np.int64), weight)
    n = np.flatnonzero(counts).astype(np.float64)
    share = counts[n.astype(np.int64)]
    constant = gammaln(a + b) - gammaln(r) - gammaln(b) + r * np.log(alpha)
    value = total * constant + share @ (gammaln(r + n) + gammaln(b + n + 1) - gammaln(a + b + n + 1))
    d_r = share @ psi(r + n) + total * (np.log(alpha) - psi(r))
    d_a = total * psi(a + b) - share @ psi(a + b + n + 1)
    d_b = d_a + share @ psi(b + n + 1) - total * psi(b)

    log_age, log_last = np.log(alpha + histories.age / unit), np.log(alpha + histories.recency / unit)
    later = b + x
    stayed = -(r + x) * log_age
    left = np.log(a / later) - (r + x) * log_last
    value += weight @ np.logaddexp(stayed, left)
    gone = weight * expit(left - stayed)  # weight times P(left)
    here = weight - gone
    d_r -= here @ log_age + gone @ log_last
    d_alpha = total * r / alpha - (r + x) @ (here * np.exp(-log_age) + gone * np.exp(-log_last))
    d_a += gone.sum() / a
    d_b -= (gone / later).sum()
    return float(value), np.array([d_r * r, d_alpha * alpha, d_a * a, d_b * b])


def _model(log_parameters: FloatArray) -> MbgNbd:
    r, alpha, a, b = (float(value) for value in np.exp(log_parameters))
    return MbgNbd(r, alpha, a, b)
