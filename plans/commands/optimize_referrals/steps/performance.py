"""Step 2, performance diagnostics: the funnel, what each drop-off costs, incentives, growth, experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.commands.optimize_referrals.facts import is_full, window_of
from plans.commands.optimize_referrals.kpis import COUNTED, alerts_of, as_defined, count, kpi, metric_of
from plans.commands.optimize_referrals.steps.drilldown import STAGE_TITLES, details
from plans.commands.optimize_referrals.steps.drops import (
    GroupDrop,
    cohort,
    counts_of,
    drop_table,
    drop_values,
    dropped,
)
from plans.commands.optimize_referrals.steps.incentives import evidence_values, rewards_of
from plans.commands.shared.breakdowns import relabel
from plans.commands.shared.data_quality import net_note
from plans.commands.shared.experiments import read_experiments, readout_table, verdicts
from plans.commands.shared.figures import percent, value_of
from plans.commands.shared.metrics import unit_of
from plans.commands.shared.thresholds import alert_table
from plans.commands.shared.windows import WindowPair
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Chart, Metrics, Series, StepResult
from programs.analytics import funnel
from programs.analytics.estimate import MaybeEstimate, Unavailable
from programs.analytics.funnel import FunnelCounts
from programs.analytics.referrals import ViralGrowth, viral_coefficient
from programs.analytics.stages import STAGES

SHOWN_IN_SUMMARY = 5


def diagnose(context: StepContext) -> StepResult:
    windows, refreshed = window_of(context), context.outputs["data"]
    dimensions, currency = refreshed["dimensions"], refreshed["currency"]
    context.progress(10, "Funnel")
    rows, before_rows = (cohort(context, span, dimensions) for span in (windows.current, windows.previous))
    now = funnel.total_funnel([counts_of(row) for row in relabel(rows, (), {}).rows.values()])
    alone = windows.why_alone
    before = (
        None
        if alone
        else funnel.total_funnel([counts_of(row) for row in relabel(before_rows, (), {}).rows.values()])
    )
    found, note = dropped(context, windows.current, dimensions, context.program["held_referrals"])
    context.progress(50, "Incentives and growth")
    rewarded = rewards_of(context, windows.current)
    incentives = rewarded.efficiency
    referrals = context.data.snapshot("referrals")
    users = context.data.engine.referrer_count(
        referrals, start=windows.current.start, end=windows.current.end
    )
    growth = viral_coefficient(users, now.counts[0], now.counts[funnel.WON], seeds=users)
    flows = refreshed["flows"]
    earlier: Mapping[str, MaybeEstimate] = (
        dict.fromkeys(COUNTED, Unavailable(alone))
        if before is None
        else counted(context, flows["previous"], before, currency)
    )
    kpis = counted(context, flows["current"], now, currency) | as_defined(context, {
        "payout_ratio": incentives.payout_ratio,
        "cost_per_won": incentives.cost_per_won,
        "viral_k": growth.k if isinstance(growth, ViralGrowth) else growth,
    })  # fmt: skip
    alerts = alerts_of(context, kpis, windows)
    context.progress(75, "Trend and experiments")
    asked = context.inputs.get("experiments", [])
    read, unread = read_experiments(rewarded.arms if asked else [], asked)
    outputs: list[Any] = [
        _headline(context, kpis, earlier, windows, currency),
        _funnel_chart(now, before, windows),
        drop_table(found if is_full(context) else found[:SHOWN_IN_SUMMARY], currency, note),
    ]
    if alerts.rows():
        outputs.append(alert_table(alerts.rows()))
    if asked:
        outputs.append(readout_table(read, unread))
    if is_full(context):
        outputs += details(context, windows, now, before, rows, dimensions, incentives, currency)
    return StepResult(
        values={
            "kpis": {name: value_of(estimate) for name, estimate in kpis.items()},
            "unavailable": {n: v.reason for n, v in kpis.items() if isinstance(v, Unavailable)},
            "conversion_ends": _ends(kpis["conversion"]),
            "conversion_before": value_of(earlier["conversion"]),
            "conversion_lift": change_of(kpis["conversion"], earlier["conversion"]),
            "funnel": dict(zip(STAGES, now.counts, strict=True)),
            "funnel_before": dict(zip(STAGES, before.counts, strict=True)) if before else None,
            "revenue": now.revenue,
            "margin": sum(float(row["margin"]) for row in rows),
            "priced": sum(row["priced"] for row in rows),
            "priced_revenue": sum(float(row["priced_revenue"]) for row in rows),
            "reward": sum(float(row["reward"]) for row in rows),
            "out_of_order": sum(row["out_of_order"] for row in rows),
            "drops": [drop_values(drop) for drop in found],
            "incentives": evidence_values(rewarded),
            "experiments": verdicts(read, unread),
            "alerts": alerts.rows(),
            "headline": _summary(kpis, found, currency),
        },
        outputs=outputs,
        signals=alerts.signals,
        measured=alerts.measured,
        limits=alerts.limits,
        period=windows.period,
        window=windows.name,
    )


def change_of(now: MaybeEstimate, before: MaybeEstimate) -> float | None:
    """Relative change, a share; None where either side has no number."""
    here, there = value_of(now), value_of(before)
    return here / there - 1 if here is not None and there else None


def _ends(estimate: MaybeEstimate) -> list[float] | None:
    """Low and high of an estimate; None where there is no interval."""
    if isinstance(estimate, Unavailable) or estimate.low is None or estimate.high is None:
        return None
    return [estimate.low, estimate.high]


def counted(
    context: StepContext, flows: Mapping[str, Any], counts: FunnelCounts, currency: str
) -> dict[str, MaybeEstimate]:
    """The KPIs of a window that are counted by the words of their definition."""
    stages = dict(zip(STAGES, counts.counts, strict=True))
    return {name: count(context, name, flows, stages, currency) for name in COUNTED}


def _headline(
    context: StepContext,
    kpis: Mapping[str, MaybeEstimate],
    earlier: Mapping[str, MaybeEstimate],
    windows: WindowPair,
    currency: str,
) -> Metrics:
    items = []
    for name, estimate in kpis.items():
        unit = unit_of(metric_of(context, name), currency)
        told = name in earlier and not windows.why_alone
        was = f"Window before: {_short(earlier[name], unit)}" if told else ""
        items.append(kpi(context, name, estimate, currency, was))
    notes = (net_note(context.data, "referrals", "referral_payouts"), windows.why_alone)
    said = " ".join([f"{windows.current.label}; 95 % intervals.", *filter(None, notes)])
    return Metrics("dashboard", "Performance", items, said)


def _short(estimate: MaybeEstimate, unit: str) -> str:
    if isinstance(estimate, Unavailable):
        return "not available"
    return f"{estimate.value * (100 if unit == '%' else 1):,.1f} {unit}".strip()


def _funnel_chart(now: FunnelCounts, before: FunnelCounts | None, windows: WindowPair) -> Chart:
    return Chart(
        "funnel",
        "Referral funnel",
        "bar",
        [STAGE_TITLES[stage] for stage in STAGES],
        [
            Series(windows.current.label, [float(count) for count in now.counts]),
            *([Series(windows.previous.label, [float(count) for count in before.counts])] if before else []),
        ],
        "stage",
        "invitations that reached it",
        note=windows.why_alone
        or "Invitations of each window as they stood at its own end, so that both had the same time to ripen.",
    )


def _summary(
    kpis: Mapping[str, MaybeEstimate], drops: Sequence[GroupDrop], currency: str
) -> list[dict[str, str]]:
    real = [item.drop for item in drops if item.drop.significant]
    told = [{"label": "Conversion", "value": percent(value_of(kpis["conversion"]))}]
    if real:
        told.append({
            "label": "Dearest drop-off",
            "value": f"{real[0].group}: {STAGE_TITLES[real[0].source]} → {STAGE_TITLES[real[0].target]}, "
                     f"{real[0].value:,.0f} {currency}",
        })  # fmt: skip
    return told


def _where_to_look(drops: Sequence[GroupDrop]) -> str:
    real = [item.drop for item in drops if item.drop.significant]
    if not real:
        return "No step of the offer flow stands out; nothing to walk through."
    steps = sorted(
        {f"{STAGE_TITLES[drop.source]} → {STAGE_TITLES[drop.target]} in {drop.group}" for drop in real}
    )
    return f"Steps of the offer flow to walk through: {'; '.join(steps)}."
