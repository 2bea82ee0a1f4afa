"""The KPIs of monitor-loyalty and the measures their definitions in the registry may name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.rates import wilson_rate
from programs.schemas.metrics import STANDARD

PREFIX = "loyalty-"
KPIS = {
    metric.key.removeprefix(PREFIX).replace("-", "_"): metric.name
    for metric in STANDARD
    if metric.key.startswith(PREFIX)
}
"""What an alert threshold may name: name → title."""
FLOW_KPIS = ("active_rate", "enrolment", "revenue", "redemption_rate", "csat")
"""Counted per window and group, by the words of their definition."""
LIABILITY_SPIKE = "liability-spike"


@dataclass(frozen=True, slots=True)
class Measure:
    """A sum of ``loyalty_windows``; ``counts`` what it counts, so that a share of equals gets an interval;
    ``needs`` the dataset without which it is not known."""

    column: str
    counts: str
    needs: str = ""


MEASURES = {
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
    "retention": ("members who bought again within the window", "members observed for the window"),
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
    words = [word for word in (metric["numerator"], metric["denominator"]) if word]
    for word in words:
        if word not in MEASURES:
            return Unavailable(f"The registry counts “{word}”; this command counts {', '.join(MEASURES)}.")
        if (needs := MEASURES[word].needs) and needs not in loaded:
            return Unavailable(
                f"No {needs.replace('_', ' ')} are loaded; load them with load_dataset {needs}."
            )
    measures = [MEASURES[word] for word in words]
    values = [float(sums.get(measure.column, 0)) for measure in measures]
    if len(values) == 1:
        unit = currency if measures[0].counts == "money" else measures[0].counts
        return Estimate(values[0], unit=unit)
    if values[1] <= 0:
        return Unavailable(f"There were no {words[1]} in the window.")
    if measures[0].counts == measures[1].counts and measures[0].counts in ("members", "answers"):
        return wilson_rate(int(values[0]), int(values[1]))
    return Estimate(values[0] / values[1], numerator=values[0], denominator=values[1])


def as_defined(name: str, metric: Mapping[str, Any], value: MaybeEstimate) -> MaybeEstimate:
    """``value`` where the registry's words are those of the method that found it."""
    if (metric["numerator"], metric["denominator"]) == EXPECTED[name]:
        return value
    words = " / ".join(word for word in EXPECTED[name] if word)
    return Unavailable(
        f"The registry defines this otherwise than as “{words}”, which is what is computed here."
    )
