"""Step 2, health diagnostics: tier mix, churn risk, point liability and reward breakage."""

from __future__ import annotations

from typing import Any

from plans.commands.monitor_loyalty.facts import is_full, window_of
from plans.commands.monitor_loyalty.kpis import LIABILITY_SPIKE, alerts_of, as_defined, kpi, metric_of
from plans.commands.monitor_loyalty.steps.churn import (
    HOLDOUT_DAYS,
    Buyers,
    churn_risk,
    fit_buyers,
    holdout,
    read_buyers,
)
from plans.commands.monitor_loyalty.steps.points import (
    Liability,
    Redemptions,
    liability_of,
    read_balances,
    redemption_to_date,
    redemptions_of,
    vintage_table,
)
from plans.commands.monitor_loyalty.steps.points_by_tier import points_by_tier, tier_table
from plans.commands.monitor_loyalty.steps.tiers import tier_outputs
from plans.commands.shared.figures import figure, money, percent, value_of, with_ends
from plans.commands.shared.point_cost import point_cost
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Chart, Column, Figure, Metrics, Series, Signal, StepResult, Table
from programs.analytics import lifetime, survival
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable


def diagnose(context: StepContext) -> StepResult:
    currency, windows = context.program["currency"], window_of(context)
    context.progress(10, "Tiers")
    tiers = tier_outputs(context)
    context.progress(30, "Churn")
    buyers = read_buyers(context)
    fit: survival.SurvivalFit | Unavailable
    churn: MaybeEstimate
    error: lifetime.HoldoutError | Unavailable
    if isinstance(buyers, Unavailable):
        fit = churn = error = buyers
    elif isinstance(fit := fit_buyers(buyers), Unavailable):
        churn = error = fit
    else:
        churn, error = churn_risk(fit, buyers), holdout(context, buyers)
    missed: MaybeEstimate = error if isinstance(error, Unavailable) else Estimate(
        error.relative_error, numerator=error.forecast, denominator=error.actual
    )  # fmt: skip
    context.progress(60, "Points")
    balances = read_balances(context)
    at_one_rate = redemptions_of(context, balances)
    of_tiers = points_by_tier(context, balances, at_one_rate)
    points = at_one_rate if isinstance(of_tiers, Unavailable) else of_tiers.counted
    liability = liability_of(context, balances, points.rate)
    values = {
        name: as_defined(name, metric_of(context, name), value)
        for name, value in {
            "churn_risk": churn,
            "liability": liability.owed,
            "breakage": points.breakage,
            "redemption_to_date": redemption_to_date(balances),
        }.items()
    }
    alerts = alerts_of(context, values)
    signals, measured = list(alerts.signals), dict(alerts.measured)
    if not isinstance(liability.chart, Unavailable):
        measured[LIABILITY_SPIKE] = f"{liability.series[-1]:.6g}"
        if liability.spikes:
            told = f"Liability rose out of bounds: {'; '.join(liability.spikes)}"
            signals.append(Signal(LIABILITY_SPIKE, told, windows.period, window=windows.name))
    cost = point_cost(context.data, context.program)
    items = [
        *(kpi(context, name, value) for name, value in values.items()),
        figure("liability_before", "Point liability at the start of the window", liability.at_start, unit=currency,
               definition="At today's redemption rate of outstanding points"),
        figure("liability_trend", "Liability, change a week", liability.slope, unit=currency, definition="Theil–Sen, 13 weeks"),
        figure("redemption_of_outstanding", "Redemption rate of outstanding points", points.rate, unit="%", scale=100,
               definition="Points still to be redeemed / points outstanding, additive method on months of issue. "
               f"{points.whose_rate}. {points.order}".rstrip()),
        figure("holdout_error", f"Error of the churn model's forecast of the last {HOLDOUT_DAYS} days", missed, unit="%", scale=100,
               definition="(forecast − actual) / actual purchases, fitted on the data before"),
        Figure("cost_per_point", "Cost per redeemed point", cost.mean, currency, definition=cost.source),
    ]  # fmt: skip
    caveat = "" if isinstance(of_tiers, Unavailable) else of_tiers.caveat(currency)
    owed = None if isinstance(of_tiers, Unavailable) else of_tiers.owed
    one_rate = value_of(liability.owed if isinstance(of_tiers, Unavailable) else of_tiers.at_one_rate)
    note = "" if not isinstance(liability.chart, Unavailable) else liability.chart.reason
    outputs: list[Any] = [Metrics("health", "Program health", items, note), *tiers["outputs"]]
    if balances:
        outputs.append(_liability_chart(balances.weeks, liability, currency))
    if is_full(context):
        if not isinstance(points.vintages, Unavailable):
            outputs.append(vintage_table(points.vintages, points))
        if not isinstance(of_tiers, Unavailable):
            outputs.append(tier_table(of_tiers, currency))
        if not isinstance(error, Unavailable):
            outputs.append(_holdout_table(error, fit))
    return StepResult(
        values={
            **{name: value_of(value) for name, value in values.items()},
            "churn_model": model_values(fit, buyers),
            "bg_nbd": published_model(buyers),
            "holdout_error": value_of(missed),
            "liability_limit": value_of(liability.limit),
            "liability_before": value_of(liability.at_start),
            "liability_per_week": value_of(liability.slope),
            "redemption_of_outstanding": value_of(points.rate),
            "breakage_low": points.breakage.low if isinstance(points.breakage, Estimate) else None,
            "breakage_high": points.breakage.high if isinstance(points.breakage, Estimate) else None,
            "order_of_points": points.order,
            "liability_by_order": _by_order(points, liability),
            "points_caveat": ". ".join(filter(None, (points.caveat, caveat))),
            "liability_low": with_ends(values["liability"])[1],
            "liability_high": with_ends(values["liability"])[2],
            "liability_counts_by_tier": points.by_tier,
            "liability_at_one_rate": one_rate,
            "liability_by_tier": owed.value if owed else None,
            "liability_by_tier_low": owed.low if owed else None,
            "liability_by_tier_high": owed.high if owed else None,
            "tier_drift": tiers["drift"],
            "tier_moves": tiers["moves"],
            "spikes": list(liability.spikes),
            "unavailable": {
                name: value.reason
                for name, value in {**values, "liability_limit": liability.limit}.items()
                if isinstance(value, Unavailable)
            },
            "alerts": alerts.rows(),
            "headline": [
                {"label": "Churn risk of repeat buyers", "value": percent(value_of(churn))},
                {"label": "Point liability", "value": money(value_of(values["liability"]), currency)},
            ],
        },
        outputs=outputs,
        signals=signals,
        measured=measured,
        limits=alerts.limits,
        period=windows.period,
        window=windows.name,
    )  # fmt: skip


