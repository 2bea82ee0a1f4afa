"""Who is still a customer where customers leave by the calendar: the Pareto/NBD model.

A customer buys at a rate λ ~ Gamma(r, α) while alive and leaves at a hazard μ ~ Gamma(s, β), whether there
was a purchase or not; in MBG/NBD (see ``mbg_nbd``) they leave after purchases only, so that regular buyers
seem to stay. Sources: Schmittlein, Morrison & Colombo, "Counting your customers", Management Science 33
(1987); Fader & Hardie, "A note on deriving the Pareto/NBD model and related expressions" (2005), cited below
as FH.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, gammaln, psi

from programs.analytics.estimate import Unavailable
from programs.analytics.lifetime import PurchaseHistories, minimum_of
from programs.analytics.mbg_nbd import (
    FEWEST_REPEAT_BUYERS,
    delta_error,
    inverse_of_hessian,
    too_few_came_back,
)
from programs.analytics.seasonal_time import Clock

FloatArray = NDArray[np.float64]

_BOUNDS = ((-6.0, 5.0), (-8.0, 9.0), (-6.0, 6.0), (-7.0, 9.0))
"""Of ln r, ln α (in mean ages), ln s, ln β (in mean ages): beyond them only the parameters move."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_MORE_NODES, _MORE_WEIGHTS = np.polynomial.legendre.leggauss(48)
"""Where a season bends the integrand."""
_STEPS_A_YEAR = 73
_AT_ONCE = 20_000
"""Histories whose nodes are kept in memory."""
_STEEP = 6.0
"""From this r + x − 1 on the integral is taken over a power of time, below it over its logarithm."""


@dataclass(frozen=True, slots=True)
class ParetoNbd:
    """The four parameters; ``alpha`` and ``beta`` are in the unit of time of the data. With a ``clock``
    customers buy in seasonal time, λ·w(t), and leave by the calendar as before."""

    r: float
    alpha: float
    s: float
    beta: float
    clock: Clock | None = None

    @property
    def name(self) -> str:
        return "Pareto/NBD"

    @property
    def by_calendar(self) -> bool:
        """Whether customers leave at any time, not after purchases alone."""
        return True

    def probability_alive(
        self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, ago: ArrayLike = 0.0
    ) -> FloatArray:
        """P(alive | x, t_x, T), with the integral of FH left as one; T ended ``ago`` before the data did."""
        x, t_x, end, before = np.broadcast_arrays(
            *(np.asarray(column, dtype=np.float64) for column in (frequency, recency, age, ago))
        )
        columns = x.ravel(), t_x.ravel(), end.ravel(), (end + before).ravel()
        parts = [
            self._alive(*(column[at : at + _AT_ONCE] for column in columns))
            for at in range(0, x.size, _AT_ONCE)
        ]
        return np.concatenate(parts).reshape(x.shape) if parts else np.zeros(x.shape)

    def _alive(self, x: FloatArray, t_x: FloatArray, end: FloatArray, first: FloatArray) -> FloatArray:
        passed = operational(self.clock, first, end)
        stayed = -(self.r + x) * np.log(self.alpha + passed) - self.s * np.log(self.beta + end)
        left = _Left.of(self.r, self.alpha, self.s, self.beta, x, t_x, end, self.clock, first).log
        return np.asarray(expit(stayed - left))

    def expected_purchases_while_alive(
        self, horizon: ArrayLike, frequency: ArrayLike, age: ArrayLike
    ) -> FloatArray:
        """E[Y(t) | alive at T, x, T]: what who has not left is expected to buy."""
        t, x, end = (np.asarray(column, dtype=np.float64) for column in (horizon, frequency, age))
        stay = (
            self._stay(t, self.beta + end) if self.clock is None else self._seasonal_stay(t, end, self.clock)
        )
        return (self.r + x) / (self.alpha + operational(self.clock, end, end)) * stay

    def expected_purchases(
        self, horizon: ArrayLike, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike
    ) -> FloatArray:
        """E[Y(t) | x, t_x, T]: purchases in the next ``horizon`` t."""
        alive = self.probability_alive(frequency, recency, age)
        return alive * self.expected_purchases_while_alive(horizon, frequency, age)

    def expected_purchases_of_new(self, horizon: ArrayLike) -> FloatArray:
        """E[X(t)]: repeat purchases of a random customer within t of the first one, over all seasons."""
        return self.r / self.alpha * self._stay(np.asarray(horizon, dtype=np.float64), self.beta)

    def _stay(self, t: FloatArray, beta: ArrayLike) -> FloatArray:
        """Expected time alive within the next t: ∫₀ᵗ (β/(β+τ))ˢ dτ."""
        scale = np.asarray(beta, dtype=np.float64)
        grown = np.log1p(t / scale)
        power = 1 - self.s
        # (e^{power·grown} − 1)/power, which tends to grown where s is 1
        return np.asarray(scale * (np.expm1(power * grown) / power if abs(power) > 1e-9 else grown))

    def _seasonal_stay(self, t: FloatArray, end: FloatArray, clock: Clock) -> FloatArray:
        """Expected seasonal time alive within the next t: ∫₀ᵗ w(τ) (β'/(β'+τ))ˢ dτ, β' = β + T, in steps that
        the season hardly changes in; worked out once for each distinct t and T."""
        times, at_time = np.unique(t, return_inverse=True)
        ends, at_end = np.unique(end, return_inverse=True)
        steps = max(int(np.ceil(float(times.max(initial=0.0)) / clock.year * _STEPS_A_YEAR)), 1)
        grid = np.unique(np.append(np.linspace(0.0, float(times.max(initial=0.0)), steps + 1), times))
        scale = self.beta + ends
        alive = (scale / (scale + (grid[1:, None] + grid[:-1, None]) / 2)) ** self.s
        upto = np.zeros((grid.size, ends.size))
        upto[1:] = np.cumsum(np.diff(clock.at(grid))[:, None] * alive, axis=0)
        found = upto[np.searchsorted(grid, times)]
        return np.asarray(found[at_time.reshape(t.shape), at_end.reshape(end.shape)])


