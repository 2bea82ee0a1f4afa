"""The KPIs of optimize-referrals and the measures their definitions in the registry may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plans.commands.shared import metrics
from plans.commands.shared.figures import figure
from plans.commands.shared.launched import before_the_launch
from plans.commands.shared.metrics import EVENTS, Measure, default_thresholds, sentence, unit_of
from plans.commands.shared.thresholds import Alerts, evaluate
from plans.commands.shared.windows import WindowPair
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Figure
from programs.analytics.estimate import MaybeEstimate, Unavailable
from programs.analytics.stages import STAGES
from programs.schemas.metrics import MONEY, STANDARD, titles_of

PREFIX = "referral-"
KPIS = titles_of("referral")
"""What an alert threshold may name: name → title; each is its own trigger."""
COUNTED = ("conversion", "qualified_rate", "click_rate", "refund_rate", "submissions", "revenue")
"""Counted by the words of their definition; the others have a method of their own."""
COHORT = "cohort_"
"""Stages of the window's invitations as they stood at its end, beside the flows of the same names."""
MEASURES = {
    "referrals submitted": Measure("submissions", EVENTS),
    "referrals qualified": Measure("qualified", EVENTS),
    "referrals won": Measure("conversions", EVENTS),
    "referrals won before refunds": Measure("gross_conversions", EVENTS),
    "refunds": Measure("refunds", EVENTS),
    "revenue of referrals won": Measure("revenue", MONEY),
    "revenue of referrals won before refunds": Measure("gross_revenue", MONEY),
    "gross margin of referrals won": Measure("margin", MONEY),
    "revenue refunded": Measure("refunded", MONEY),
    "payouts": Measure("payouts", EVENTS, "referral_payouts"),
    "rewards paid out": Measure("paid_out", MONEY, "referral_payouts"),
    "rewards paid out before claw-backs": Measure("gross_paid_out", MONEY, "referral_payouts"),
    "rewards clawed back": Measure("clawed_back", MONEY, "referral_payouts"),
    "invitations of the window": Measure(f"{COHORT}{STAGES[0]}", "invitations"),
    "invitations of the window clicked at its end": Measure(f"{COHORT}{STAGES[1]}", "invitations"),
    "invitations of the window that became referrals": Measure(f"{COHORT}{STAGES[2]}", "invitations"),
    "invitations of the window qualified at its end": Measure(f"{COHORT}{STAGES[3]}", "invitations"),
    "the window's invitations won": Measure(f"{COHORT}{STAGES[5]}", "invitations"),
}
EXPECTED = {
    metric.key.removeprefix(PREFIX).replace("-", "_"): (metric.numerator, metric.denominator)
    for metric in STANDARD
    if metric.key.startswith(PREFIX)
}
"""The words of what a method of its own computes."""


def metric_of(context: StepContext, name: str) -> Mapping[str, Any]:
    """The registry's definition of a KPI, as it stood when the run started."""
    return context.program["metrics"][name]


def count(
    context: StepContext, name: str, flows: Mapping[str, float], stages: Mapping[str, int], currency: str
) -> MaybeEstimate:
    """A KPI of a window by the registry's own words, from its flows and the stages of its invitations."""
    sums = {**flows, **{COHORT + stage: number for stage, number in stages.items()}}
    loaded = [kind for kind in ("referral_payouts",) if context.data.has(kind)]
    return metrics.compute(metric_of(context, name), sums, MEASURES, loaded, currency=currency)


def as_defined(context: StepContext, values: Mapping[str, MaybeEstimate]) -> dict[str, MaybeEstimate]:
    """What methods of their own found, where the registry's words are theirs."""
    return {
        name: metrics.as_defined(metric_of(context, name), EXPECTED[name], value)
        for name, value in values.items()
    }


def kpi(context: StepContext, name: str, value: MaybeEstimate, currency: str, note: str = "") -> Figure:
    """A KPI as people read it, with the definition and the version it was computed by."""
    metric = metric_of(context, name)
    unit = unit_of(metric, currency)
    told = f"{sentence(metric)}. {note}".rstrip(". ")
    return figure(
        name, metric["name"], value, unit=unit, scale=100.0 if unit == "%" else 1.0, definition=told
    )


def thresholds_of(context: StepContext) -> str:
    """The limits named for the run, else those the registry keeps."""
    return context.inputs.get("alert_threshold") or default_thresholds(context.program["metrics"])


def alerts_of(context: StepContext, values: Mapping[str, MaybeEstimate], windows: WindowPair) -> Alerts:
    """What data of before the last launch come to is no reading of it."""
    if reason := before_the_launch(context, windows):
        values = dict.fromkeys(values, Unavailable(reason))
    return evaluate(thresholds_of(context), values, vocabulary=tuple(KPIS), windows=windows)