def _by_order(points: Redemptions, liability: Liability) -> list[float] | None:
    """Money owed first in first out and newest first; None where the liability is one of them."""
    if (
        points.by_order is None
        or isinstance(liability.owed, Unavailable)
        or not isinstance(points.rate, Estimate)
    ):
        return None
    if points.rate.value <= 0:
        return None
    return [liability.owed.value * rate / points.rate.value for rate in points.by_order]


def model_values(
    fit: survival.SurvivalFit | Unavailable, buyers: Buyers | Unavailable
) -> dict[str, Any] | None:
    """The fitted churn model, so that later tasks need not fit it again."""
    if isinstance(fit, Unavailable) or isinstance(buyers, Unavailable):
        return None
    return {"name": fit.model.name, "parameters": survival.parameters_of(fit.model), "log_likelihood": fit.log_likelihood,
            "customers": buyers.histories.total_customers, "unit": "weeks"}  # fmt: skip


def published_model(buyers: Buyers | Unavailable) -> dict[str, Any] | None:
    """BG/NBD of the same purchases, whose parameters are the published ones on the data of its paper; nothing is
    counted with it. None where its parameters cannot be told apart."""
    fit = buyers if isinstance(buyers, Unavailable) else lifetime.fit_bg_nbd(buyers.histories)
    if isinstance(fit, Unavailable):
        return None
    model = fit.model
    return {"r": model.r, "alpha": model.alpha, "a": model.a, "b": model.b, "log_likelihood": fit.log_likelihood,
            "customers": fit.customers, "unit": "weeks"}  # fmt: skip


def _liability_chart(weeks: Any, liability: Any, currency: str) -> Chart:
    limits: list[float | None] = [None] * len(weeks)
    if not isinstance(liability.chart, Unavailable):
        for point in liability.chart:
            limits[point.period] = liability.series[point.period - 1] * (1 + point.upper_limit)
    return Chart(
        "liability_chart", "Point liability by week", "line", [str(week) for week in weeks],
        [Series("Liability", list(liability.series)), Series("Spike above", limits)], "week", "liability", currency,
        "At today's redemption rate of outstanding points, so only the balance moves; without a rate, at face cost.",
    )  # fmt: skip


def _holdout_table(error: lifetime.HoldoutError, fit: survival.SurvivalFit | Unavailable) -> Table:
    highest = int(error.by_frequency[-1, 0])
    rows = [
        [f"{int(x)}{' or more' if int(x) == highest else ''}", int(count), float(expected), float(actual)]
        for x, count, expected, actual in error.by_frequency
    ]
    model = (
        "" if isinstance(fit, Unavailable) else f" Who stays and how often they buy today: {fit.model.name}."
    )
    return Table(
        "holdout", f"Forecast of the last {HOLDOUT_DAYS} days against what was bought",
        [Column("frequency", "Repeat purchases before"), Column("members", "Members", "integer"),
         Column("forecast", "Forecast, mean", "number", "purchases"), Column("actual", "Bought, mean", "number", "purchases")],
        rows,
        f"In all {error.forecast:,.0f} forecast and {error.actual:,.0f} bought; fitted on the purchases before.{model}",
    )  # fmt: skip
