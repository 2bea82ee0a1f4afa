"""Revenue of existing customers as they run off, and of newcomers, with the chance in it.

Survival (MBG/NBD or Pareto/NBD, whichever the histories are likelier under) × what an order of each customer
is expected to be worth (Gamma-Gamma, shrunk). Money, net of refunds where the orders are; time in days.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from programs.analytics.estimate import Unavailable
from programs.analytics.later_years import FallPace, LaterYears, arrivals, early_ages, late_ages
from programs.analytics.lifetime import PurchaseHistories
from programs.analytics.order_value import GammaGamma, fit_gamma_gamma
from programs.analytics.seasons import season_of
from programs.analytics.survival import Survival, SurvivalFit, fit_survival

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DAYS_A_YEAR = 365.0
DAYS_A_MONTH = DAYS_A_YEAR / 12
RECENT_DAYS = 91.0
"""A quarter: how far back the rate of newcomers and of the recent quarter is measured."""
MOST_HISTORIES = 50_000
"""Beyond this many customers time is counted in whole weeks, which changes no forecast that people read."""


@dataclass(frozen=True, slots=True, eq=False)
class Customers:
    """One entry a customer: days with an order after the first, days from the first to the last order, days
    observed since the first, and what all orders were worth, net."""

    frequency: FloatArray
    recency: FloatArray
    age: FloatArray
    spend: FloatArray

    @classmethod
    def of(cls, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, spend: ArrayLike) -> Customers:
        columns = [np.asarray(column, dtype=np.float64) for column in (frequency, recency, age, spend)]
        if len({column.shape for column in columns}) > 1 or columns[0].ndim != 1:
            raise ValueError("Every customer needs frequency, recency, age and spend.")
        return cls(*columns)

    @property
    def orders(self) -> FloatArray:
        return self.frequency + 1

    @property
    def mean_order(self) -> FloatArray:
        return self.spend / self.orders

    def recent(self, days: float = RECENT_DAYS) -> tuple[float, float]:
        """Newcomers a day over the last ``days``, and what their first orders are worth on average."""
        observed = float(self.age.max()) + 1
        window = min(days, observed)
        new = self.age < window
        joined = int(new.sum())
        return joined / window, float(self.mean_order[new].mean()) if joined else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Behaviour:
    """What was learned of customers: survival and frequency, order value; None where too few came back."""

    survival: SurvivalFit | None
    order_value: GammaGamma | None
    why_not: str = ""


def learn(customers: Customers) -> Behaviour:
    """Fit both models; too few repeat buyers leave the recent rate to go on with."""
    recency, age = _counted(customers)
    value = fit_gamma_gamma(customers.orders, np.maximum(customers.mean_order, 0))
    if isinstance(value, Unavailable):
        return Behaviour(None, None, value.reason)
    fit = fit_survival(PurchaseHistories.aggregate(customers.frequency, recency, age))
    if isinstance(fit, Unavailable):
        return Behaviour(None, value, fit.reason)
    return Behaviour(fit, value)


@dataclass(frozen=True, slots=True, eq=False)
class RunOff:
    """Cumulative revenue expected by the end of each edge, in money."""

    existing: FloatArray
    newcomers: FloatArray

    @property
    def total(self) -> FloatArray:
        return self.existing + self.newcomers


def run_off(
    customers: Customers, model: Survival, value: GammaGamma, edges: ArrayLike, later: LaterYears
) -> RunOff:
    """Revenue by the end of each of ``edges``, equally spaced days from now."""
    days = np.asarray(edges, dtype=np.float64)
    return RunOff(
        of_existing(customers, model, value, days), of_newcomers(customers, model, value, days, later)
    )


def of_existing(customers: Customers, model: Survival, value: GammaGamma, days: FloatArray) -> FloatArray:
    bought, row = _bought_alive(customers, model, days)
    return bought @ np.bincount(row, _alive(customers, model) * worth(customers, value))


def _bought_alive(customers: Customers, model: Survival, days: FloatArray) -> tuple[FloatArray, IntArray]:
    """E[Y(t) | alive] by day (rows) and distinct history (columns), and each customer's column: what is
    bought depends on the count and the age alone, so each pair of them is worked out once."""
    _, age = _counted(customers)
    width = float(age.max()) + 1
    pairs, row = np.unique(customers.frequency * width + age, return_inverse=True)
    frequency, age = np.divmod(pairs, width)
    bought = model.expected_purchases_while_alive(days[:, None], frequency[None, :], age[None, :])
    return bought, row


def _alive(customers: Customers, model: Survival) -> FloatArray:
    """Worked out once for each distinct history."""
    recency, age = _counted(customers)
    width = float(age.max()) + 1
    key = (customers.frequency * width + age) * width + recency
    _, at, row = np.unique(key, return_index=True, return_inverse=True)
    return model.probability_alive(customers.frequency[at], recency[at], age[at])[row]


def _counted(customers: Customers) -> tuple[FloatArray, FloatArray]:
    """Recency and age in days, of very many customers in whole weeks."""
    if customers.age.size <= MOST_HISTORIES:
        return customers.recency, customers.age
    return 7 * np.ceil(customers.recency / 7), 7 * np.ceil(customers.age / 7)


def purchases_each(customers: Customers, model: Survival, days: float) -> FloatArray:
    """Of each customer within ``days``."""
    bought, row = _bought_alive(customers, model, np.array([days]))
    return _alive(customers, model) * bought[0][row]


def worth(customers: Customers, value: GammaGamma) -> FloatArray:
    return value.expected_value(customers.orders, np.maximum(customers.mean_order, 0))


def of_newcomers(
    customers: Customers,
    model: Survival,
    value: GammaGamma,
    days: FloatArray,
    later: LaterYears,
    pace: FallPace = FallPace.FADING,
    shift: float = 0.0,
) -> FloatArray:
    """Those who join in each step are met in its middle: a first order, and the repeat orders since."""
    rate, first_order = customers.recent()
    step = float(days[0])
    middle: FloatArray = (np.arange(days.size, dtype=np.float64) + 0.5) * step
    again = np.diff(model.expected_purchases_of_new(middle), prepend=0.0) * later.again(middle - step / 2)
    joined = rate * step * later.rates(middle, pace, shift)
    each = first_order + value.mean * np.cumsum(again)  # by the age of who joined
    return np.convolve(joined, each)[: days.size]


def later_years(
    customers: Customers, model: Survival, value: GammaGamma, spend_by_age: FloatArray | None
) -> LaterYears:
    """What ages show beside the model; that customers leave late, too, only where it has them leave after
    purchases alone, because who leaves by the calendar does so at any age."""
    late, early, until = None, 1.0, 0
    if spend_by_age is not None:
        size = int(customers.age.max()) + 1
        came = np.cumsum(np.bincount(customers.age.astype(np.int64), minlength=size)[::-1])[::-1]
        orders = np.diff(model.expected_purchases_of_new(np.arange(size, dtype=np.float64)), prepend=0.0)
        seen = np.zeros(size)
        seen[: min(size, spend_by_age.size)] = spend_by_age[:size]
        due = came * orders * value.mean
        if not model.by_calendar:
            late = late_ages(seen, due, value.mean, value.variation_of_orders)
        early, until = early_ages(seen, due, value.mean, value.variation_of_orders), size // 3
    return LaterYears(arrivals(customers.age), late, season_of(customers.age), early, until)


def variance_by_chance(
    customers: Customers, model: Survival, value: GammaGamma, days: float, newcomers: float
) -> float:
    """Of the revenue within ``days``, if the parameters were known.

    E[N²] = E[N] + P(alive) · (E[N|alive]² + V) · (1 + 1/(r+x)): Poisson given the rate, which is gamma given
    that the customer lives, which is a matter of chance itself, and so is the day on which the customer
    leaves (V); each order varies by 1/p around the customer's mean.
    """
    alive = _alive(customers, model)
    expected = purchases_each(customers, model, days)
    if_staying = (model.r + customers.frequency) / (model.alpha + customers.age) * days
    with np.errstate(divide="ignore", invalid="ignore"):
        living = np.where(alive > 0, expected / alive, 0.0)
        leaving = if_staying**2 * _variance_of_stay(living / if_staying)
        again = alive * (living**2 + leaving) * (1 + 1 / (model.r + customers.frequency))
    counts = expected + again - expected**2
    each = worth(customers, value)
    existing = float((each**2 * (counts + expected * value.variation_of_orders)).sum())
    return existing + 2 * newcomers * max(value.mean, customers.recent()[1])


def _variance_of_stay(stayed: FloatArray) -> FloatArray:
    """Of the share of a period that a customer stays, whose mean is ``stayed``, if who leaves does so at a
    constant hazard u: mean (1 − e⁻ᵘ)/u, mean square 2(1 − (1 + u)e⁻ᵘ)/u². 0 for who stays for sure."""
    hazard = np.linspace(100.0, 0.01, 10_000)
    left = np.exp(-hazard)
    mean = (1 - left) / hazard
    square = 2 * (1 - (1 + hazard) * left) / hazard**2
    return np.interp(stayed, np.append(mean, 1.0), np.append(square - mean**2, 0.0))


def variance_of_parameters(customers: Customers, behaviour: Behaviour) -> float:
    """What the uncertainty of the survival model's parameters leaves in the year's revenue."""
    assert behaviour.survival is not None and behaviour.order_value is not None
    value, year = behaviour.order_value, np.array([DAYS_A_YEAR])
    months = np.asarray(np.arange(1, 13) * DAYS_A_MONTH, dtype=np.float64)
    variance = 0.0
    for pair in behaviour.survival.neighbours():
        low, high = (
            float(of_existing(customers, model, value, year)[0])
            + float(of_newcomers(customers, model, value, months, LaterYears())[-1])
            for model in pair
        )
        variance += ((high - low) / 2) ** 2
    return variance
