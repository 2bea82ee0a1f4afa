"""What the full detail of the diagnostics adds: steps, trend, drill-downs and incentives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.commands.optimize_referrals.facts import knows_margins
from plans.commands.optimize_referrals.steps.refresh import SMALLEST_GROUP
from plans.commands.shared.breakdowns import TOTAL, column_of, merge_small, relabel
from plans.commands.shared.data_quality import net_note
from plans.commands.shared.figures import with_ends
from plans.commands.shared.windows import WindowPair
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Chart, Column, Series, Table
from programs.analytics import funnel
from programs.analytics.estimate import Estimate, MaybeEstimate
from programs.analytics.funnel import FunnelCounts
from programs.analytics.rates import wilson_rate
from programs.analytics.referrals import IncentiveEfficiency
from programs.analytics.stages import STAGES

STAGE_TITLES = dict(
    zip(STAGES, ("Invited", "Clicked", "Referred", "Qualified", "Pipeline", "Won", "Paid"), strict=True)
)


def breakdowns_of(dimensions: Sequence[str]) -> list[tuple[str, ...]]:
    """Each dimension alone, then all of them together."""
    alone: list[tuple[str, ...]] = [(name,) for name in dimensions]
    return [*alone, tuple(dimensions)] if len(dimensions) > 1 else alone


def details(
    context: StepContext,
    windows: WindowPair,
    now: FunnelCounts,
    before: FunnelCounts | None,
    rows: Sequence[Mapping[str, Any]],
    dimensions: Sequence[str],
    incentives: IncentiveEfficiency,
    currency: str,
) -> list[Any]:
    """Steps against the window before, trend, every breakdown, incentives: what the full report adds."""
    outputs: list[Any] = [_step_table(now, before), *_trend(context, windows, currency)]
    for chosen in breakdowns_of(dimensions):
        outputs += _drill_down(rows, chosen, currency)
    outputs.append(_incentive_table(incentives, currency, knows_margins(context.data)))
    return outputs


def _step_table(now: FunnelCounts, before: FunnelCounts | None) -> Table:
    rows = []
    for index, step in enumerate(funnel.steps(now)):
        was = (before.counts[index + 1], before.counts[index]) if before else (0, 0)
        p = (
            funnel.two_proportion_p(now.counts[index + 1], now.counts[index], *was)
            if now.counts[index] and was[1]
            else None
        )
        rows.append([
            f"{STAGE_TITLES[step.source]} → {STAGE_TITLES[step.target]}", now.counts[index], now.counts[index + 1],
            *with_ends(step.rate),
            was[0] / was[1] if was[1] else None, p,
        ])  # fmt: skip
    return Table(
        "funnel_steps",
        "Funnel step by step",
        [Column("step", "Step"), Column("entered", "Entered", "integer"), Column("passed", "Passed", "integer"),
         Column("rate", "Rate", "percent"), Column("low", "from", "percent"), Column("high", "to", "percent"),
         Column("before", "Window before", "percent"), Column("p", "p of the change", "number")],
        rows,
        "Wilson intervals, 95 %. Rewards are paid after the holding period, so few of a window are paid at its end.",
    )  # fmt: skip


def _trend(context: StepContext, windows: WindowPair, currency: str) -> list[Any]:
    step = 1 if windows.current.days <= 14 else 7
    weeks = -(-2 * windows.current.days // step)
    end = windows.current.end
    start = end - weeks * (end - windows.current.start) * step / windows.current.days
    found = context.data.engine.referral_trend(
        context.data.snapshot("referrals"), start=start, end=end, step_days=step
    ).to_pylist()
    by_step = {row["step"]: row for row in found}
    names = ("invites", "submissions", "conversions", "refunds")
    days = [f"{start + index * (end - start) / weeks:%Y-%m-%d}" for index in range(weeks)]
    table = [
        [
            day,
            *(by_step.get(index, {}).get(name, 0) for name in names),
            float(by_step.get(index, {}).get("revenue", 0)),
        ]
        for index, day in enumerate(days)
    ]
    unit = "day" if step == 1 else "week"
    series = [
        Series(name.capitalize(), [float(row[place]) for row in table]) for place, name in enumerate(names, 1)
    ]
    return [
        Chart("trend", f"Trend by {unit}", "line", days, series, f"{unit} from", "events",
              note=f"Each event by its own time, over the window and the one before. {windows.why_alone}".strip()),
        Table("trend_table", f"Trend by {unit}",
              [Column("from", "From", "date"), *(Column(name, name.capitalize(), "integer") for name in names),
               Column("revenue", "Revenue", "money", currency)], table, net_note(context.data, "referrals")),
    ]  # fmt: skip


OF_INVITATIONS = "Of the invitations of the window, as they stood at its end. What earlier invitations won in it is not here."


def _drill_down(
    rows: Sequence[Mapping[str, Any]], dimensions: Sequence[str], currency: str
) -> tuple[Table, Chart]:
    groups = merge_small(rows, dimensions, size="invites", minimum=SMALLEST_GROUP)
    body = []
    everything = relabel(rows, (), {}).rows.get(TOTAL)
    shown = [*groups.rows.items(), *([(TOTAL, everything)] if everything else [])]
    for name, row in shown:
        rate = wilson_rate(row["won"], row["invites"])
        body.append([name, *(row[stage] for stage in STAGES), *with_ends(rate), float(row["revenue"]),
                     float(row["reward"])])  # fmt: skip
    key = "funnel_by_" + "_".join(column_of(name) for name in dimensions)
    table = Table(
        key[:80],
        f"Funnel by {' and '.join(dimensions)}",
        [Column("group", " · ".join(dimensions)), *(Column(stage, STAGE_TITLES[stage], "integer") for stage in STAGES),
         Column("won_rate", "Won of invited", "percent"), Column("low", "from", "percent"),
         Column("high", "to", "percent"), Column("revenue_won", "Revenue", "money", currency),
         Column("reward", "Rewards", "money", currency)],
        body,
        f"{OF_INVITATIONS} {groups.note}".strip(),
    )  # fmt: skip
    shares, lows, highs = (
        [None if row[n] is None else 100 * row[n] for row in body]
        for n in range(len(STAGES) + 1, len(STAGES) + 4)
    )
    chart = Chart(
        f"{key[:73]}_chart",
        f"Won of invited by {' and '.join(dimensions)}",
        "bar",
        [row[0] for row in body],
        [Series("Won of invited", shares, lows, highs)],
        " · ".join(dimensions),
        "share",
        "%",
        "Wilson intervals, 95 %.",
    )
    return table, chart


def _incentive_table(found: IncentiveEfficiency, currency: str, has_margins: bool) -> Table:
    rows: list[list[Any]] = []
    for title, unit, scale, estimate in (
        ("Payout / gross margin", "%", 100.0, found.payout_ratio),
        ("Cost per customer won", currency, 1.0, found.cost_per_won),
        ("Cost per incremental customer", currency, 1.0, found.cost_per_incremental),
    ):
        rows.append([title, unit, *_scaled(estimate, scale), getattr(estimate, "reason", "")])
    for step in found.steps:
        cost = step.marginal_cost
        margin = f"{step.extra_margin_per_invite:+.2f} {currency} margin an invitation" if has_margins else ""
        note = getattr(cost, "reason", margin)
        between = f"{step.lower:g} → {step.higher:g} {step.currency}".rstrip()
        rows.append([f"Extra customer, reward {between}", currency, *_scaled(cost, 1.0), note])
    return Table(
        "incentives",
        "Incentive efficiency",
        [Column("measure", "Measure"), Column("unit", "Unit"), Column("value", "Value", "number"),
         Column("low", "from", "number"), Column("high", "to", "number"), Column("note", "Note")],
        rows,
    )  # fmt: skip


def _scaled(estimate: MaybeEstimate, scale: float) -> list[float | None]:
    """Value and interval, or nothing at all."""
    ends = (estimate.value, estimate.low, estimate.high) if isinstance(estimate, Estimate) else (None,) * 3
    return [None if end is None else end * scale for end in ends]
