"""Who is still a customer, and how often they will buy: the BG/NBD model of non-contractual churn.

While alive a customer buys at a Poisson rate λ ~ Gamma(r, α); after each repeat purchase the customer
leaves with chance p ~ Beta(a, b). Purchases are days (or weeks) with at least one order, time is in any
one unit. A customer without a repeat purchase has had no chance to leave, so P(alive) is 1 by
construction: count one-time buyers apart.
Source: Fader, Hardie & Lee, "'Counting your customers' the easy way: an alternative to the
Pareto/NBD model", Marketing Science 24 (2005), cited below as FHL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import OptimizeResult, minimize
from scipy.special import expit, gammaln, hyp2f1, psi
from scipy.stats import norm

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# ln(parameter) beyond this is a parameter on its way to 0 or infinity.
_LOG_BOUND = 12.0
_POLE_STEP = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class PurchaseHistories:
    """Distinct histories with the number of customers who share each.

    ``frequency`` x repeat purchases, ``recency`` t_x time from first to last purchase, ``age`` T time
    from the first purchase to the end of observation, ``customers`` weights; all (histories,).
    ``row`` (customers,) is each given customer's history, to spread results back.
    """

    frequency: FloatArray
    recency: FloatArray
    age: FloatArray
    customers: FloatArray
    row: IntArray

    @classmethod
    def aggregate(
        cls,
        frequency: ArrayLike,
        recency: ArrayLike,
        age: ArrayLike,
        customers: ArrayLike | None = None,
    ) -> PurchaseHistories:
        """Group equal (x, t_x, T). ``customers`` are weights where the data are grouped already.

        Raises ValueError on impossible histories: 0 ≤ t_x ≤ T, and t_x = 0 exactly when x = 0.
        """
        columns = np.stack([np.asarray(column, dtype=np.float64) for column in (frequency, recency, age)])
        x, t_x, end = columns
        if columns.shape[1] == 0 or not np.isfinite(columns).all():
            raise ValueError("Purchase histories need at least one customer and no missing value.")
        if (x < 0).any() or (x != np.floor(x)).any():
            raise ValueError("Repeat purchases are counts.")
        if (t_x < 0).any() or (t_x > end).any():
            raise ValueError("The last purchase lies between the first one and the end of observation.")
        if ((x == 0) != (t_x == 0)).any():
            raise ValueError("Recency is 0 exactly for customers without a repeat purchase.")
        weights = np.ones(x.size) if customers is None else np.asarray(customers, dtype=np.float64)
        if weights.shape != x.shape or (weights <= 0).any():
            raise ValueError("Each history stands for a positive number of customers.")

        order = np.lexsort(columns)
        ordered = columns[:, order]
        starts = np.append(True, (ordered[:, 1:] != ordered[:, :-1]).any(axis=0))
        row = np.empty(x.size, dtype=np.int64)
        row[order] = np.cumsum(starts) - 1
        distinct = ordered[:, starts]
        return cls(distinct[0], distinct[1], distinct[2], np.bincount(row, weights).astype(np.float64), row)

    @property
    def total_customers(self) -> float:
        """Customers behind all histories."""
        return float(self.customers.sum())


@dataclass(frozen=True, slots=True)
class BgNbd:
    """The four parameters; ``alpha`` is in the unit of time of the data, the others have none."""

    r: float
    alpha: float
    a: float
    b: float

    def probability_alive(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> FloatArray:
        """P(alive | x, t_x, T), 1 for customers without a repeat purchase (Hardie, note 21)."""
        x, t_x, end = (np.asarray(column, dtype=np.float64) for column in (frequency, recency, age))
        log_odds_left = (
            np.log(self.a)
            - np.log(self.b + np.maximum(x, 1) - 1)
            + (self.r + x) * np.log((self.alpha + end) / (self.alpha + t_x))
        )
        return np.asarray(np.where(x > 0, expit(-log_odds_left), 1.0))

    def expected_purchases(
        self, horizon: ArrayLike, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike
    ) -> FloatArray:
        """E[Y(t) | x, t_x, T]: purchases in the next ``horizon`` t (FHL equation 10)."""
        alive = self.probability_alive(frequency, recency, age)
        return alive * self.expected_purchases_while_alive(horizon, frequency, age)

    def expected_purchases_of_new(self, horizon: ArrayLike) -> FloatArray:
        """E[X(t)]: repeat purchases of a random customer within t of the first one (FHL equation 9)."""
        return self.expected_purchases_while_alive(horizon, 0, 0)

    def expected_purchases_while_alive(
        self, horizon: ArrayLike, frequency: ArrayLike, age: ArrayLike
    ) -> FloatArray:
        """E[Y(t) | alive at T, x, T]: what a customer who has not left is expected to buy."""
        t, x, end = (np.asarray(column, dtype=np.float64) for column in (horizon, frequency, age))
        bought = self._closed_form(t, x, end)
        near_pole = min(abs(self.a - 1), abs(self.a + self.b - 1)) < _POLE_STEP / 10
        # 0/0 at a = 1 and a + b = 1, and where the library's ₂F₁ overflows (integer r + x − a, frequent
        # buyers), is of the formula, not of the model, which is smooth: the mean of both sides.
        low, high = (BgNbd(self.r, self.alpha, self.a * (1 + side * _POLE_STEP), self.b) for side in (-1, 1))
        broken = ~np.isfinite(bought) | near_pole
        if broken.any():
            mean = (low._closed_form(t, x, end) + high._closed_form(t, x, end)) / 2
            bought = np.where(broken, mean, bought)
        return bought

    def _closed_form(self, t: FloatArray, x: FloatArray, end: FloatArray) -> FloatArray:
        z = t / (self.alpha + end + t)
        c = self.a + self.b + x - 1
        # Euler's transformation turns (1−z)^(r+x)·₂F₁(r+x, b+x; c; z), whose factors run to 0·∞ for
        # frequent buyers, into one whose upper parameters do not depend on x.
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = hyp2f1(self.a + self.b - 1 - self.r, self.a - 1, c, z)
            return np.asarray(np.divide(c, self.a - 1) * (1 - (1 - z) ** (self.a - 1) * factor))


@dataclass(frozen=True, slots=True, eq=False)
class BgNbdFit:
    """Maximum likelihood estimate; ``covariance`` (4, 4) is of (ln r, ln α, ln a, ln b)."""

    model: BgNbd
    log_likelihood: float
    covariance: FloatArray
    customers: float
    histories: int

    def parameters(self, *, level: float = 0.95) -> dict[str, Estimate]:
        """Each parameter with an interval that is symmetric in logarithms, so it stays positive."""
        spread = np.sqrt(np.diag(self.covariance))
        z = float(norm.ppf(0.5 + level / 2))
        return {
            name: Estimate(
                value,
                value * float(np.exp(-z * deviation)),
                value * float(np.exp(z * deviation)),
                level,
                value * float(deviation),
                unit="time" if name == "alpha" else "",
                method="maximum likelihood, inverse Hessian",
            )
            for name, value, deviation in zip(
                ("r", "alpha", "a", "b"), _values(self.model).tolist(), spread.tolist(), strict=True
            )
        }

    def standard_error_of(self, statistic: Callable[[BgNbd], float]) -> float:
        """Delta-method error that the parameters' uncertainty leaves in ``statistic(model)``."""
        centre, step = np.log(_values(self.model)), 1e-4
        gradient = np.array(
            [
                (statistic(_model(centre + shift)) - statistic(_model(centre - shift))) / (2 * step)
                for shift in np.eye(4) * step
            ]
        )
        return float(np.sqrt(gradient @ self.covariance @ gradient))


