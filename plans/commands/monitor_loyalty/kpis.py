"""The KPIs of monitor-loyalty and the measures their definitions in the registry may name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from plans.commands.monitor_loyalty.facts import window_of
from plans.commands.shared import metrics
from plans.commands.shared.figures import figure
from plans.commands.shared.metrics import Measure, default_thresholds, sentence, unit_of, with_targets
from plans.commands.shared.thresholds import Alerts, evaluate
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Figure
from programs.analytics.estimate import MaybeEstimate
from programs.schemas.metrics import titles_of

PREFIX = "loyalty-"
KPIS = titles_of("loyalty")
"""What an alert threshold may name: name → title."""
FLOW_KPIS = ("active_rate", "enrolment", "revenue", "redemption_rate", "csat")
"""Counted per window and group, by the words of their definition."""
LIABILITY_SPIKE = "liability-spike"


MEASURES = {  # sums of ``loyalty_windows``
    "members": Measure("members", "members"),
    "members with a purchase": Measure("active", "members"),
    "members enrolled": Measure("enrolled", "members"),
    "members who left": Measure("departed", "members", "members"),
    "orders": Measure("orders", "orders"),
    "revenue": Measure("revenue", "money"),
    "points earned": Measure("earned", "points", "point_ledger"),
    "points redeemed": Measure("redeemed", "points", "point_ledger"),
    "points expired": Measure("expired", "points", "point_ledger"),
    "CSAT answers": Measure("responses", "answers", "survey_responses"),
    "CSAT answers of 4 or 5": Measure("satisfied", "answers", "survey_responses"),
}
EXPECTED = {
    "retention": (
        "members active in the window and in the one before",
        "members active in the window before",
    ),
    "newest_cohorts": (
        "members of the newest closed cohorts who bought again within the window",
        "members of the newest closed cohorts",
    ),
    "repeat_rate": ("members who bought again within the window", "members observed for the window"),
    "redemption_to_date": ("points redeemed to date", "points earned to date"),
    "churn_risk": ("repeat buyers who have probably left", "repeat buyers"),
    "liability": ("points outstanding × cost × redemption rate of outstanding", ""),
    "breakage": ("points that will never be redeemed", "points earned to date"),
    "alert_remediation_time": ("median hours from an alert's case to its resolution", ""),
}
"""What a method of its own computes; the words must stand in the registry, or the figure would not be what they say."""


def compute(
    metric: Mapping[str, Any], sums: Mapping[str, float], loaded: Collection[str], *, currency: str
) -> MaybeEstimate:
    """A KPI from the sums of a window or a group, by the registry's own words."""
    return metrics.compute(metric, sums, MEASURES, loaded, currency=currency)


def as_defined(name: str, metric: Mapping[str, Any], value: MaybeEstimate) -> MaybeEstimate:
    """``value`` where the registry's words are those of the method that found it."""
    return metrics.as_defined(metric, EXPECTED[name], value)


def metric_of(context: StepContext, name: str) -> Mapping[str, Any]:
    """The registry's definition of a KPI, as it stood when the run started."""
    return context.program["metrics"][name]


def kpi(context: StepContext, name: str, value: MaybeEstimate) -> Figure:
    """A KPI as people read it, with the definition and the version it was computed by."""
    metric = metric_of(context, name)
    unit = unit_of(metric, context.program["currency"])
    scale = 100.0 if unit == "%" else 1.0
    return figure(name, metric["name"], value, unit=unit, scale=scale, definition=sentence(metric))


def thresholds_of(context: StepContext) -> str:
    """The limits named for the run, else the targets of the approved blueprint and what else the registry keeps."""
    if asked := context.inputs.get("alert_threshold"):
        return str(asked)
    targets = context.program.get("blueprint", {}).get("rules", "")
    return with_targets(default_thresholds(context.program["metrics"]), targets)


def alerts_of(context: StepContext, values: Mapping[str, MaybeEstimate]) -> Alerts:
    return evaluate(thresholds_of(context), values, vocabulary=tuple(KPIS), windows=window_of(context))
