"""Who has probably left, by the survival model that plan-loyalty counts with, here in seasonal time, and how
good such a forecast would have been. Time in weeks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plans.commands.monitor_loyalty.facts import window_of
from plans.commands.shared.columns import columns
from plans.engine.running.steps import StepContext
from programs.analytics import lifetime, survival
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable

HOLDOUT_DAYS = 90


@dataclass(frozen=True, slots=True, eq=False)
class Buyers:
    """Purchase histories of everybody who bought, in the order of ``ids``: one entry a member.

    ``recency`` and ``age`` are weeks; the last observed day is the one before the end.
    """

    ids: pa.ChunkedArray
    frequency: np.ndarray
    recency: np.ndarray
    age: np.ndarray
    orders: np.ndarray
    monetary: np.ndarray
    histories: lifetime.PurchaseHistories
    bought_again: np.ndarray
    """Repeat purchases of everybody by days before the end, the last day first."""


def read_buyers(context: StepContext, *, days_ago: int = 0) -> Buyers | Unavailable:
    """Purchases up to ``days_ago`` days before the end of the window."""
    end = window_of(context).current.end - timedelta(days=days_ago)
    table = context.data.engine.member_rfm(context.data.snapshot("purchases"), as_of=end)
    if not len(table):
        return Unavailable("There are no purchases before the hold-out period.")
    rfm = columns(table)
    recency, age = rfm["recency_days"] / 7, (rfm["tenure_days"] - 1) / 7
    histories = lifetime.PurchaseHistories.aggregate(rfm["frequency"], recency, age)
    return Buyers(
        table["member_id"], rfm["frequency"], recency, age, rfm["orders"], rfm["monetary"], histories,
        _bought_again(context, end),
    )  # fmt: skip


def _bought_again(context: StepContext, end: datetime) -> np.ndarray:
    """Members who bought on each day, without those whose first purchase it was."""
    by_day = context.data.engine.revenue_by_period(context.data.snapshot("purchases"), period="day")
    days = by_day["period"].to_pylist()
    ago = np.array([(end.date() - day).days - 1 for day in days], dtype=np.int64)
    again = columns(by_day)["members"] - columns(by_day)["new_members"]
    return np.bincount(ago[ago >= 0], again[ago >= 0])


def fit_buyers(buyers: Buyers) -> survival.SurvivalFit | Unavailable:
    """Who stays and how often they buy, in the time of the season where one came back."""
    return survival.fit_survival(buyers.histories, buyers.bought_again, days=7.0)


def churn_risk(fit: survival.SurvivalFit, buyers: Buyers) -> MaybeEstimate:
    """1 − mean P(alive) of repeat buyers."""
    alive = survival.alive_share(fit, buyers.histories)
    if isinstance(alive, Unavailable):
        return alive
    low, high = (None if end is None else 1 - end for end in (alive.high, alive.low))
    count = alive.denominator or 0.0
    return Estimate(1 - alive.value, low, high, alive.level, alive.standard_error, count * (1 - alive.value), count,
                    "share", alive.method)  # fmt: skip


def holdout(context: StepContext, buyers: Buyers) -> lifetime.HoldoutError | Unavailable:
    """The forecast of the last ``HOLDOUT_DAYS`` days from the purchases before them, against what was bought."""
    past = read_buyers(context, days_ago=HOLDOUT_DAYS)
    if isinstance(past, Unavailable):
        return past
    fit = fit_buyers(past)
    if isinstance(fit, Unavailable):
        return fit
    now = buyers.frequency[pc.index_in(past.ids, value_set=buyers.ids).to_numpy()]
    error = lifetime.evaluate_holdout(
        fit.model, past.frequency, past.recency, past.age, now - past.frequency, HOLDOUT_DAYS / 7
    )
    return error if error.actual else Unavailable("Nobody bought again in the hold-out period.")
