"""What every step of a run shares: its windows, depth, definitions and alert thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plans.commands.monitor_loyalty.kpis import KPIS
from plans.commands.shared.figures import figure
from plans.commands.shared.metric_values import default_thresholds, sentence, unit_of
from plans.commands.shared.thresholds import Alerts, evaluate
from plans.commands.shared.windows import WindowPair, windows_until
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Metric
from programs.analytics.estimate import MaybeEstimate

OPTIONAL = ("members", "point_ledger", "survey_responses")


def window_of(context: StepContext) -> WindowPair:
    """It ends with the last day of the purchases."""
    return windows_until(context.data.as_of("purchases"), context.inputs["window"])


def is_full(context: StepContext) -> bool:
    return bool(context.inputs["detail"] == "full")


def metric_of(context: StepContext, name: str) -> Mapping[str, Any]:
    """The registry's definition of a KPI, as it stood when the run started."""
    return context.program["metrics"][name]  # type: ignore[no-any-return]


def loaded(context: StepContext) -> list[str]:
    return [kind for kind in OPTIONAL if context.data.has(kind)]


def tiers_of(context: StepContext) -> dict[str, float]:
    """The program's tiers, the lowest first: name → spend of twelve months."""
    return {tier["name"]: float(tier["threshold"]) for tier in context.program["tiers"]}


def kpi(context: StepContext, name: str, value: MaybeEstimate) -> Metric:
    """A KPI as people read it, with the definition and the version it was computed by."""
    metric = metric_of(context, name)
    unit = unit_of(metric, context.program["currency"])
    scale = 100.0 if unit == "%" else 1.0
    return figure(name, metric["name"], value, unit=unit, scale=scale, definition=sentence(metric))


def thresholds_of(context: StepContext) -> str:
    """The limits named for the run, else those the registry keeps."""
    return context.inputs.get("alert_threshold") or default_thresholds(context.program["metrics"])


def alerts_of(context: StepContext, values: Mapping[str, MaybeEstimate]) -> Alerts:
    return evaluate(thresholds_of(context), values, vocabulary=tuple(KPIS), period=window_of(context).period)