def operational(clock: Clock | None, first: FloatArray, time: FloatArray) -> FloatArray:
    """``time`` after what was ``first`` so long before the end of the data, as the clock has it."""
    return time if clock is None else clock.since(first, time)


@dataclass(frozen=True, slots=True, eq=False)
class ParetoNbdFit:
    """Maximum likelihood; ``covariance`` (4, 4) is of (ln r, ln α, ln s, ln β), 0 where not told apart."""

    model: ParetoNbd
    log_likelihood: float
    covariance: FloatArray

    def standard_error_of(self, statistic: Callable[[ParetoNbd], float]) -> float:
        """Delta-method error that the parameters' uncertainty leaves in ``statistic(model)``."""
        centre = np.log([self.model.r, self.model.alpha, self.model.s, self.model.beta])
        return delta_error(statistic, self._moved, centre, self.covariance)

    def neighbours(self) -> list[tuple[ParetoNbd, ParetoNbd]]:
        """Models one standard error below and above along each axis of the parameters' uncertainty."""
        values, axes = np.linalg.eigh(self.covariance)
        centre = np.log([self.model.r, self.model.alpha, self.model.s, self.model.beta])
        found = []
        for value, axis in zip(values, axes.T, strict=True):
            if value > 0:
                step = np.sqrt(value) * axis
                found.append((self._moved(centre - step), self._moved(centre + step)))
        return found

    def _moved(self, log_parameters: FloatArray) -> ParetoNbd:
        return replace(_model(log_parameters), clock=self.model.clock)


