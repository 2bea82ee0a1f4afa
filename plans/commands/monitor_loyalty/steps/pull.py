"""Step 1, data pull: enrolment, engagement, redemption, CSAT and revenue of the window and those before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from plans.commands.monitor_loyalty import report
from plans.commands.monitor_loyalty.facts import is_full, loaded, tiers_of, window_of
from plans.commands.monitor_loyalty.kpis import (
    EXPECTED,
    FLOW_KPIS,
    KPIS,
    alerts_of,
    as_defined,
    compute,
    kpi,
    metric_of,
    thresholds_of,
)
from plans.commands.monitor_loyalty.steps.enrolment import enrolment_notes, last_enrolment
from plans.commands.shared.breakdowns import Breakdown, merge_small, relabel
from plans.commands.shared.data_quality import movement_tables, movement_values, purchase_notes
from plans.commands.shared.figures import figure, percent, value_of
from plans.commands.shared.goal_measures import goal_measures_of
from plans.commands.shared.metrics import changes_since, days_of, definition_table
from plans.commands.shared.net_retention import net_retention_of
from plans.commands.shared.windows import Span, WindowPair, spans_until, windows_until
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Metrics, StepResult
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.retention import repeat_rate
from programs.analytics.thresholds import parse_thresholds
from programs.schemas.metrics import REPEAT_DAYS, RUN

SMALLEST_GROUP = 30
MOST_WINDOWS = 8
FLOWS = ("members", "enrolled", "departed", "active", "orders", "revenue", "earned", "redeemed", "expired",
         "responses", "satisfied")  # fmt: skip
CASH_FLOWS = ("gross", "refunded")
"""Sums that differ from revenue only where something was refunded."""
MISSING = {
    "members": "No members are loaded: region, channel and departures are unavailable.",
    "point_ledger": "No point ledger is loaded: points earned, redeemed and expired are unavailable.",
    "survey_responses": "No survey responses are loaded: CSAT is unavailable.",
}


def pull_data(context: StepContext) -> StepResult:
    windows, currency = window_of(context), context.program["currency"]
    spans, rows = window_rows(context)
    asked = context.inputs.get("dimensions", [])
    known = [name for name in asked if any(row[name] for row in rows)]
    notes = [f"No member records {name}; that breakdown is left out." for name in asked if name not in known]
    notes += [MISSING[kind] for kind in MISSING if not context.data.has(kind)]
    notes += purchase_notes(context.data)
    notes += blueprint_notes(context)
    enrolled = last_enrolment(context)
    notes += enrolment_notes(enrolled)
    context.progress(60, "Breakdowns")
    flows = (*FLOWS, *CASH_FLOWS) if context.data.movements() else FLOWS
    totals = [add_up((row for row in rows if row["n"] == n), flows) for n in range(len(spans))]
    groups = merge_small(
        [row for row in rows if row["n"] == 0 and any(row[name] for name in FLOWS)],
        known,
        size="members",
        minimum=SMALLEST_GROUP,
    )
    alone = windows.why_alone
    before = relabel([] if alone else [row for row in rows if row["n"] == 1], known, groups.label_of)
    values, earlier = kpis_of(context, totals[0]), kpis_of(context, totals[1], ago=1)
    if alone:
        earlier = dict.fromkeys(earlier, Unavailable(alone))
    else:
        of_everybody = ("retention", "repeat_rate") if is_of_everybody(context) else ("repeat_rate",)
        earlier |= {name: apart(values[name], earlier[name]) for name in of_everybody}
    notes += [alone] if alone else []
    values["alert_remediation_time"] = remediation(context)
    net = net_retention_of(context.data, days=(context.program.get("blueprint") or {}).get("nrr_days", 0))
    alerts = alerts_of(context, values)
    outputs: list[Any] = [
        Metrics("kpis", "KPIs of the window", [*(kpi(context, name, value) for name, value in values.items()),
                figure("nrr", "Net revenue retention", net.value, unit="%", scale=100, definition=net.sentence())],
                " ".join([f"{windows.current.label}.", *notes])),
        report.kpi_comparison(context, values, earlier),
        report.flow_comparison(context, totals, alone),
        *report.trends(context, spans, totals),
        *movement_tables(context.data),
    ]  # fmt: skip
    if known:
        outputs += report.breakdown(context, groups, before, known)
        if is_full(context):
            outputs.append(report.group_trend(context, spans, rows, known, groups))
    changes = changes_since(context.program, context.inputs.get("alert_threshold", ""))
    if is_full(context):
        people = context.program["people"]
        outputs.append(definition_table(context.program["metrics"], currency, people, changes))
    return StepResult(
        values={
            "window": windows.values(context.program["time_zone"]),
            "currency": currency,
            "dimensions": known,
            "notes": [*notes, *([groups.note] if groups.note else [])],
            "flows": {**totals[0], **{f"{name}_before": None if alone else value for name, value in totals[1].items()}},
            "kpis": {name: value_of(value) for name, value in values.items()},
            "kpi_ends": {
                name: [v.low, v.high] for name, v in values.items() if isinstance(v, Estimate) and v.low is not None
            },
            "kpis_before": {name: value_of(value) for name, value in earlier.items()},
            "unavailable": {name: v.reason for name, v in values.items() if isinstance(v, Unavailable)},
            "metric_versions": context.program["metric_versions"],
            "definition_changes": changes,
            "thresholds": thresholds_of(context),
            **({"last_enrolment": enrolled} if enrolled else {}),
            "retention": value_of(values["retention"]),
            "newest_cohorts": value_of(values["newest_cohorts"]),
            "repeat_rate": promised(context, values["repeat_rate"]),
            "goal_measures": goal_measures_of(context.data),
            "nrr": value_of(net.value),
            "nrr_days": net.days,
            "engagement": value_of(values["active_rate"]),
            "engagement_lift": None if alone else change(totals[0]["active"], totals[1]["active"]),
            "alert_remediation_time": value_of(values["alert_remediation_time"]),
            "remediation_held": remediation_held(context, values["alert_remediation_time"]),
            "groups": group_values(groups, None if alone else before),
            "alerts": alerts.rows(),
            **movement_values(context.data),
            "headline": [
                {"label": "Window", "value": windows.compared},
                {"label": KPIS["active_rate"], "value": percent(value_of(values["active_rate"]))},
            ],
        },
        outputs=outputs,
        signals=alerts.signals,
        measured=alerts.measured,
        limits=alerts.limits,
        period=windows.period,
        window=windows.name,
    )  # fmt: skip


def blueprint_notes(context: StepContext) -> list[str]:
    """Whose targets are watched, where an approved blueprint sets some and the run names no limits of its own."""
    blueprint = context.program.get("blueprint")
    if not blueprint or context.inputs.get("alert_threshold"):
        return []
    watched = f"Watched by the targets of the blueprint {blueprint['plan_id']}: {blueprint['rules']}."
    return [*([watched] if blueprint["rules"] else []), *filter(None, [blueprint.get("left_out")])]


def promised(context: StepContext, rate: MaybeEstimate) -> float | None:
    """The repeat rate over the days that blueprints promise; None where the registry means other days."""
    return value_of(rate) if days_of(metric_of(context, "repeat_rate")) == REPEAT_DAYS else None


def window_rows(context: StepContext) -> tuple[list[Span], list[dict[str, Any]]]:
    """The windows, the latest first, and their sums per group: one question, one scan a dataset."""
    data = context.data
    purchases = data.snapshot("purchases")
    spans = spans_until(window_of(context).current.end, context.inputs["window"], since=purchases.window_start,
                        most=MOST_WINDOWS)  # fmt: skip
    table = data.engine.loyalty_windows(
        purchases,
        windows=[(span.start, span.end) for span in spans],
        dimensions=context.inputs.get("dimensions", []),
        tiers=tiers_of(context),
        members=data.find("members"),
        ledger=data.find("point_ledger"),
        responses=data.find("survey_responses"),
    )
    return spans, table.to_pylist()


def add_up(rows: Any, flows: Sequence[str] = FLOWS) -> dict[str, float]:
    """Sums over groups; a member is in one group, so these are the sums over everybody."""
    total: dict[str, float] = dict.fromkeys(flows, 0)
    for row in rows:
        for name in flows:
            total[name] += row[name]
    return total


def kpis_of(context: StepContext, sums: Mapping[str, float], *, ago: int = 0) -> dict[str, MaybeEstimate]:
    """The KPIs of a window from its sums; ``ago`` 1 is the window before."""
    found = {
        "retention": retention_of(context, ago=ago),
        "newest_cohorts": newest_cohorts_of(context, ago=ago),
        "repeat_rate": everybody_of(context, "repeat_rate", ago=ago),
    }
    for name in FLOW_KPIS:
        found[name] = compute(
            metric_of(context, name), sums, loaded(context), currency=context.program["currency"]
        )
    return found


def retention_of(context: StepContext, *, ago: int) -> MaybeEstimate:
    """Of those active in the window before, active in the window; by the days of the window, or those that the registry
    names instead."""
    metric, windows = metric_of(context, "retention"), window_of(context)
    days = _days(metric, windows)
    if isinstance(days, Unavailable):
        return days
    current = windows.previous if ago else windows.current
    end = current.end
    if is_of_everybody(context):
        return everybody_of(context, "retention", ago=ago)
    middle = current.start if metric["window"] == RUN else end - timedelta(days=days)
    start = (
        windows_until(middle, windows.name).current.start
        if metric["window"] == RUN
        else middle - timedelta(days=days)
    )
    begins = windows.begins
    if begins is not None and start.date() < begins:
        return Unavailable(
            f"The window before, from {start:%Y-%m-%d} on, begins before the data, which begin on {begins:%Y-%m-%d}."
        )
    row = context.data.engine.retained_members(
        context.data.snapshot("purchases"), start=start, middle=middle, as_of=end
    ).to_pylist()[0]
    return as_defined("retention", metric, repeat_rate(row["members"], row["retained"]))


def is_of_everybody(context: StepContext) -> bool:
    """A registry of before called retention what is the repeat rate of everybody; its words decide."""
    metric = metric_of(context, "retention")
    return (metric["numerator"], metric["denominator"]) == EXPECTED["repeat_rate"]


def newest_cohorts_of(context: StepContext, *, ago: int) -> MaybeEstimate:
    """Of the members who came last, as many days ago as the registry says: who bought again within those days. Each
    window closes a cohort of its own length."""
    metric, windows = metric_of(context, "newest_cohorts"), window_of(context)
    days = _days(metric, windows)
    if isinstance(days, Unavailable):
        return days
    current = windows.previous if ago else windows.current
    row = context.data.engine.newest_cohorts(
        context.data.snapshot("purchases"), as_of=current.end, days=days, width=windows.current.days
    ).to_pylist()[0]
    if not row["members"]:
        return Unavailable(f"No member has been observed for {days} days since the first purchase.")
    return as_defined("newest_cohorts", metric, repeat_rate(row["members"], row["repeat_members"]))


def everybody_of(context: StepContext, name: str, *, ago: int) -> MaybeEstimate:
    """Of everybody observed for the days, who bought again within them."""
    metric, windows = metric_of(context, name), window_of(context)
    days = _days(metric, windows)
    if isinstance(days, Unavailable):
        return days
    end = windows.previous.end if ago else windows.current.end
    row = context.data.engine.repeat_purchase(
        context.data.snapshot("purchases"), as_of=end, days=days
    ).to_pylist()[0]
    return as_defined("repeat_rate", metric, repeat_rate(row["members"], row["repeat_members"]))


def _days(metric: Mapping[str, Any], windows: WindowPair) -> int | Unavailable:
    days = windows.current.days if metric["window"] == RUN else days_of(metric)
    return days if days is not None else Unavailable(
        f"The registry's window is “{metric['window']}”; write “{RUN}”, or a number of days such as 90 days."
    )  # fmt: skip


def remediation(context: StepContext) -> MaybeEstimate:
    """Median hours from the opening of an alert's case to its resolution, over the cases of this program."""
    told = context.program["remediation"]
    if not told["hours"]:
        still = f" {told['open']} are open." if told["open"] else ""
        return Unavailable(f"No alert of this program has been resolved yet.{still}")
    hours = np.array(told["hours"], dtype=float)
    return as_defined("alert_remediation_time", metric_of(context, "alert_remediation_time"),
                      Estimate(float(np.median(hours)), denominator=float(hours.size), method="median"))  # fmt: skip


