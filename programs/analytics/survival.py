"""How customers leave: after purchases, or by the calendar, whichever their histories are likelier under."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.lifetime import PurchaseHistories
from programs.analytics.mbg_nbd import MbgNbd, fit_mbg_nbd
from programs.analytics.pareto_nbd import ParetoNbd, fit_pareto_nbd

FloatArray = NDArray[np.float64]

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
    def probability_alive(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> FloatArray:
        """P(alive | x, t_x, T)."""

    def expected_purchases_while_alive(
        self, horizon: ArrayLike, frequency: ArrayLike, age: ArrayLike
    ) -> FloatArray:
        """E[Y(t) | alive at T, x, T]."""

    def expected_purchases(
        self, horizon: ArrayLike, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike
    ) -> FloatArray:
        """E[Y(t) | x, t_x, T]."""

    def expected_purchases_of_new(self, horizon: ArrayLike) -> FloatArray:
        """E[X(t)], repeat purchases of a random customer."""


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


def fit_survival(histories: PurchaseHistories) -> SurvivalFit | Unavailable:
    """The likelier of MBG/NBD and Pareto/NBD, which have four parameters each; Unavailable where too few
    have bought again. Of very many customers an even part is enough to choose, and to fit Pareto/NBD."""
    some = _thinned(histories)
    by_purchase, by_calendar = fit_mbg_nbd(some), fit_pareto_nbd(some)
    if (
        isinstance(by_purchase, Unavailable)
        or isinstance(by_calendar, Unavailable)
        or by_calendar.log_likelihood <= by_purchase.log_likelihood
    ):
        return by_purchase if some is histories else fit_mbg_nbd(histories)
    of_all = some.total_customers / histories.total_customers
    return replace(by_calendar, covariance=by_calendar.covariance * of_all)


def alive_share(fit: SurvivalFit, histories: PurchaseHistories, *, level: float = 0.95) -> MaybeEstimate:
    """Expected share of repeat buyers who are still customers: Σ P(alive) of n.

    The interval is that of the parameters' uncertainty. One-time buyers are left out: whether they were
    customers at all is another question than whether customers stay.
    """
    again = histories.frequency > 0
    weight = histories.customers[again]
    buyers = float(weight.sum())
    if buyers == 0:
        return Unavailable("Nobody has bought again, so nobody could be seen to leave.")

    def share(model: Survival) -> float:
        alive = model.probability_alive(
            histories.frequency[again], histories.recency[again], histories.age[again]
        )
        return float(weight @ alive) / buyers

    value, error = share(fit.model), fit.standard_error_of(share)
    half = float(norm.ppf(0.5 + level / 2)) * error
    return Estimate(
        value, max(value - half, 0.0), min(value + half, 1.0), level, error, value * buyers, buyers, "share",
        f"{fit.model.name}, delta",
    )  # fmt: skip


def parameters_of(model: MbgNbd | ParetoNbd) -> dict[str, float]:
    """By name, of which ``model_named`` makes the model again."""
    return asdict(model)


def model_named(name: str, parameters: Mapping[str, Any]) -> Survival:
    """The model that readers know by ``name``. Raises KeyError for any other name."""
    kinds: dict[str, type[MbgNbd] | type[ParetoNbd]] = {"MBG/NBD": MbgNbd, "Pareto/NBD": ParetoNbd}
    return kinds[name](**parameters)


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
