"""What people see of the data pull: KPIs against the window before, trends, and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.commands.monitor_loyalty.facts import is_full, loaded
from plans.commands.monitor_loyalty.kpis import FLOW_KPIS, compute, metric_of
from plans.commands.shared.breakdowns import Breakdown, relabel
from plans.commands.shared.figures import value_of
from plans.commands.shared.metrics import unit_of, version_of
from plans.commands.shared.windows import Span
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Chart, Column, Series, Table
from programs.analytics.estimate import Estimate, MaybeEstimate
from programs.analytics.funnel import two_proportion_p
from programs.schemas.metrics import HIGHER

SHOWN_GROUPS = 5
SIGNIFICANCE = 0.05
FLOW_TITLES = (
    ("members", "Members", ""),
    ("enrolled", "Enrolled", ""),
    ("departed", "Left", "members"),
    ("active", "Members with a purchase", ""),
    ("orders", "Orders", ""),
    ("revenue", "Revenue", ""),
    ("earned", "Points earned", "point_ledger"),
    ("redeemed", "Points redeemed", "point_ledger"),
    ("expired", "Points expired", "point_ledger"),
    ("responses", "CSAT answers", "survey_responses"),
)
"""Column, title, and the dataset without which it is not known."""


def kpi_comparison(
    context: StepContext, values: Mapping[str, MaybeEstimate], before: Mapping[str, MaybeEstimate]
) -> Table:
    """Each KPI now and in the window before, and whether the difference is more than chance."""
    rows = []
    for name, was in before.items():
        metric, value = metric_of(context, name), values[name]
        unit = unit_of(metric, context.program["currency"])
        scale = 100.0 if unit == "%" else 1.0
        now, then = value_of(value), value_of(was)
        rows.append([
            metric["name"], unit, *(None if each is None else scale * each for each in (now, then)),
            *_change(now, then, unit), _verdict(metric["direction"], value, was), version_of(metric),
        ])  # fmt: skip
    return Table(
        "kpi_comparison", "KPIs against the window before",
        [Column("kpi", "KPI"), Column("unit", "Unit"), Column("now", "Now", "number"), Column("before", "Before", "number"),
         Column("change", "Change", "number"), Column("change_unit", "in"), Column("verdict", "Verdict"),
         Column("version", "Definition")],
        rows,
        "A share is called better or worse where a two-proportion test says so at 5 %; members who are in both windows "
        "make the test careful.",
    )  # fmt: skip


def _change(now: float | None, then: float | None, unit: str) -> tuple[float | None, str]:
    if now is None or then is None:
        return None, ""
    if unit == "%":
        return 100 * (now - then), "percentage points"
    return (100 * (now / then - 1), "%") if then else (None, "")


def _verdict(direction: str, now: MaybeEstimate, then: MaybeEstimate) -> str:
    if not isinstance(now, Estimate) or not isinstance(then, Estimate):
        return "not comparable"
    if now.value == then.value:
        return "unchanged"
    if now.method == then.method == "wilson":
        p = two_proportion_p(
            *(float(x or 0) for x in (now.numerator, now.denominator, then.numerator, then.denominator))
        )
        if p >= SIGNIFICANCE:
            return f"within chance (p {p:.2g})"
    verdict = "better" if (now.value > then.value) == (direction == HIGHER) else "worse"
    return verdict if now.method == "wilson" else f"{verdict}, untested"


def flow_comparison(context: StepContext, totals: Sequence[Mapping[str, float]], alone: str) -> Table:
    """What happened in the window and in the one before it; ``alone`` says why there is none to compare with."""
    rows = []
    for name, title, needs in FLOW_TITLES:
        known = not needs or needs in loaded(context)
        now, before = (float(total[name]) if known else None for total in totals[:2])
        rows.append(_flow(title, now, before))
    note = f"Revenue in {context.program['currency']}."
    if context.data.movements():
        rows += _cash_flows(totals)
        note += " Revenue is net of refunds in the window of the sale; as cash, in the window of the refund."
    return Table(
        "window_comparison", "What happened",
        [Column("flow", "What happened"), Column("current", "This window", "number"),
         Column("previous", "The window before", "number"), Column("change", "Change", "percent")],
        [[title, now, None, None] for title, now, *_ in rows] if alone else rows,
        f"{note} An empty cell is not known. {alone}".strip(),
    )  # fmt: skip


def _flow(title: str, now: float | None, before: float | None) -> list[Any]:
    return [title, now, before, now / before - 1 if now is not None and before else None]


def _cash_flows(totals: Sequence[Mapping[str, float]]) -> list[list[Any]]:
    """What was sold and taken back in a window, and what that left in it."""
    gross, refunded = ([float(total[name]) for total in totals[:2]] for name in ("gross", "refunded"))
    return [
        _flow("Gross sales", *gross),
        _flow("Refunded, by day of refund", *refunded),
        _flow("Revenue as cash, by day of refund", gross[0] - refunded[0], gross[1] - refunded[1]),
    ]


def trends(context: StepContext, spans: Sequence[Span], totals: Sequence[Mapping[str, float]]) -> list[Any]:
    """Revenue and the shares over windows of one length, the oldest first; the shares' intervals in full depth."""
    currency = context.program["currency"]
    names = [f"{span.start:%Y-%m-%d}" for span in reversed(spans)]
    note = f"Windows of {spans[0].days} days, named by their first day."
    found: list[Any] = [
        Chart("revenue_trend", "Revenue by window", "line", names,
              [Series("Revenue", [float(total["revenue"]) for total in reversed(totals)])], "window from", "revenue",
              currency, note)
    ]  # fmt: skip
    series = []
    for name in FLOW_KPIS:
        metric = metric_of(context, name)
        if metric["unit"] != "%":
            continue
        values = [compute(metric, total, loaded(context), currency=currency) for total in reversed(totals)]
        if any(isinstance(value, Estimate) for value in values):
            series.append(Series(metric["name"], *_percents(values, intervals=is_full(context))))
    if series:
        found.append(
            Chart("kpi_trend", "KPIs by window", "line", names, series, "window from", "share", "%", note)
        )
    return found


