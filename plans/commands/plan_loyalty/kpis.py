"""The KPIs of a blueprint: what each is today, and from where on it alarms."""

from __future__ import annotations

from typing import Any


def kpis_of(
    signals: dict[str, Any], design: dict[str, Any], economics: dict[str, Any]
) -> list[dict[str, Any]]:
    """KPIs with baseline and threshold; thresholds come from the data and the model, none from the air."""
    return [
        _kpi("repeat_rate", "Repeat rate, 90 days", "%", signals["repeat_rate"], signals["repeat_rate"], "≥",
             "member-insights-analyst"),
        _kpi("survival_12", "Still buying after 12 months", "%", signals["survival_12"], signals["survival_12"], "≥",
             "member-insights-analyst"),
        _kpi("lift", "Lift in spend against a holdout", "%", economics["expected_lift"], economics["break_even_lift"], "≥",
             "loyalty-strategist"),
        _kpi("cost_per_point", "Cost per redeemed point", "money", economics["cost_per_point"],
             economics["cost_per_point"] * 1.1, "≤", "finance"),
        _kpi("redemption_rate", "Ultimate redemption rate", "%", economics["redemption_rate"],
             economics["redemption_rate"] + 0.1, "≤", "finance"),
        _kpi("reward_cost", "Reward cost a year", "money", design["annual_pool"], design["annual_budget"], "≤", "finance"),
        _kpi("roi", "Return on cost over the horizon", "%", economics["roi_p50"], 0.0, "≥", "exec-sponsor"),
    ]  # fmt: skip


def _kpi(
    key: str, label: str, unit: str, baseline: Any, threshold: Any, comparator: str, owner: str
) -> dict[str, Any]:
    return {"key": key, "label": label, "unit": unit, "baseline": baseline, "threshold": threshold,
            "comparator": comparator, "owner": owner}  # fmt: skip