def fit_pareto_nbd(histories: PurchaseHistories, clock: Clock | None = None) -> ParetoNbdFit | Unavailable:
    """Fit r, α, s, β by maximum likelihood with the analytic gradient; purchases in the time of ``clock``.

    A parameter may end at its bound (nobody leaves, or all at one hazard): the forecast then is that of the
    limit. ``Unavailable`` only where too few have bought again to see anything.
    """
    repeat_buyers = float(histories.customers[histories.frequency > 0].sum())
    if repeat_buyers < FEWEST_REPEAT_BUYERS:
        return too_few_came_back(repeat_buyers)
    unit = float(np.average(histories.age, weights=histories.customers))
    total = histories.total_customers
    scaled = clock and clock.in_unit(unit)

    def objective(log_parameters: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = _log_likelihood(log_parameters, histories, unit, scaled)
        return -value / total, -gradient / total

    found = minimum_of(objective, _BOUNDS)
    r, alpha, s, beta = (float(value) for value in np.exp(found.x))
    purchases = float(histories.customers @ histories.frequency)
    return ParetoNbdFit(
        model=ParetoNbd(r, alpha * unit, s, beta * unit, clock),
        log_likelihood=-float(found.fun) * total - purchases * float(np.log(unit)),
        covariance=inverse_of_hessian(objective, found.x, total, _BOUNDS),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Left:
    """ln of s ∫ (α+τ)^−(r+x) (β+τ)^−(s+1) dτ from t_x to T: that the customer left after the last purchase
    (FH). ``share`` (nodes, histories) is what each node adds, ``when`` its τ, ``bought_at`` that in the time
    of purchases."""

    log: FloatArray
    share: FloatArray
    when: FloatArray
    bought_at: FloatArray

    @classmethod
    def of(
        cls,
        r: float,
        alpha: float,
        s: float,
        beta: float,
        x: FloatArray,
        t_x: FloatArray,
        end: FloatArray,
        clock: Clock | None = None,
        first: FloatArray | None = None,
    ) -> _Left:
        """With a ``clock`` the customers bought ``first`` so long before the end of the data."""
        power = r + x - 1
        nodes, weights = (_NODES, _WEIGHTS) if clock is None else (_MORE_NODES, _MORE_WEIGHTS)
        steep = power >= _STEEP
        part = np.where(steep, power / 3, 1.0)
        # Where it is steep: over ((α+t_x)/(α+τ))^part, which falls more evenly; else over ln(c+τ), c the
        # smaller of α and β, near which the integrand falls most.
        origin = np.where(steep, alpha, min(alpha, beta))
        base = origin + t_x
        if clock is not None and first is not None:
            base = np.where(steep, alpha + clock.since(first, t_x), base)
        length = np.log1p((end - t_x) / base)
        width = np.where(steep, -np.expm1(-part * length), length)
        at = (nodes[:, None] + 1) / 2 * width
        further = np.where(steep, -np.log1p(-np.where(steep, at, 0.0)) / part, at)
        when = t_x + np.maximum(base * np.expm1(further), 0.0)
        bought_at = when
        if clock is not None and first is not None:
            bought_at = clock.since(first, when)
        with np.errstate(divide="ignore"):
            size = np.log(weights[:, None] / 2) + np.log(width / part)
        # dτ = (c+τ) d ln(c+τ), and on the steep side the power of the substitution beside it.
        each = size + np.log(base) + (1 + np.where(steep, part, 0.0)) * further
        each -= (r + x) * np.log(alpha + bought_at) + (s + 1) * np.log(beta + when)
        most = each.max(axis=0)
        most = np.where(np.isfinite(most), most, 0.0)
        share = np.exp(each - most)
        sum_ = share.sum(axis=0)
        with np.errstate(divide="ignore"):
            log = np.log(s) + most + np.log(sum_)
        return cls(log, share / np.where(sum_ > 0, sum_, 1.0), when, bought_at)


def _log_likelihood(
    log_parameters: FloatArray, histories: PurchaseHistories, unit: float, clock: Clock | None = None
) -> tuple[float, FloatArray]:
    """ln L and its gradient in log-parameters (FH), time divided by ``unit``."""
    r, alpha, s, beta = np.exp(log_parameters)
    x, weight = histories.frequency, histories.customers
    t_x, end = histories.recency / unit, histories.age / unit
    total = float(weight.sum())
    constant = r * np.log(alpha) - gammaln(r) + s * np.log(beta)
    passed = operational(clock, end, end)
    stayed = -(r + x) * np.log(alpha + passed) - s * np.log(beta + end)
    left = _Left.of(r, alpha, s, beta, x, t_x, end, clock, end)
    value = total * constant + weight @ (gammaln(r + x) + np.logaddexp(stayed, left.log))
    gone = weight * expit(left.log - stayed)
    here = weight - gone
    to_alpha, to_beta = alpha + left.bought_at, beta + left.when

    def of_left(each: FloatArray) -> float:
        return float(gone @ (left.share * each).sum(axis=0))

    def of_left_by_x(each: FloatArray) -> float:
        return float((gone * (r + x)) @ (left.share * each).sum(axis=0))

    d_r = weight @ psi(r + x) + total * (np.log(alpha) - psi(r)) - here @ np.log(alpha + passed)
    d_r -= of_left(np.log(to_alpha))
    d_alpha = total * r / alpha - here @ ((r + x) / (alpha + passed)) - of_left_by_x(1 / to_alpha)
    d_s = total * np.log(beta) - here @ np.log(beta + end) + gone.sum() / s - of_left(np.log(to_beta))
    d_beta = total * s / beta - here @ (s / (beta + end)) - (s + 1) * of_left(1 / to_beta)
    return float(value), np.array([d_r * r, d_alpha * alpha, d_s * s, d_beta * beta])


def _model(log_parameters: FloatArray) -> ParetoNbd:
    r, alpha, s, beta = (float(value) for value in np.exp(log_parameters))
    return ParetoNbd(r, alpha, s, beta)
