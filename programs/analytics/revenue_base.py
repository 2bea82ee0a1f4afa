"""What the customers there are, and those who keep coming, will spend if nothing changes.

Run-off of existing customers by survival (MBG/NBD) × what an order of each is expected to be worth
(Gamma-Gamma, shrunk), plus newcomers at their recent rate, each with a first order and the repeat orders
expected of a random customer. Money, net of refunds where the orders are. The same forecast is made of a
hold-out period first: how far the run-off was off there corrects it, as far as chance does not explain it,
because customers need not buy and leave as the model thinks: where they leave sooner, the correction grows
with time, as do the customers wrongly believed to be there. The interval is of the forecast: the chance in
who buys how often and for how much, the parameters' uncertainty, the correction, and the error made on
newcomers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.hold_out import BackTest, DecileError
from programs.analytics.lifetime import PurchaseHistories
from programs.analytics.mbg_nbd import MbgNbd, MbgNbdFit, fit_mbg_nbd
from programs.analytics.order_value import GammaGamma, fit_gamma_gamma

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DAYS_A_YEAR = 365.0
DAYS_A_MONTH = DAYS_A_YEAR / 12
RECENT_DAYS = 91.0
"""A quarter: how far back the rate of newcomers and of the recent quarter is measured."""
ONE_CUSTOMER = 0.1
"""Of all revenue: who has spent more is named as a risk of its own."""
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

    survival: MbgNbdFit | None
    order_value: GammaGamma | None
    why_not: str = ""


def learn(customers: Customers) -> Behaviour:
    """Fit both models; too few repeat buyers leave the recent rate to go on with."""
    recency, age = customers.recency, customers.age
    if customers.age.size > MOST_HISTORIES:
        recency, age = 7 * np.ceil(recency / 7), 7 * np.ceil(age / 7)
    value = fit_gamma_gamma(customers.orders, np.maximum(customers.mean_order, 0))
    if isinstance(value, Unavailable):
        return Behaviour(None, None, value.reason)
    fit = fit_mbg_nbd(PurchaseHistories.aggregate(customers.frequency, recency, age))
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


def run_off(customers: Customers, model: MbgNbd, value: GammaGamma, edges: ArrayLike) -> RunOff:
    """Revenue by the end of each of ``edges``, equally spaced days from now."""
    days = np.asarray(edges, dtype=np.float64)
    return RunOff(_of_existing(customers, model, value, days), _of_newcomers(customers, model, value, days))


def _of_existing(customers: Customers, model: MbgNbd, value: GammaGamma, days: FloatArray) -> FloatArray:
    bought, row = _bought_alive(customers, model, days)
    return bought @ np.bincount(row, _alive(customers, model) * _worth(customers, value))


def _bought_alive(customers: Customers, model: MbgNbd, days: FloatArray) -> tuple[FloatArray, IntArray]:
    """E[Y(t) | alive] by day (rows) and distinct history (columns), and each customer's column: what is
    bought depends on the count and the age alone, so each pair of them is worked out once."""
    age = customers.age
    if age.size > MOST_HISTORIES:
        age = 7 * np.ceil(age / 7)
    width = float(age.max()) + 1
    pairs, row = np.unique(customers.frequency * width + age, return_inverse=True)
    frequency, age = np.divmod(pairs, width)
    bought = model.expected_purchases_while_alive(days[:, None], frequency[None, :], age[None, :])
    return bought, row


def _alive(customers: Customers, model: MbgNbd) -> FloatArray:
    return model.probability_alive(customers.frequency, customers.recency, customers.age)


def _purchases_each(customers: Customers, model: MbgNbd, days: float) -> FloatArray:
    """Of each customer within ``days``."""
    bought, row = _bought_alive(customers, model, np.array([days]))
    return _alive(customers, model) * bought[0][row]


def _worth(customers: Customers, value: GammaGamma) -> FloatArray:
    return value.expected_value(customers.orders, np.maximum(customers.mean_order, 0))


def _of_newcomers(customers: Customers, model: MbgNbd, value: GammaGamma, days: FloatArray) -> FloatArray:
    """Those who join in each step are met in its middle: a first order, and the repeat orders since."""
    rate, first_order = customers.recent()
    step = float(days[0])
    middle = (np.arange(days.size) + 0.5) * step
    each = first_order + value.mean * model.expected_purchases_of_new(middle)
    return rate * step * np.cumsum(each)


def _variance_by_chance(
    customers: Customers, model: MbgNbd, value: GammaGamma, days: float, newcomers: float
) -> float:
    """Of the revenue within ``days``, if the parameters were known.

    E[N²] = E[N] + P(alive) · (E[N|alive]² + V) · (1 + 1/(r+x)): Poisson given the rate, which is gamma given
    that the customer lives, which is a matter of chance itself, and so is the day on which the customer
    leaves (V); each order varies by 1/p around the customer's mean.
    """
    alive = _alive(customers, model)
    expected = _purchases_each(customers, model, days)
    if_staying = (model.r + customers.frequency) / (model.alpha + customers.age) * days
    with np.errstate(divide="ignore", invalid="ignore"):
        living = np.where(alive > 0, expected / alive, 0.0)
        leaving = if_staying**2 * _variance_of_stay(living / if_staying)
        again = alive * (living**2 + leaving) * (1 + 1 / (model.r + customers.frequency))
    counts = expected + again - expected**2
    worth = _worth(customers, value)
    existing = float((worth**2 * (counts + expected * value.variation_of_orders)).sum())
    return existing + 2 * newcomers * max(value.mean, customers.recent()[1])


def _variance_of_stay(stayed: FloatArray) -> FloatArray:
    """Of the share of a period that a customer stays, whose mean is ``stayed``, if who leaves does so at a
    constant hazard u: mean (1 − e⁻ᵘ)/u, mean square 2(1 − (1 + u)e⁻ᵘ)/u². 0 for who stays for sure."""
    hazard = np.linspace(100.0, 0.01, 10_000)
    left = np.exp(-hazard)
    mean = (1 - left) / hazard
    square = 2 * (1 - (1 + hazard) * left) / hazard**2
    return np.interp(stayed, np.append(mean, 1.0), np.append(square - mean**2, 0.0))


def back_test(
    before: Customers, spent_since: ArrayLike, spent_by_newcomers: float, days: int
) -> BackTest | Unavailable:
    """Forecast ``days`` ahead from ``before`` and compare, in all and by decile of the forecast.

    ``spent_since`` has one entry per customer of ``before``.
    """
    actual = np.asarray(spent_since, dtype=np.float64)
    behaviour = learn(before)
    if behaviour.survival is None or behaviour.order_value is None:
        return Unavailable(behaviour.why_not)
    model, value = behaviour.survival.model, behaviour.order_value
    found = run_off(before, model, value, np.arange(1, 13) * days / 12)
    each = _worth(before, value) * _purchases_each(before, model, days)
    order = np.argsort(each, kind="stable")
    deciles = tuple(
        DecileError(n + 1, part.size, float(each[part].sum()), float(actual[part].sum()))
        for n, part in enumerate(np.array_split(order, 10))
        if part.size
    )
    return BackTest(
        days,
        float(found.existing[-1]),
        float(actual.sum()),
        float(found.newcomers[-1]),
        spent_by_newcomers,
        float(np.sqrt(_variance_by_chance(before, model, value, days, 0.0))),
        deciles,
        float(np.sqrt(_variance_by_chance(before, model, value, days, float(found.newcomers[-1])))),
    )


@dataclass(frozen=True, slots=True, eq=False)
class RevenueBase:
    """Money of the coming months if nothing changes, beside what was; ``by_month`` has one entry a month of
    365/12 days. ``last_twelve_months`` is None where the data reach back less."""

    next_twelve_months: Estimate
    existing: float
    newcomers: float
    by_month: FloatArray
    last_twelve_months: float | None
    run_rate: float
    newcomers_a_day: float
    back_test: BackTest | Unavailable
    method: str
    warnings: tuple[str, ...]

    @property
    def relative_error(self) -> float:
        """Standard error of the year as a share of it."""
        error = self.next_twelve_months.standard_error or 0.0
        return error / self.next_twelve_months.value if self.next_twelve_months.value > 0 else 0.0


def project_revenue(
    customers: Customers,
    *,
    last_twelve_months: float | None,
    recent_revenue: float,
    recent_days: float = RECENT_DAYS,
    months: int = 36,
    tested: BackTest | Unavailable,
    level: float = 0.95,
) -> RevenueBase:
    """The base of a program: ``months`` (12 or more) of revenue from ``customers`` and from newcomers.

    ``recent_revenue`` is that of the last ``recent_days``, ``last_twelve_months`` that of 365 days. Where
    nobody's behaviour can be learned, revenue goes on as in the recent days, and the method says so.
    """
    months = max(months, 12)
    edges = np.arange(1, months + 1, dtype=np.float64) * DAYS_A_MONTH
    run_rate = recent_revenue * DAYS_A_YEAR / recent_days
    behaviour = learn(customers)
    rate, _ = customers.recent()
    if behaviour.survival is None or behaviour.order_value is None:
        cumulative = run_rate * edges / DAYS_A_YEAR
        existing, newcomers = cumulative, np.zeros(months)
        error = run_rate / 3
        method = f"The last {recent_days:.0f} days go on: {behaviour.why_not}"
    else:
        model, value_of_order = behaviour.survival.model, behaviour.order_value
        found = run_off(customers, model, value_of_order, edges)
        existing, newcomers = found.existing, found.newcomers
        if not isinstance(tested, Unavailable):
            existing = np.cumsum(
                tested.corrections(edges - DAYS_A_MONTH / 2) * np.diff(existing, prepend=0.0)
            )
        cumulative = existing + newcomers
        by_chance = _variance_by_chance(customers, model, value_of_order, DAYS_A_YEAR, float(newcomers[11]))
        error = float(np.sqrt(by_chance + _variance_of_parameters(customers, behaviour)))
        if not isinstance(tested, Unavailable):
            of_newcomers = tested.error_on_newcomers * float(newcomers[11])
            # A hold-out tells nothing that is smaller than its chance.
            untold = existing[11] * min(tested.chance, 1.0)
            corrected = max(abs(float(existing[11] - found.existing[11])), float(untold))
            error = float(np.hypot(np.hypot(error, corrected), of_newcomers))
        method = "MBG/NBD survival × Gamma-Gamma order value, newcomers at the rate of the last quarter"
        if existing[11] != found.existing[11]:
            method += f", run-off × {existing[11] / found.existing[11]:.3f} as the hold-out was off"
    value = float(cumulative[11])
    half = float(norm.ppf(0.5 + level / 2)) * error
    base = Estimate(
        value, max(value - half, 0.0), value + half, level, error, unit="money a year", method=method
    )
    return RevenueBase(
        next_twelve_months=base,
        existing=float(existing[11]),
        newcomers=float(newcomers[11]),
        by_month=np.diff(cumulative, prepend=0.0),
        last_twelve_months=last_twelve_months,
        run_rate=run_rate,
        newcomers_a_day=rate,
        back_test=tested,
        method=method,
        warnings=tuple(_warnings(base, last_twelve_months, run_rate, customers, tested)),
    )


def _variance_of_parameters(customers: Customers, behaviour: Behaviour) -> float:
    """What the uncertainty of the survival model's parameters leaves in the year's revenue."""
    assert behaviour.survival is not None and behaviour.order_value is not None
    value, year = behaviour.order_value, np.array([DAYS_A_YEAR])
    months = np.asarray(np.arange(1, 13) * DAYS_A_MONTH, dtype=np.float64)
    variance = 0.0
    for pair in behaviour.survival.neighbours():
        low, high = (
            float(_of_existing(customers, model, value, year)[0])
            + float(_of_newcomers(customers, model, value, months)[-1])
            for model in pair
        )
        variance += ((high - low) / 2) ** 2
    return variance


def _warnings(
    base: Estimate,
    last: float | None,
    run_rate: float,
    customers: Customers,
    tested: BackTest | Unavailable,
) -> Sequence[str]:
    assert base.low is not None and base.high is not None
    found = [tested.lean] if isinstance(tested, BackTest) and tested.lean else []
    known = [amount for amount in (last, run_rate) if amount is not None]
    if all(amount > base.high for amount in known) or all(amount < base.low for amount in known):
        side = "below" if known[0] > base.high else "above"
        found.append(
            f"The revenue base lies {side} both the last twelve months and the recent quarter × 4, "
            "by more than its interval"
        )
    largest = float(customers.spend.max()) / total if (total := float(customers.spend.sum())) > 0 else 0.0
    if largest > ONE_CUSTOMER:
        found.append(
            f"One customer has spent {100 * largest:.0f} % of all revenue: the base, the tiers and the "
            "rewards hang on that customer"
        )
    if float(customers.age.max()) + 1 < DAYS_A_YEAR:
        found.append(
            f"The purchases reach back {customers.age.max() + 1:.0f} days: customers from before then look "
            "new, so the rate of newcomers may be too high"
        )
    return found
