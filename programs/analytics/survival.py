"""How customers leave: after purchases, or by the calendar, whichever their histories are likelier under."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from scipy.stats import norm

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.lifetime import PurchaseHistories
from programs.analytics.mbg_nbd import MbgNbd, fit_mbg_nbd
from programs.analytics.pareto_nbd import ParetoNbd, fit_pareto_nbd
from programs.analytics.seasonal_time import PARTS, Clock, came_back, edges_of, years_of

FloatArray = NDArray[np.float64]

_TIMES = 2
"""What is expected is fitted, the season read off beside it, and so on: no more moves after these."""
MOST_CUSTOMERS = 50_000
"""Whom a fit of Pareto/NBD reads: with more, no forecast moves by what people read."""


class Survival(Protocol):
    """A model of who has not left and how often they buy: rates are Gamma(r, α); ``name`` is for readers."""

    @property
    def name(self) -> str: ...
    @property
    def by_calendar(self) -> bool: ...
    @property
    def r(self) -> float: ...
    @property
    def alpha(self) -> float: ...
    @property
    def clock(self) -> Clock | None: ...
    def probability_alive(
        self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, ago: ArrayLike = 0.0
    ) -> FloatArray:
        """P(alive | x, t_x, T); T ended ``ago`` before the data did."""

    def expected_purchases_while_alive(
        self, horizon: ArrayLike, frequency: ArrayLike, age: ArrayLike
    ) -> FloatArray:
        """E[Y(t) | alive at T, x, T]."""

    def expected_purchases(
        self, horizon: ArrayLike, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike
    ) -> FloatArray:
        """E[Y(t) | x, t_x, T]."""

    def expected_purchases_of_new(self, horizon: ArrayLike) -> FloatArray:
        """E[X(t)], repeat purchases of a random customer, over all seasons."""


class SurvivalFit(Protocol):
    """A model by maximum likelihood."""

    @property
    def model(self) -> MbgNbd | ParetoNbd: ...
    @property
    def log_likelihood(self) -> float: ...
    def standard_error_of(self, statistic: Callable[[Any], float]) -> float:
        """What the parameters' uncertainty leaves in ``statistic(model)``."""

    def neighbours(self) -> Sequence[tuple[Survival, Survival]]:
        """Models one standard error below and above along each axis of the parameters' uncertainty."""


def fit_survival(
    histories: PurchaseHistories, bought_again: FloatArray | None = None, *, days: float = 1.0
) -> SurvivalFit | Unavailable:
    """The likelier of MBG/NBD and Pareto/NBD, which have four parameters each; Unavailable where too few
    have bought again. Of very many customers an even part is enough to choose, and to fit Pareto/NBD.

    ``bought_again``: repeat purchases of all customers by days before the end, today first. Where they show a
    season that came back, customers buy in the time of it. The unit of time of ``histories`` has so many
    ``days``.
    """
    fit = fit_at(histories)
    if bought_again is None or isinstance(fit, Unavailable):
        return fit
    for _ in range(_TIMES):
        clock = season_of_orders(fit.model, histories, bought_again, days)
        if clock is None:
            return fit if fit.model.clock is None else fit_at(histories)
        found = fit_at(histories, clock)
        if isinstance(found, Unavailable):
            return fit
        fit = found
    return fit


def season_of_orders(
    model: Survival, histories: PurchaseHistories, bought_again: FloatArray, days: float = 1.0
) -> Clock | None:
    """What came back in the repeat purchases of each part of the year beside those that ``model`` expects of
    the customers there were, if the year were even. See ``fit_survival`` for what is given."""
    years = years_of(float(histories.age.max()) * days)
    if years < 1:
        return None
    edges = edges_of(years)
    when = -edges / days
    first, row = np.unique(histories.age, return_inverse=True)
    joined = np.bincount(row, histories.customers)
    # Time since the first purchase at each edge; before it nobody buys.
    since = np.maximum(when[:, None] + first, 0.0)
    clock = model.clock
    if clock is None or model.by_calendar:
        expected = model.expected_purchases_of_new(since)
    else:
        expected = model.expected_purchases_of_new(clock.since(first, since))
    due = np.diff(expected @ joined)
    if clock is not None and not model.by_calendar:
        due = due / np.maximum(np.diff(clock.at(when)) / np.diff(when), 1e-9)
    seen = np.histogram(np.arange(bought_again.size) + 0.5, edges[::-1], weights=bought_again)[0][::-1]
    found = came_back(seen.reshape(years, PARTS), due.reshape(years, PARTS))
    return found and found.in_unit(days)


