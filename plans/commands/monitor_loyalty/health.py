"""Step 2, health diagnostics: tier mix, churn risk, point liability and reward breakage."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from plans.commands.monitor_loyalty.kpis import KPIS, LIABILITY_SPIKE
from plans.commands.monitor_loyalty.pull import alerts_of, member_table, window_of
from plans.commands.plan_loyalty.design import redemption_forecast
from plans.commands.plan_loyalty.figures import figure, money, percent, value_of
from plans.commands.plan_loyalty.signals import columns
from plans.engine.steps import StepContext
from plans.schemas.outputs import Chart, Column, Metric, Metrics, Series, Signal, StepResult, Table
from programs.analytics import lifetime
from programs.analytics.drift import mix_drift
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.liability import LiabilityPoint, liability_chart, liability_trend, point_liability
from programs.analytics.tier_health import ABSENT, count_moves, tier_migration, tier_mix

HOLDOUT_DAYS = 90
NO_LEDGER = "No point ledger is loaded; load one with load_dataset point_ledger."


def diagnose(context: StepContext) -> StepResult:
    currency, windows = context.program["currency"], window_of(context)
    context.progress(10, "Tiers")
    tiers = tier_outputs(context)
    context.progress(30, "Churn")
    churn, holdout = churn_of(context)
    context.progress(60, "Points")
    forecast = redemption_forecast(context.data, context.program["time_zone"])
    rate = forecast if isinstance(forecast, Unavailable) else forecast.rate_of_outstanding
    breakage = forecast if isinstance(forecast, Unavailable) else forecast.breakage_rate
    weeks, balance = balances(context)
    cost = float(context.program["point_unit_cost"])
    owed: MaybeEstimate = Unavailable(NO_LEDGER)
    chart: tuple[LiabilityPoint, ...] | Unavailable = Unavailable(NO_LEDGER)
    slope: MaybeEstimate = Unavailable(NO_LEDGER)
    series = np.array(balance) * cost * (rate.value if isinstance(rate, Estimate) else 1.0)
    if balance:
        owed = point_liability(balance[-1], cost, rate)
        chart, slope = liability_chart(series), liability_trend(series[-13:])
    values = {"churn_risk": churn, "liability": owed, "breakage": breakage}
    alerts = alerts_of(context, values)
    signals, measured = list(alerts.signals), list(alerts.measured)
    spikes: list[str] = []
    if not isinstance(chart, Unavailable):
        measured.append(LIABILITY_SPIKE)
        inside = [(weeks[p.period], p) for p in chart if weeks[p.period] >= str(windows.current.start)[:10]]
        spikes = [
            f"week of {week}: {p.change:+.1%}, limit {p.upper_limit:+.1%}" for week, p in inside if p.spike
        ]
        if spikes:
            signals.append(
                Signal(LIABILITY_SPIKE, f"Liability rose out of bounds: {'; '.join(spikes)}", windows.period)
            )
    items = [
        figure("churn_risk", KPIS["churn_risk"][0], churn, unit="%", scale=100, definition=KPIS["churn_risk"][1]),
        figure("holdout_error", f"Error of the forecast on the last {HOLDOUT_DAYS} days", holdout, unit="%", scale=100,
               definition="(forecast − actual) / actual purchases, fitted on the data before"),
        figure("liability", KPIS["liability"][0], owed, unit=currency, definition=KPIS["liability"][1]),
        figure("liability_trend", "Liability, change a week", slope, unit=currency, definition="Theil–Sen, 13 weeks"),
        figure("redemption_of_outstanding", "Redemption rate of outstanding points", rate, unit="%", scale=100),
        figure("breakage", KPIS["breakage"][0], breakage, unit="%", scale=100, definition=KPIS["breakage"][1]),
        Metric("cost_per_point", "Cost per redeemed point", cost, currency, definition="As set for the program"),
    ]  # fmt: skip
    note = "" if not isinstance(chart, Unavailable) else chart.reason
    outputs: list[Any] = [Metrics("health", "Program health", items, note), *tiers["outputs"]]
    if balance:
        outputs.append(Chart("liability_chart", "Point liability by week", "line", weeks,
                             [Series("Liability", [float(v) for v in series])], "week", "liability", currency,
                             "At today's redemption rate of outstanding points, so only the balance moves."))  # fmt: skip
    return StepResult(
        values={
            "churn_risk": value_of(churn),
            "holdout_error": value_of(holdout),
            "liability": value_of(owed),
            "liability_per_week": value_of(slope),
            "breakage": value_of(breakage),
            "redemption_of_outstanding": value_of(rate),
            "tier_drift": tiers["drift"],
            "spikes": spikes,
            "unavailable": {n: v.reason for n, v in values.items() if isinstance(v, Unavailable)},
            "alerts": alerts.rows(),
            "headline": [
                {"label": "Churn risk of repeat buyers", "value": percent(value_of(churn))},
                {"label": "Point liability", "value": money(value_of(owed), currency)},
            ],
        },
        outputs=outputs,
        signals=signals,
        measured=measured,
        evidence={"Playwright": "Charts are drawn from the stored tables; no embedded dashboard was opened."},
    )  # fmt: skip


def fit_churn(context: StepContext, *, days_ago: int = 0) -> tuple[Any, dict[str, np.ndarray], list[str]]:
    """BG/NBD in weeks on the purchases up to ``days_ago`` before the end; the members' columns and ids."""
    end = window_of(context).current.end - timedelta(days=days_ago)
    table = context.data.engine.member_rfm(
        context.data.snapshot("purchases"), as_of=end, time_zone=context.program["time_zone"]
    )
    if not len(table):
        return Unavailable("There are no purchases before the hold-out period."), {}, []
    rfm = columns(table)
    histories = lifetime.PurchaseHistories.aggregate(
        rfm["frequency"], rfm["recency_days"] / 7, rfm["tenure_days"] / 7
    )
    return (
        lifetime.fit_bg_nbd(histories),
        rfm | {"histories": histories},
        table.column("member_id").to_pylist(),
    )


