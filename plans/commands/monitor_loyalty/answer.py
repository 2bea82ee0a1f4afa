"""The answer of a monitor-loyalty run: what to do first, what it is worth, and how the program stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.commands.shared.figures import money, percent
from plans.commands.shared.first_action import action_answer
from plans.commands.shared.labour import person_day_cost
from plans.commands.shared.thresholds import unproven
from plans.engine.running.steps import StepContext
from plans.schemas.answer import Answer, AnswerFigure

FIGURES = (("active_rate", "%"), ("retention", "%"), ("liability", ""))
"""KPIs an executive asks for first; the liability is in money."""
FAR_OFF = 0.15
"""Of the orders of the hold-out: from here on the answer says so beside the churn of the same model."""


def answer_of(
    context: StepContext, backlog: Sequence[Mapping[str, Any]], alerts: Sequence[Mapping[str, Any]]
) -> Answer:
    """``backlog`` in its order, ``alerts`` of all steps."""
    data, health = context.outputs["data"], context.outputs["health"]
    currency = data["currency"]
    breached = [
        f"{row['rule']} is breached: {row['value']:.4g}." for row in alerts if row["verdict"] == "breached"
    ]
    breached += [f"Point liability spiked: {spike}." for spike in health["spikes"]]
    return action_answer(
        backlog,
        currency,
        trouble=breached,
        nothing="Nobody needs an action now: no play has members in this window.",
        unknown=context.outputs["insights"].get("unavailable", ""),
        figures=figures_of(data, health, context.program["metrics"], currency),
        caveats=[*unproven(alerts), *_of_points(health, currency), *_not_known(data, health), *data["notes"], *growing(health, currency)],
        decides=context.program["people"].get("loyalty-strategist") or "The loyalty strategist",
        labour=person_day_cost(context.program),
        chart="kpi_trend",
        table="backlog_values",
        columns=("title", "expected_value", "expected_low", "expected_high", "members", "owner", "eta"),
    )  # fmt: skip


def figures_of(
    data: Mapping[str, Any], health: Mapping[str, Any], metrics: Mapping[str, Any], currency: str
) -> list[AnswerFigure]:
    """Three KPIs with their interval, against the window before."""
    before = {**data["kpis_before"], "liability": health["liability_before"]}
    values = {**data["kpis"], "liability": health["liability"]}
    reasons = {**data["unavailable"], **health["unavailable"]}
    ends = {**data["kpi_ends"], "liability": (health.get("liability_low"), health.get("liability_high"))}
    found = []
    for name, unit in FIGURES:
        scale = 100.0 if unit == "%" else 1.0
        low, high = ends.get(name) or (None, None)
        value, was = values.get(name), before.get(name)
        found.append(AnswerFigure(
            metrics[name]["name"], None if value is None else scale * value, unit or currency,
            None if low is None else scale * low, None if high is None else scale * high, None if low is None else 0.95,
            None if was is None else scale * was, "the window before" if was is not None else "",
            unavailable=reasons.get(name, "It was not measured.") if value is None else "",
        ))  # fmt: skip
    return found


def _not_known(data: Mapping[str, Any], health: Mapping[str, Any]) -> list[str]:
    reasons = {**data["unavailable"], **health["unavailable"]}
    return list(dict.fromkeys(f"{name.replace('_', ' ').capitalize()} is not known: {why}" for name, why in reasons.items()))  # fmt: skip


def _of_points(health: Mapping[str, Any], currency: str) -> list[str]:
    """First of all: how far the liability that stands above may be another."""
    caveat, order = health.get("points_caveat"), health.get("order_of_points")
    if not caveat:
        return []
    low, high = health["liability_low"], health["liability_high"]
    if not order or not caveat.startswith(order) or low is None or high is None:
        return [f"{caveat}."]
    if by_order := health.get("liability_by_order"):
        first, newest = (money(each, currency) for each in by_order)
        return [
            f"{caveat}. The point liability is {money(health['liability'], currency)} ({money(low, currency)} to "
            f"{money(high, currency)}) so, {first} first in first out and {newest} newest first: if the redemptions that "
            "name their month are not like the others, it may lie elsewhere between these two."
        ]
    # Of old points little is owed: an order that hardly moves breakage may move what is owed several times.
    return [
        f"{caveat}. So this ledger cannot tell what is owed: the point liability lies between {money(low, currency)} "
        f"and {money(high, currency)}, and {money(health['liability'], currency)} is its figure first in first out. "
        "Redemptions that name their month of issue would tell."
    ]


def _as_tested(health: Mapping[str, Any]) -> str:
    """Where the model missed what was bought. Which way its churn leans cannot be read from that: a season makes
    orders of a quarter many or few, whoever has left."""
    error = health["holdout_error"]
    if error is None or abs(error) < FAR_OFF:
        return ""
    model = health.get("churn_model")
    season = "the season that came back" if model and model["parameters"].get("clock") else "no season"
    return f", by a model that knows {season} and was {percent(abs(error))} off on its hold-out: read it with care"


def growing(health: Mapping[str, Any], currency: str) -> list[str]:
    found = []
    if (health["liability_per_week"] or 0) > 0:
        found.append(f"The point liability grows by {money(health['liability_per_week'], currency)} a week.")
    if health["churn_risk"] is not None:
        found.append(
            f"{percent(health['churn_risk'])} of repeat buyers have probably left{_as_tested(health)}."
        )
    return found