def fit_at(histories: PurchaseHistories, clock: Clock | None = None) -> SurvivalFit | Unavailable:
    """The likelier model in the time of ``clock``."""
    some = _thinned(histories)
    by_purchase, by_calendar = fit_mbg_nbd(some, clock), fit_pareto_nbd(some, clock)
    if (
        isinstance(by_purchase, Unavailable)
        or isinstance(by_calendar, Unavailable)
        or by_calendar.log_likelihood <= by_purchase.log_likelihood
    ):
        return by_purchase if some is histories else fit_mbg_nbd(histories, clock)
    of_all = some.total_customers / histories.total_customers
    return replace(by_calendar, covariance=by_calendar.covariance * of_all)


def alive_share(fit: SurvivalFit, histories: PurchaseHistories, *, level: float = 0.95) -> MaybeEstimate:
    """Expected share of repeat buyers who are still customers: Σ P(alive) of n.

    The interval holds the parameters' uncertainty, that of the season and of the choice between the models,
    and the chance in who has left. One-time buyers are left out: whether they were customers at all is
    another question than whether customers stay.
    """
    again = histories.frequency > 0
    weight = histories.customers[again]
    buyers = float(weight.sum())
    if buyers == 0:
        return Unavailable("Nobody has bought again, so nobody could be seen to leave.")

    def there(model: Survival) -> FloatArray:
        return model.probability_alive(
            histories.frequency[again], histories.recency[again], histories.age[again]
        )

    def share(model: Survival) -> float:
        return float(weight @ there(model)) / buyers

    each = there(fit.model)
    value = float(weight @ each) / buyers
    chance = float(np.sqrt(weight @ (each * (1 - each)))) / buyers
    beside = _of_season(fit.model, share) + _of_choice(fit, histories, share)
    error = float(np.sqrt(fit.standard_error_of(share) ** 2 + chance**2 + beside))
    half = float(norm.ppf(0.5 + level / 2)) * error
    return Estimate(
        value, max(value - half, 0.0), min(value + half, 1.0), level, error, value * buyers, buyers, "share",
        f"{fit.model.name}, delta",
    )  # fmt: skip


def _of_season(model: MbgNbd | ParetoNbd, share: Callable[[Survival], float]) -> float:
    """Variance that the season's uncertainty leaves in ``share``."""
    if model.clock is None:
        return 0.0
    pairs = [[share(replace(model, clock=clock)) for clock in pair] for pair in model.clock.neighbours()]
    return float(sum(((high - low) / 2) ** 2 for low, high in pairs))


def _of_choice(fit: SurvivalFit, histories: PurchaseHistories, share: Callable[[Survival], float]) -> float:
    """Mean squared distance that is left in ``share`` because the other model may be the right one, by how
    likely it is beside this one (both have four parameters, so the likelihoods weigh them)."""
    if histories.total_customers > MOST_CUSTOMERS:  # so many tell the models apart
        return 0.0
    clock = fit.model.clock
    other = fit_mbg_nbd(histories, clock) if fit.model.by_calendar else fit_pareto_nbd(histories, clock)
    if isinstance(other, Unavailable):
        return 0.0
    weight = float(expit(other.log_likelihood - fit.log_likelihood))
    return weight * (share(other.model) - share(fit.model)) ** 2


def parameters_of(model: MbgNbd | ParetoNbd) -> dict[str, Any]:
    """By name, of which ``model_named`` makes the model again."""
    found = {each.name: getattr(model, each.name) for each in fields(model)}
    return {**found, "clock": model.clock and asdict(model.clock)}


def model_named(name: str, parameters: Mapping[str, Any]) -> Survival:
    """The model that readers know by ``name``. Raises KeyError for any other name."""
    kinds: dict[str, type[MbgNbd] | type[ParetoNbd]] = {"MBG/NBD": MbgNbd, "Pareto/NBD": ParetoNbd}
    clock = parameters.get("clock")
    made = clock and Clock(**{**clock, "rates": tuple(clock["rates"]), "errors": tuple(clock["errors"])})
    return kinds[name](**{**parameters, "clock": made})


def _thinned(histories: PurchaseHistories) -> PurchaseHistories:
    """Every nth of the customers, whose histories are sorted."""
    step = histories.total_customers / MOST_CUSTOMERS
    if step <= 1:
        return histories
    upto = np.floor(np.cumsum(histories.customers) / step)
    taken = np.diff(upto, prepend=0.0)
    kept = taken > 0
    return PurchaseHistories.aggregate(
        histories.frequency[kept], histories.recency[kept], histories.age[kept], taken[kept]
    )
