"""The answer of an optimize-referrals run: what to do first, what it is worth, and what fraud is to be decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.commands.optimize_referrals.facts import ARCHITECT, elsewhere_note, window_of
from plans.commands.shared.figures import money, percent
from plans.commands.shared.first_action import action_answer
from plans.commands.shared.labour import person_day_cost
from plans.commands.shared.launched import before_the_launch, partly_before
from plans.commands.shared.thresholds import unproven
from plans.engine.running.steps import StepContext
from plans.schemas.answer import Answer, AnswerFigure

MORE_RETURNED = 0.02
"""Of the orders won: a smaller difference between two windows is no news."""


def answer_of(
    context: StepContext, backlog: Sequence[Mapping[str, Any]], alerts: Sequence[Mapping[str, Any]]
) -> Answer:
    """``backlog`` in its order, ``alerts`` of all steps."""
    refreshed, found, risk = (context.outputs[name] for name in ("data", "performance", "risk"))
    currency = refreshed["currency"]
    trouble = [
        f"{row['rule']} is breached: {row['value']:.4g}." for row in alerts if row["verdict"] == "breached"
    ]
    trouble += [f"{text.rstrip('.')}." for text in risk["spikes"]]
    windows = window_of(context)
    old = before_the_launch(context, windows)
    if old and backlog:
        trouble.insert(0, old)
    return action_answer(
        backlog,
        currency,
        trouble=trouble,
        nothing="Change nothing now: no drop-off, partner or case stands out beyond chance.",
        unknown=old,
        figures=_figures(found, risk, currency, context.program["metrics"]["conversion"]),
        caveats=[*filter(None, [partly_before(context, windows), _paid_elsewhere(refreshed, context)]), *unproven(alerts), *_returns_to_come(refreshed["flows"]), *_caveats(found, risk, currency)],
        decides=context.program["people"].get(ARCHITECT) or "The referral architect",
        labour=person_day_cost(context.program),
        chart="funnel",
        table="backlog",
        columns=("title", "expected_value", "low", "high", "unit", "owner", "due"),
    )  # fmt: skip


def _figures(
    found: Mapping[str, Any], risk: Mapping[str, Any], currency: str, conversion: Mapping[str, Any]
) -> list[AnswerFigure]:
    """``conversion``: the metric as the registry defines it."""
    kpis, why, cost = found["kpis"], found["unavailable"], found["incentives"]
    low, high = found["conversion_ends"] or (None, None)
    before, value = found["conversion_before"], kpis["conversion"]
    per_new = cost["cost_per_incremental"]
    held = sum(case["at_risk"] for case in risk["cases"] if case["proposal"] == "hold")
    return [
        AnswerFigure(
            conversion["name"], None if value is None else 100 * value, "%", *_scaled(low, high),
            comparison=None if before is None else 100 * before,
            compared_with="" if before is None else "the window before", unavailable=why.get("conversion", ""),
            definition=f"{conversion['numerator']} / {conversion['denominator']}".capitalize(),
        ),
        AnswerFigure(
            "Cost of an incremental customer", per_new, currency, cost["cost_per_incremental_low"],
            cost["cost_per_incremental_high"], None if cost["cost_per_incremental_low"] is None else 0.95,
            unavailable="" if per_new is not None else cost["cost_per_incremental_reason"],
        ),
        AnswerFigure(
            "Rewards due in cases to hold", held, currency,
            definition="Rewards that are due in the cases proposed for hold, as far as they were not returned, whenever "
            "the invitation was",
        ),
    ]  # fmt: skip


def _returns_to_come(flows: Mapping[str, Any]) -> list[str]:
    """Orders of the window before had longer to come back: what is left of each cannot be compared yet."""
    now, before = flows["current"], flows["previous"]
    if not before or not now["gross_conversions"] or not before["gross_conversions"]:
        return []
    lost, lost_before = (1 - each["conversions"] / each["gross_conversions"] for each in (now, before))
    if lost_before - lost < MORE_RETURNED:
        return []
    return [
        f"Of the orders won in the window before {percent(lost_before, 0)} were returned by now, of those of this window "
        f"{percent(lost, 0)}: more may come back, so conversion and revenue of this window may still fall."
    ]


def _paid_elsewhere(refreshed: Mapping[str, Any], context: StepContext) -> str:
    """A plan of before the rule was told has no such count."""
    paid = refreshed.get("paid_elsewhere")
    return elsewhere_note(paid, context.program) if paid else ""


def _scaled(low: float | None, high: float | None) -> tuple[float | None, float | None, float | None]:
    if low is None or high is None:
        return None, None, None
    return 100 * low, 100 * high, 0.95


def _caveats(found: Mapping[str, Any], risk: Mapping[str, Any], currency: str) -> list[str]:
    told = []
    holds = sum(case["proposal"] == "hold" for case in risk["cases"])
    if holds:
        told.append(
            f"{holds} fraud cases are proposed for hold, with an expected loss of {money(risk['expected_loss'], currency)}; "
            "two people decide each."
        )  # fmt: skip
    if risk["cases_to_review"]:
        told.append(f"{risk['cases_to_review']} further cases are for review: nothing is held for them.")
    if risk["suspected_partners"]:
        told.append(
            f"Partners whose traffic looks wrong as a whole: {', '.join(risk['suspected_partners'])}."
        )
    if risk["recall"] is None:
        told.append(
            "Nothing is known of recall: how much fraud is missed takes decided cases and an audit sample."
        )
    if risk["clawbacks"]:
        told.append(
            f"{risk['clawbacks']} rewards were paid and not taken back after a return: "
            f"{money(risk['clawback_amount'], currency)}."
        )  # fmt: skip
    if found["incentives"]["cost_per_incremental"] is None:
        told.append("Whether rewards bring customers who would not have come anyway is not measured.")
    return told