def apart(now: MaybeEstimate, before: MaybeEstimate) -> MaybeEstimate:
    """The rate of the window before, unless it is one of the very same people: nothing is compared with itself."""
    if (
        isinstance(now, Unavailable)
        or isinstance(before, Unavailable)
        or now.denominator != before.denominator
    ):
        return before
    return Unavailable("Nobody's first days ended in the window: both rates are of the same members.")


def remediation_held(context: StepContext, on_the_clock: MaybeEstimate) -> float | None:
    """What is held against the limit in force: a threshold is in hours on the clock, a ladder in working hours."""
    limits = thresholds_of(context)
    rules = parse_thresholds(limits, tuple(KPIS)) if limits else ()
    if any(rule.metric == "alert_remediation_time" for rule in rules):
        return value_of(on_the_clock)
    hours = context.program["remediation"].get("working_hours")
    return float(np.median(np.array(hours, dtype=float))) if hours else None


def group_values(groups: Breakdown, before: Breakdown | None) -> list[dict[str, Any]]:
    """Groups with the sums of both windows, as later tasks and the plan JSON read them; None for no comparison."""
    return [
        {"group": name, **{flow: row[flow] for flow in FLOWS},
         **{f"{flow}_before": before.rows.get(name, {}).get(flow, 0) if before else None for flow in FLOWS}}
        for name, row in groups.rows.items()
    ]  # fmt: skip


def change(now: float, before: float) -> float | None:
    return now / before - 1 if before else None
