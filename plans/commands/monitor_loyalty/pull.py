"""Step 1, data pull: enrolment, engagement, redemption, CSAT and revenue of the window and the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from plans.commands.monitor_loyalty.kpis import KPIS
from plans.commands.monitoring.breakdowns import merge_small
from plans.commands.monitoring.thresholds import Alerts, evaluate
from plans.commands.monitoring.windows import WindowPair, windows_until
from plans.commands.plan_loyalty.figures import figure, percent, value_of
from plans.engine.steps import StepContext
from plans.schemas.outputs import Chart, Column, Metrics, Series, StepResult, Table
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.rates import wilson_rate
from programs.analytics.retention import repeat_rate

SMALLEST_GROUP = 30
DIMENSIONS = ("tier", "cohort", "region", "channel")
FLOWS = (
    ("members", "Members", "integer"),
    ("enrolled", "Enrolled", "integer"),
    ("departed", "Left", "integer"),
    ("active", "Active members", "integer"),
    ("orders", "Orders", "integer"),
    ("revenue", "Revenue", "money"),
    ("earned", "Points earned", "number"),
    ("redeemed", "Points redeemed", "number"),
    ("expired", "Points expired", "number"),
)
POINTS = ("earned", "redeemed", "expired")


def window_of(context: StepContext) -> WindowPair:
    """It ends with the last day of the purchases."""
    return windows_until(context.data.as_of("purchases"), context.inputs["window"])


def is_full(context: StepContext) -> bool:
    return bool(context.inputs["detail"] == "full")


def alerts_of(context: StepContext, values: Mapping[str, MaybeEstimate]) -> Alerts:
    text = context.inputs.get("alert_threshold", "")
    return evaluate(text, values, vocabulary=tuple(KPIS), period=window_of(context).period)


def pull_data(context: StepContext) -> StepResult:
    data, windows = context.data, window_of(context)
    zone, currency = context.program["time_zone"], context.program["currency"]
    people = member_table(context)
    context.progress(50, "Breakdowns")
    asked = context.inputs.get("dimensions", [])
    known = [name for name in asked if pc.any(pc.not_equal(people[name], "")).as_py()]
    notes = [f"No member records {name}; that breakdown is left out." for name in asked if name not in known]
    notes += [f"No {title} loaded: {what} unavailable." for kind, title, what in (
        ("members", "members are", "tier, region, channel and departures are"),
        ("point_ledger", "point ledger is", "points earned, redeemed and expired are"),
        ("survey_responses", "survey responses are", "CSAT is"),
    ) if not data.has(kind)]  # fmt: skip
    groups = merge_small(grouped(people, known), known, size="members", minimum=SMALLEST_GROUP)
    total = grouped(people, [])[0]
    repeat = data.engine.repeat_purchase(
        data.snapshot("purchases"), as_of=windows.current.end, days=90, time_zone=zone
    ).to_pylist()[0]
    values: dict[str, MaybeEstimate] = {
        "retention": repeat_rate(repeat["members"], repeat["repeat_members"]),
        "active_rate": wilson_rate(total["active"], total["members"]),
        "revenue": Estimate(total["revenue"], unit=currency),
        "redemption_rate": redeemed_of(total)
        if data.has("point_ledger")
        else Unavailable("No point ledger is loaded."),
        "csat": satisfied(context, windows),
    }
    alerts = alerts_of(context, values)
    outputs: list[Any] = [
        Metrics("kpis", "KPIs of the window", [
            figure(name, KPIS[name][0], value, unit=currency if name == "revenue" else "%",
                   scale=1 if name == "revenue" else 100, definition=KPIS[name][1])
            for name, value in values.items()
        ], " ".join([windows.current.label + ".", *notes])),
        _comparison(total, windows, currency, data.has("point_ledger"), data.has("members")),
        trend(context),
    ]  # fmt: skip
    if known:
        shown = list(groups.rows.items()) if is_full(context) else list(groups.rows.items())[:5]
        outputs.append(_groups(shown, len(groups.rows), known, currency, groups.note))
    return StepResult(
        values={
            "window": windows.values(),
            "currency": currency,
            "dimensions": known,
            "notes": [*notes, *([groups.note] if groups.note else [])],
            "flows": total,
            "kpis": {name: value_of(value) for name, value in values.items()},
            "metric_versions": context.program["metric_versions"],
            "retention": value_of(values["retention"]),
            "engagement": value_of(values["active_rate"]),
            "engagement_lift": _lift(total["active"], total["active_before"]),
            "groups": [{"group": name, **row} for name, row in groups.rows.items()],
            "alerts": alerts.rows(),
            "headline": [
                {"label": "Window", "value": f"{windows.current.label}, compared with {windows.previous.label}"},
                {"label": "Active members", "value": percent(value_of(values["active_rate"]))},
            ],
        },
        outputs=outputs,
        signals=alerts.signals,
        measured=alerts.measured,
        evidence={"Serena": "Metric definitions: " + "; ".join(_definition_changes(context) or ["as in the run before."])},
    )  # fmt: skip


def member_table(context: StepContext) -> pa.Table:
    """One row a member, with text dimensions and numbers of both windows; missing values are "" and 0."""
    data, windows = context.data, window_of(context)
    span = {"previous": windows.previous.start, "start": windows.current.start, "end": windows.current.end}
    zone = context.program["time_zone"]
    table = data.engine.member_activity(data.snapshot("purchases"), time_zone=zone, **span)
    if data.has("members"):
        known = data.engine.member_attributes(data.snapshot("members"), time_zone=zone, **span)
        table = table.drop_columns(["is_new", "was_new"]).join(
            known, "member_id", join_type="full outer", left_suffix="_bought"
        )
        cohort = pc.coalesce(table["cohort"], table["cohort_bought"])
        table = table.drop_columns(["cohort", "cohort_bought"]).append_column("cohort", cohort)
    else:
        table = table.rename_columns({"is_new": "enrolled", "was_new": "enrolled_before"})
    if data.has("point_ledger"):
        points = data.engine.member_points(data.snapshot("point_ledger"), **span)
        table = table.join(points, "member_id", join_type="left outer")
    columns: dict[str, Any] = {"member_id": table["member_id"]}
    for name in DIMENSIONS:
        columns[name] = _column(table, name, "")
    numbers = ("enrolled", "enrolled_before", "departed", "gone_before", "orders", "orders_before", "revenue",
               "revenue_before", *POINTS, *(f"{name}_before" for name in POINTS))  # fmt: skip
    for name in numbers:
        columns[name] = _column(table, name, 0.0)
    columns["active"] = pc.cast(pc.greater(columns["orders"], 0), pa.float64())
    columns["active_before"] = pc.cast(pc.greater(columns["orders_before"], 0), pa.float64())
    columns["members"] = pc.subtract(1.0, columns["gone_before"])
    columns["members_before"] = pc.subtract(1.0, columns["enrolled"])
    columns["departed_before"] = columns["gone_before"]
    return pa.table(columns).sort_by("member_id")


def _column(table: pa.Table, name: str, missing: Any) -> Any:
    if name not in table.column_names:
        return pa.array([missing] * len(table))
    column = table[name] if missing == "" else pc.cast(table[name], pa.float64())
    return pc.fill_null(column, missing)


def grouped(people: pa.Table, dimensions: Sequence[str]) -> list[dict[str, Any]]:
    """Sums per group; the sums over groups equal those over everybody."""
    numbers = [name for name in people.column_names if name not in ("member_id", *DIMENSIONS)]
    table = people.group_by(list(dimensions)).aggregate([(name, "sum") for name in numbers])
    table = table.rename_columns([name.removesuffix("_sum") for name in table.column_names])
    if dimensions:
        table = table.sort_by([(name, "ascending") for name in dimensions])
    return table.to_pylist()  # type: ignore[no-any-return]


def redeemed_of(total: Mapping[str, float]) -> MaybeEstimate:
    if total["earned"] <= 0:
        return Unavailable("No points were issued in the window.")
    return Estimate(
        total["redeemed"] / total["earned"], numerator=total["redeemed"], denominator=total["earned"]
    )


def satisfied(context: StepContext, windows: WindowPair) -> MaybeEstimate:
    if not context.data.has("survey_responses"):
        return Unavailable("No survey responses are loaded; load them with load_dataset survey_responses.")
    span = windows.current
    row = context.data.engine.csat_window(
        context.data.snapshot("survey_responses"), start=span.start, end=span.end
    ).to_pylist()[0]
    return wilson_rate(row["satisfied"], row["responses"])


def trend(context: StepContext) -> Chart:
    rows = context.data.engine.revenue_by_period(
        context.data.snapshot("purchases"), period="month", time_zone=context.program["time_zone"]
    ).to_pylist()[-12:]
    return Chart("trend", "Revenue by month", "line", [str(row["period"])[:7] for row in rows],
                 [Series("Revenue", [float(row["revenue"]) for row in rows])], "month", "revenue",
                 context.program["currency"])  # fmt: skip


def _definition_changes(context: StepContext) -> list[str]:
    last = context.program.get("last_run") or {}
    versions = last.get("metric_versions", {})
    changed = [
        f"{key} went from version {versions[key]} to {version}"
        for key, version in context.program["metric_versions"].items()
        if key in versions and versions[key] != version
    ]
    was, now = last.get("alert_threshold", ""), context.inputs.get("alert_threshold", "")
    if last and was != now:
        changed.append(f"thresholds were {was or 'none'} in {last['plan_id']}")
    return changed


def _lift(now: float, before: float) -> float | None:
    return now / before - 1 if before else None


def _comparison(
    total: Mapping[str, float], windows: WindowPair, currency: str, points: bool, left: bool
) -> Table:
    rows = []
    for name, title, _ in FLOWS:
        known = (points or name not in POINTS) and (left or name != "departed")
        comparable = known and name != "departed"
        now = total[name] if known else None
        before = total[f"{name}_before"] if comparable else None
        change = _lift(total[name], total[f"{name}_before"]) if comparable else None
        rows.append([title, now, before, change])
    return Table(
        "window_comparison",
        "The window and the one before",
        [Column("flow", "What happened"), Column("current", windows.current.label, "number"),
         Column("previous", windows.previous.label, "number"), Column("change", "Change", "percent")],
        rows,
        f"Amounts in {currency}. An empty cell is not known.",
    )  # fmt: skip


def _groups(
    rows: Sequence[tuple[str, Mapping[str, Any]]],
    count: int,
    dimensions: Sequence[str],
    currency: str,
    note: str,
) -> Table:
    columns = [Column("group", " · ".join(dimensions))] + [
        Column(name, title, kind, currency if kind == "money" else "") for name, title, kind in FLOWS
    ]
    body = [[label, *(row[name] for name, _, _ in FLOWS)] for label, row in rows]
    return Table(
        "drilldown", "The window by group", columns, body, f"{len(rows)} of {count} groups. {note}".strip()
    )