def _percents(values: Sequence[MaybeEstimate], *, intervals: bool) -> tuple[list[float | None], ...]:
    def scaled(end: str) -> list[float | None]:
        found = [getattr(value, end, None) for value in values]
        return [None if each is None else 100 * each for each in found]

    with_ends = intervals and any(getattr(value, "low", None) is not None for value in values)
    return (scaled("value"), scaled("low"), scaled("high")) if with_ends else (scaled("value"), [], [])


def breakdown(context: StepContext, groups: Breakdown, before: Breakdown, known: Sequence[str]) -> list[Any]:
    """The groups with the KPIs that their definition allows by these dimensions; all of them in full depth."""
    currency = context.program["currency"]
    allowed = [n for n in FLOW_KPIS if set(known) <= set(metric_of(context, n)["dimensions"])]
    shares = [n for n in allowed if metric_of(context, n)["unit"] == "%"]
    columns = [Column("group", " · ".join(known)), Column("members", "Members", "integer"),
               Column("enrolled", "Enrolled", "integer"), Column("revenue", "Revenue", "money", currency),
               Column("revenue_change", "Revenue, change", "percent")]  # fmt: skip
    judged = {name: _by_group(context, name, groups, before) for name in shares}
    bounded = {
        name
        for name, pairs in judged.items()
        if any(getattr(now, "low", None) is not None for now, _ in pairs)
    }
    for name in shares:
        columns.append(Column(name, metric_of(context, name)["name"], "percent"))
        if name in bounded:
            columns += [Column(f"{name}_low", "from", "percent"), Column(f"{name}_high", "to", "percent")]
        columns.append(Column(f"{name}_before", "before", "percent"))
    rows = []
    for n, (label, row) in enumerate(groups.rows.items()):
        spent, revenue = float(before.rows.get(label, {}).get("revenue", 0)), float(row["revenue"])
        body = [
            label,
            int(row["members"]),
            int(row["enrolled"]),
            revenue,
            revenue / spent - 1 if spent > 0 else None,
        ]
        for name in shares:
            now, then = judged[name][n]
            ends = [getattr(now, "low", None), getattr(now, "high", None)] if name in bounded else []
            body += [value_of(now), *ends, value_of(then)]
        rows.append(body)
    shown = rows if is_full(context) else rows[:SHOWN_GROUPS]
    note = f"{len(shown)} of {len(rows)} groups, the biggest first. {groups.note}".strip()
    found: list[Any] = [Table("drilldown", "The window by group", columns, shown, note)]
    if shares:
        latest = [now for now, _ in judged[shares[0]]]
        found.append(
            Chart("drilldown_chart", f"{metric_of(context, shares[0])['name']} by group", "bar",
                  [str(row[0]) for row in shown], [Series("Share", *_percents(latest[: len(shown)], intervals=True))],
                  " · ".join(known), "share", "%", note)
        )  # fmt: skip
    return found


def _by_group(
    context: StepContext, name: str, groups: Breakdown, before: Breakdown
) -> list[tuple[MaybeEstimate, MaybeEstimate]]:
    """A KPI of each group, now and in the window before."""

    def found(sums: Mapping[str, Any]) -> MaybeEstimate:
        return compute(metric_of(context, name), sums, loaded(context), currency=context.program["currency"])

    return [(found(row), found(before.rows.get(label, {}))) for label, row in groups.rows.items()]


def group_trend(
    context: StepContext,
    spans: Sequence[Span],
    rows: Sequence[dict[str, Any]],
    known: Sequence[str],
    groups: Breakdown,
) -> Chart:
    """Revenue of the biggest groups over the windows."""
    names = list(groups.rows)[:SHOWN_GROUPS]
    by_window = [
        relabel([row for row in rows if row["n"] == n], known, groups.label_of).rows
        for n in reversed(range(len(spans)))
    ]
    series = [
        Series(name, [float(found.get(name, {}).get("revenue", 0)) for found in by_window]) for name in names
    ]
    return Chart(
        "group_trend", "Revenue by group", "line", [f"{span.start:%Y-%m-%d}" for span in reversed(spans)], series,
        "window from", "revenue", context.program["currency"],
        f"The {len(names)} biggest of {len(groups.rows)} groups; members stand in the group they are in now.",
    )  # fmt: skip