def minimum_of(
    objective: Callable[[FloatArray], tuple[float, FloatArray]], bounds: Sequence[tuple[float, float]]
) -> OptimizeResult:
    """The least value within ``bounds`` of a function that answers value and gradient, from the origin."""
    start = np.zeros(len(bounds))
    for _ in range(3):  # on flat ground the search may stop early; a fresh start from there goes on
        found = minimize(
            objective, start, jac=True, method="L-BFGS-B", bounds=bounds,
            options={"ftol": 1e-14, "gtol": 1e-8, "maxiter": 500},
        )  # fmt: skip
        start = found.x
        if np.abs(found.jac).max() < 1e-6:
            break
    return found


def fit_bg_nbd(histories: PurchaseHistories) -> BgNbdFit | Unavailable:
    """Fit r, α, a, b by maximum likelihood with the analytic gradient.

    Standard errors come from the Hessian in log-parameters. ``Unavailable`` when the data do not
    identify the model: too few repeat buyers, or a parameter running to 0 or infinity.
    """
    repeat_buyers = float(histories.customers[histories.frequency > 0].sum())
    if repeat_buyers < 10:
        return Unavailable(f"{repeat_buyers:.0f} customers bought again; the churn model needs at least 10.")
    # In units of mean age the optimum lies near 1 for weeks and for seconds alike.
    unit = float(np.average(histories.age, weights=histories.customers))
    total = histories.total_customers

    def objective(log_parameters: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = _log_likelihood(log_parameters, histories, unit)
        return -value / total, -gradient / total

    found = minimum_of(objective, [(-_LOG_BOUND, _LOG_BOUND)] * 4)
    step = 1e-4
    shifts = np.eye(4) * step
    hessian = np.stack(
        [(objective(found.x + shift)[1] - objective(found.x - shift)[1]) / (2 * step) for shift in shifts]
    )
    hessian = total * (hessian + hessian.T) / 2
    at_bound = np.abs(found.x) > _LOG_BOUND - 1e-3
    if at_bound.any() or np.linalg.eigvalsh(hessian)[0] <= 1e-9 * total:
        return Unavailable("The purchases do not tell the churn model's parameters apart; use more history.")
    if np.abs(found.jac).max() > 1e-4:
        return Unavailable(f"The churn model did not converge: {found.message}")
    r, alpha, a, b = (float(value) for value in np.exp(found.x))
    # The likelihood of x purchases at given times has the unit 1/time^x: back from scaled time.
    purchases = float(histories.customers @ histories.frequency)
    return BgNbdFit(
        model=BgNbd(r, alpha * unit, a, b),
        log_likelihood=-float(found.fun) * total - purchases * float(np.log(unit)),
        covariance=np.linalg.inv(hessian).astype(np.float64),
        customers=total,
        histories=histories.age.size,
    )


def _log_likelihood(
    log_parameters: FloatArray, histories: PurchaseHistories, unit: float
) -> tuple[float, FloatArray]:
    """ln L and its gradient in log-parameters (FHL equation 6, in logarithms), time divided by ``unit``."""
    r, alpha, a, b = np.exp(log_parameters)
    x, weight = histories.frequency, histories.customers
    total = weight.sum()

    # Gamma functions depend on x alone: evaluate each distinct count once.
    counts = np.bincount(x.astype(np.int64), weight)
    n = np.flatnonzero(counts).astype(np.float64)
    share = counts[n.astype(np.int64)]
    constant = gammaln(a + b) - gammaln(r) - gammaln(b) + r * np.log(alpha)
    value = total * constant + share @ (gammaln(r + n) + gammaln(b + n) - gammaln(a + b + n))
    d_r = share @ psi(r + n) + total * (np.log(alpha) - psi(r))
    d_a = total * psi(a + b) - share @ psi(a + b + n)
    d_b = d_a + share @ psi(b + n) - total * psi(b)

    log_age, log_last = np.log(alpha + histories.age / unit), np.log(alpha + histories.recency / unit)
    stayed = -(r + x) * log_age
    later = b + np.maximum(x, 1) - 1
    left = np.where(x > 0, np.log(a / later) - (r + x) * log_last, -np.inf)
    value += weight @ np.logaddexp(stayed, left)
    gone = weight * expit(left - stayed)  # weight times P(left)
    here = weight - gone
    d_r -= here @ log_age + gone @ log_last
    d_alpha = total * r / alpha - (r + x) @ (here * np.exp(-log_age) + gone * np.exp(-log_last))
    d_a += gone.sum() / a
    d_b -= (gone[x > 0] / later[x > 0]).sum()
    return float(value), np.array([d_r * r, d_alpha * alpha, d_a * a, d_b * b])


def forecast_purchases(
    fit: BgNbdFit, histories: PurchaseHistories, horizon: float, *, level: float = 0.95
) -> Estimate:
    """Purchases of these customers in the next ``horizon``, given what each did so far.

    The interval holds the uncertainty of the parameters, not that of single purchases nor of the
    model; ``evaluate_holdout`` measures those. ``denominator`` counts the customers.
    """

    def total(model: BgNbd) -> float:
        each = model.expected_purchases(horizon, histories.frequency, histories.recency, histories.age)
        return float(histories.customers @ each)

    return _delta(fit, total, level, "purchases", histories.total_customers)


def forecast_cohort(
    fit: BgNbdFit, histories: PurchaseHistories, horizon: float, *, level: float = 0.95
) -> Estimate:
    """Purchases of the cohort in the next ``horizon`` from ages alone: Σ E[X(T + t)] − E[X(T)].

    Ignores what each customer did, so it also holds for cohorts known only by their start dates.
    """
    ages, row = np.unique(histories.age, return_inverse=True)
    customers = np.bincount(row, histories.customers)

    def total(model: BgNbd) -> float:
        more = model.expected_purchases_of_new(ages + horizon) - model.expected_purchases_of_new(ages)
        return float(customers @ more)

    return _delta(fit, total, level, "purchases", histories.total_customers)


def alive_share(fit: BgNbdFit, histories: PurchaseHistories, *, level: float = 0.95) -> MaybeEstimate:
    """Expected share of repeat buyers who are still customers: Σ P(alive) of n.

    One-time buyers are left out, because the model calls all of them alive.
    """
    again = histories.frequency > 0
    buyers = float(histories.customers[again].sum())
    if buyers == 0:
        return Unavailable("Nobody has bought again, so nobody could be seen to leave.")

    def share(model: BgNbd) -> float:
        alive = model.probability_alive(
            histories.frequency[again], histories.recency[again], histories.age[again]
        )
        return float(histories.customers[again] @ alive) / buyers

    estimate = _delta(fit, share, level, "share", buyers)
    return Estimate(
        estimate.value,
        max(estimate.low or 0.0, 0.0),
        min(estimate.high or 1.0, 1.0),
        level,
        estimate.standard_error,
        estimate.value * buyers,
        buyers,
        "share",
        estimate.method,
    )


def _delta(
    fit: BgNbdFit, statistic: Callable[[BgNbd], float], level: float, unit: str, customers: float
) -> Estimate:
    value, error = statistic(fit.model), fit.standard_error_of(statistic)
    half_width = float(norm.ppf(0.5 + level / 2)) * error
    return Estimate(
        value, value - half_width, value + half_width, level, error, value, customers, unit, "bg/nbd, delta"
    )


class Forecaster(Protocol):
    """Any model that forecasts purchases."""

    def expected_purchases(
        self, horizon: ArrayLike, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike
    ) -> FloatArray:
        """E[Y(t) | x, t_x, T]."""


@dataclass(frozen=True, slots=True, eq=False)
class HoldoutError:
    """How far the forecast was off in a period the fit did not see; purchases per customer and in all.

    ``by_frequency`` (frequencies, 4): repeat purchases seen, customers, mean forecast, mean actual; its
    last row holds everyone at or above that frequency.
    """

    forecast: float
    actual: float
    mean_absolute_error: float
    by_frequency: FloatArray

    @property
    def relative_error(self) -> float:
        """(forecast − actual) / actual; NaN when nobody bought."""
        return (self.forecast - self.actual) / self.actual if self.actual else float("nan")


def evaluate_holdout(
    model: Forecaster,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    actual: ArrayLike,
    horizon: float,
    *,
    highest_frequency: int = 7,
) -> HoldoutError:
    """Compare the forecast with ``actual`` (customers,) purchases in the ``horizon`` after the fit's end."""
    expected = model.expected_purchases(horizon, frequency, recency, age)
    seen = np.asarray(actual, dtype=np.float64)
    if seen.shape != expected.shape or seen.size == 0:
        raise ValueError("Actual purchases need one entry per customer.")
    group = np.minimum(np.asarray(frequency, dtype=np.int64), highest_frequency)
    customers = np.bincount(group)
    present = np.flatnonzero(customers)
    size = customers[present]
    table = np.stack(
        [
            present,
            size,
            np.bincount(group, expected)[present] / size,
            np.bincount(group, seen)[present] / size,
        ],
        axis=1,
    )
    return HoldoutError(
        float(expected.sum()), float(seen.sum()), float(np.abs(expected - seen).mean()), table
    )


def _values(model: BgNbd) -> FloatArray:
    return np.array([model.r, model.alpha, model.a, model.b])


def _model(log_parameters: FloatArray) -> BgNbd:
    return BgNbd(*(float(value) for value in np.exp(log_parameters)))
