"""The revenue base of a run: what its customers will spend in the coming months if nothing changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gtm.core.percents import percent_text
from plans.commands.shared.columns import columns
from plans.commands.shared.figures import money
from plans.engine.running.steps import PermanentError
from plans.schemas.outputs import Chart, Column, Series, Table
from programs.analytics import revenue_base, tiers
from programs.analytics.estimate import Unavailable
from programs.analytics.hold_out import BackTest, hold_out_days
from programs.analytics.revenue_base import RevenueBase
from programs.analytics.run_off import RECENT_DAYS, Customers
from programs.datasets import OpenData

SHORTEST_HOLDOUT = 28
YOUNGEST_DAYS = 91


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """Customers in the order of ``ids``."""

    ids: pa.ChunkedArray
    customers: Customers


def _known_at(data: OpenData, as_of: datetime) -> _Known | None:
    table = data.engine.member_rfm(data.snapshot("purchases"), as_of=as_of)
    if not len(table):
        return None
    rfm = columns(table)
    # The last observed day is the one before the end.
    return _Known(
        table["member_id"],
        Customers.of(rfm["frequency"], rfm["recency_days"], rfm["tenure_days"] - 1, rfm["monetary"]),
    )


def project_base(data: OpenData, *, months: int) -> RevenueBase:
    """The base at the end of the purchases, for ``months`` and a year at least."""
    as_of = data.as_of("purchases")
    now = _known_at(data, as_of)
    if now is None:
        raise PermanentError("There are no purchases to project.", hint="Load purchases.")
    history = float(now.customers.age.max()) + 1

    def spent(days: int) -> float:
        rows = data.engine.trailing_spend(data.snapshot("purchases"), as_of=as_of, days=days)
        return float(columns(rows)["spend"].sum())

    recent = int(min(RECENT_DAYS, history))
    return revenue_base.project_revenue(
        now.customers,
        last_twelve_months=spent(365) if history >= 365 else None,
        recent_revenue=spent(recent),
        recent_days=recent,
        months=months,
        tested=_back_test(data, now, as_of, history),
        spend_by_age=_spend_by_age(data, as_of, int(history)),
    )


def _spend_by_age(data: OpenData, as_of: datetime, days: int) -> np.ndarray:
    """What all customers spent on the nth day since their first order, (days,) money."""
    aged = columns(data.engine.spend_by_age(data.snapshot("purchases"), as_of=as_of, days=days))
    by_age = np.zeros(days)
    by_age[aged["age"].astype(int)] = aged["spend"]
    return by_age


def _back_test(data: OpenData, now: _Known, as_of: datetime, history: float) -> BackTest | Unavailable:
    days = hold_out_days(history)
    if days < SHORTEST_HOLDOUT:
        return Unavailable(f"The purchases reach back {history:.0f} days, too few to hold some out.")
    before = _known_at(data, as_of - timedelta(days=days))
    if before is None:
        return Unavailable("There are no purchases before the hold-out period.")
    place = pc.index_in(before.ids, value_set=now.ids).to_numpy()
    spent = now.customers.spend[place] - before.customers.spend
    by_newcomers = float(now.customers.spend.sum() - now.customers.spend[place].sum())
    return revenue_base.back_test(before.customers, spent, by_newcomers, days)


def projected_spend(data: OpenData) -> tuple[np.ndarray, str]:
    """Twelve-month qualifying spend a member, (members,) money, and a sentence on how it was projected."""
    as_of, purchases = data.as_of("purchases"), data.snapshot("purchases")
    rows = columns(data.engine.first_year_spend(purchases, as_of=as_of))
    observed, spend = rows["observed_days"], rows["spend"]
    if (observed >= tiers.DAYS_A_YEAR).all():
        return spend, f"All {spend.size:,} members were seen for their first 365 days; nothing is projected."
    by_age = _spend_by_age(data, as_of, tiers.DAYS_A_YEAR)
    old_enough = observed >= YOUNGEST_DAYS
    if not old_enough.any():
        raise PermanentError(
            "No member was seen for three months, so twelve-month spend cannot be projected.",
            hint="Load purchases that reach back further.",
        )
    curve = tiers.spend_curve(by_age, observed)
    if curve[0] <= 0:
        raise PermanentError(
            "First purchases are worth nothing, so twelve-month spend cannot be projected.",
            hint="Check the amounts of the purchases.",
        )
    kept = tiers.project_annual_spend(spend[old_enough], observed[old_enough], curve)
    longest = int(observed.max())
    how = (
        "by what members spend at each age since their first purchase"
        if longest >= tiers.DAYS_A_YEAR
        else f"by age since the first purchase up to day {longest}, and at the later pace beyond, an assumption: "
        "the data reach back less than twelve months"
    )
    return kept, (
        f"Spend of unfinished years is projected {how}. {int((~old_enough).sum()):,} members under three months "
        "are left out."
    )


def spend_values(spend: np.ndarray) -> dict[str, float]:
    median, p80, p90, p95 = (float(value) for value in np.quantile(spend, [0.5, 0.8, 0.9, 0.95]))
    return {"mean": float(spend.mean()), "median": median, "p80": p80, "p90": p90, "p95": p95}


def base_values(base: RevenueBase, currency: str) -> dict[str, Any]:
    """As later tasks and readers find it."""
    trend = [base.trend.sentence(lambda amount: money(amount, currency))] if base.trend else []
    year = base.next_twelve_months
    tested = None if isinstance(base.back_test, Unavailable) else base.back_test
    return {
        "next_twelve_months": year.value,
        "low": year.low,
        "high": year.high,
        "standard_error": year.standard_error,
        "later_error": base.later_error,
        "existing_members": base.existing,
        "newcomers": base.newcomers,
        "newcomers_a_day": base.newcomers_a_day,
        "last_twelve_months": base.last_twelve_months,
        "run_rate": base.run_rate,
        "by_month": [float(amount) for amount in base.by_month],
        "method": base.method,
        "warnings": [*base.warnings, *trend],
        "newcomers_over_horizon": base.trend and {
            "months": base.trend.months, "fading": base.trend.fading, "stops": base.trend.stops,
            "goes_on": base.trend.goes_on,
        },
        "back_test": {
            "days": tested.days,
            "forecast": tested.forecast,
            "actual": tested.actual,
            "relative_error": tested.relative_error,
            "existing": tested.existing,
            "existing_actual": tested.existing_actual,
            "newcomers": tested.newcomers,
            "newcomers_actual": tested.newcomers_actual,
            "deciles": [
                {"decile": d.decile, "customers": d.customers, "forecast": d.forecast, "actual": d.actual}
                for d in tested.deciles
            ],
        }
        if tested
        else None,
    }  # fmt: skip


def _as_tested(tested: dict[str, Any], currency: str) -> str:
    said = f"Made {tested['days']} days before the end, the same forecast was off by {percent_text(tested['relative_error'], signed=True)}"
    if "existing" not in tested:  # a design of before the parts were kept
        return said
    parts = [
        f"{who} {money(tested[name], currency)} against {money(tested[f'{name}_actual'], currency)} spent"
        for who, name in (("existing customers", "existing"), ("newcomers", "newcomers"))
    ]
    return f"{said}: {', '.join(parts)}"


def later_years_said(base: dict[str, Any], months: int) -> str:
    """What a figure over ``months`` holds of the months after the first twelve."""
    if months <= 12:
        return ""
    if "later_error" not in base:  # a design of before it was worked out
        return "; months after the first twelve count with the error of those"
    error = f"; months after the first twelve have an error of {percent_text(base['later_error'], 0)} of their own beside that of the first"
    trend = base["newcomers_over_horizon"]
    if trend:
        word = "fall" if trend["stops"] > trend["fading"] else "rise"
        error += f", which holds a {word} of newcomers that stops today and one that goes on as before"
    return error


def base_outputs(base: dict[str, Any], currency: str) -> list[Table | Chart]:
    """The base beside what was, by month, and how good such a forecast has been."""
    tested = base["back_test"]
    error = f" {_as_tested(tested, currency)}." if tested else " No hold-out period tests it."
    rows: list[list[Any]] = [
        ["Next twelve months if nothing changes", base["next_twelve_months"], base["low"], base["high"]],
        ["of it, existing customers", base["existing_members"], None, None],
        ["of it, newcomers", base["newcomers"], None, None],
        ["Last twelve months", base["last_twelve_months"], None, None],
        ["Last quarter × 4", base["run_rate"], None, None],
    ]
    found: list[Table | Chart] = [
        Table(
            "revenue_base",
            "Revenue base, net of refunds",
            [Column("what", "What"), Column("amount", "Amount", "money", currency),
             Column("low", "from", "money", currency), Column("high", "to", "money", currency)],
            rows,
            f"{base['method']}. Interval 95 %, of the forecast.{error}",
        ),
        Chart(
            "revenue_by_month", "Revenue base by month", "line", [f"month {n + 1}" for n in range(len(base["by_month"]))],
            [Series("Revenue base", base["by_month"])], "month from now", "revenue", currency,
            f"Last twelve months: {money(base['last_twelve_months'], currency)} in all. Expected"
            f"{later_years_said(base, len(base['by_month']))}. What existing customers buy has no season here: read the "
            "year, not a month.",
        ),
    ]  # fmt: skip
    if tested:
        found.append(
            Table(
                "base_back_test",
                "How good the revenue forecast was",
                [Column("decile", "Tenth of the customers", "integer", "", "By their forecast, the lowest first"),
                 Column("customers", "Customers", "integer"), Column("forecast", "Forecast", "money", currency),
                 Column("actual", "Spent", "money", currency)],
                [[d["decile"], d["customers"], d["forecast"], d["actual"]] for d in tested["deciles"]],
                f"Made {tested['days']} days before the end of the data, for those days. In all, newcomers included: "
                f"{money(tested['forecast'], currency)} against {money(tested['actual'], currency)}.",
            )
        )  # fmt: skip
    return found