def churn_of(context: StepContext) -> tuple[MaybeEstimate, MaybeEstimate]:
    """Churn risk of repeat buyers, and the forecast's relative error on a hold-out period."""
    fit, rfm, ids = fit_churn(context)
    if isinstance(fit, Unavailable):
        return fit, fit
    alive = lifetime.alive_share(fit, rfm["histories"])
    churn: MaybeEstimate = alive
    if isinstance(alive, Estimate):
        ends = [None if end is None else 1 - end for end in (alive.high, alive.low)]
        buyers = alive.denominator or 0.0
        churn = Estimate(1 - alive.value, *ends, alive.level, alive.standard_error, buyers * (1 - alive.value), buyers,
                         "share", alive.method)  # fmt: skip
    earlier, past, names = fit_churn(context, days_ago=HOLDOUT_DAYS)
    if isinstance(earlier, Unavailable):
        return churn, earlier
    later = dict(zip(ids, rfm["frequency"], strict=True))
    actual = np.array([later[name] for name in names]) - past["frequency"]
    error = lifetime.evaluate_holdout(
        earlier.model,
        past["frequency"],
        past["recency_days"] / 7,
        past["tenure_days"] / 7,
        actual,
        HOLDOUT_DAYS / 7,
    )
    if not error.actual:
        return churn, Unavailable("Nobody bought in the hold-out period.")
    return churn, Estimate(error.relative_error, numerator=error.forecast, denominator=error.actual)


def balances(context: StepContext) -> tuple[list[str], list[float]]:
    """Points outstanding at the end of each week of the ledger, up to the end of the window."""
    if not context.data.has("point_ledger"):
        return [], []
    rows = context.data.engine.ledger_flows(
        context.data.snapshot("point_ledger"), as_of=window_of(context).current.end, period="week",
        time_zone=context.program["time_zone"],
    ).to_pylist()  # fmt: skip
    return [str(row["period"]) for row in rows], [float(row["outstanding"]) for row in rows]


def tier_outputs(context: StepContext) -> dict[str, Any]:
    people = member_table(context)
    now, before = people["tier"].to_pylist(), tier_before(context)
    found = sorted({name for name in (*now, *before) if name})
    if not found:
        reason = "No tiers are recorded; load members with a tier."
        return {
            "drift": None,
            "outputs": [
                Metrics("tiers", "Tiers", [Metric("tier_mix", "Tier mix", None, unavailable=reason)])
            ],
        }
    rank = {tier["name"]: tier["rank"] for tier in context.program["tiers"]}
    names = sorted(found, key=lambda name: (rank.get(name, 0), name))
    place = {name: n for n, name in enumerate(names)} | {"": ABSENT}
    gone = np.asarray(people["departed"].to_numpy()) + np.asarray(people["gone_before"].to_numpy()) > 0
    after = np.where(gone, ABSENT, [place[name] for name in now])
    start = np.array([place[name] for name in before])
    counts = [np.bincount(side[side != ABSENT], minlength=len(names)) for side in (after, start)]
    known_before = bool(counts[1].sum())
    mix = tier_mix(names, counts[0].tolist(), counts[1].tolist() if known_before else None)
    outputs: list[Any] = [Table(
        "tier_mix", "Tier mix",
        [Column("tier", "Tier"), Column("members", "Members", "integer"), Column("share", "Share", "percent"),
         Column("low", "from", "percent"), Column("high", "to", "percent"), Column("before", "Share before", "percent")],
        [[row.name, int(count), value_of(row.share), getattr(row.share, "low", None), getattr(row.share, "high", None),
          value_of(row.share_before)] for row, count in zip(mix, counts[0], strict=True)],
        "Before: the tier held at the start of the window, as the member list records it.",
    )]  # fmt: skip
    if not known_before:
        return {"drift": None, "outputs": outputs}
    moves = tier_migration(names, *count_moves(start, after, len(names)))
    outputs.append(Table(
        "tier_migration", "Moves between tiers",
        [Column("from", "From"), Column("to", "To"), Column("members", "Members", "integer"),
         Column("share", "Share", "percent"), Column("low", "from", "percent"), Column("high", "to", "percent")],
        [[names[a], state, int(moves.counts[a, b]), value_of(moves.cells[a][b]),
          getattr(moves.cells[a][b], "low", None), getattr(moves.cells[a][b], "high", None)]
         for a in range(len(names)) for b, state in enumerate(moves.states)],
        f"{int(moves.joined.sum()):,} joined in the window and stand in no row.",
    ))  # fmt: skip
    drift = mix_drift(counts[1], counts[0])
    told = (
        None
        if isinstance(drift, Unavailable)
        else {"index": drift.index, "band": drift.band.value, "p": drift.p_value}
    )
    return {"drift": told, "outputs": outputs}


def tier_before(context: StepContext) -> list[str]:
    """Tier at the start of the window in the order of ``member_table``; "" where not recorded."""
    people, windows = member_table(context), window_of(context)
    if not context.data.has("members"):
        return [""] * len(people)
    known = context.data.engine.member_attributes(
        context.data.snapshot("members"), previous=windows.previous.start, start=windows.current.start,
        end=windows.current.end, time_zone=context.program["time_zone"],
    )  # fmt: skip
    held = dict(zip(known["member_id"].to_pylist(), known["previous_tier"].to_pylist(), strict=True))
    return [held.get(name, "") for name in people["member_id"].to_pylist()]
