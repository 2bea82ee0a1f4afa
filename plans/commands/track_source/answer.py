"""The answer of a track-source run: what the campaign sourced, how surely, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.commands.shared.figures import money, percent
from plans.commands.track_source.facts import Scope
from plans.schemas.answer import (
    CANNOT_TELL,
    GO,
    WITH_CARE,
    Alternative,
    Answer,
    AnswerFigure,
    Certainty,
    Worth,
)
from plans.schemas.outputs import BacklogItem


def answer_of(
    scope: Scope,
    result: Mapping[str, Any],
    actions: Sequence[BacklogItem],
    caveats: Sequence[str],
    decides: str,
) -> Answer:
    """``result`` is the output of the attribution; ``caveats`` in the order of their weight."""
    cash, total = scope.currency, float(result["total_pipeline"])
    leader = max(result["partner_credit"].items(), key=lambda item: item[1]["pipeline"], default=None)
    return Answer(
        headline=_headline(scope, result, leader, total),
        verdict=_verdict(result),
        money=None if leader is None else _worth(scope, result, *leader),
        certainty=_certainty(result),
        figures=(
            AnswerFigure("Pipeline opened", total, cash),
            AnswerFigure("Revenue won", float(result["total_revenue"]), cash),
            _sourced(scope, result, leader),
        ),
        caveats=caveats,
        alternative=_alternative(actions, cash),
        next=_next(actions, decides),
        chart="partners",
        table="credit",
        columns=("partner", "channel", "deals", "share", "pipeline", "pipeline_low", "pipeline_high"),
    )  # fmt: skip


def _headline(scope: Scope, result: Mapping[str, Any], leader: Any, total: float) -> str:
    if leader is None:
        return (
            f"No partner can be credited in {scope.label}: no deal of the campaign has a touch that counts."
        )
    partner, credit = leader
    name, share = scope.partners.get(partner, partner), credit["pipeline"] / total if total else 0.0
    use = {
        GO: "Use these figures",
        WITH_CARE: "Do not pay on these figures yet",
        CANNOT_TELL: "These figures cannot be judged yet",
    }[_verdict(result)]
    return (
        f"{use}: {name} is credited with {money(credit['pipeline'], scope.currency)} of the "
        f"{money(total, scope.currency)} of pipeline that opened ({percent(share, 0)})."
    )


def _verdict(result: Mapping[str, Any]) -> str:
    if result["confidence"] is None:
        return CANNOT_TELL
    is_sure = result["confidence"] >= result["guardrail"] and not result["contested_deals"]
    return GO if is_sure else WITH_CARE


def _worth(scope: Scope, result: Mapping[str, Any], partner: str, credit: Mapping[str, Any]) -> Worth:
    """The credit of the first partner. It has no interval of its own: those of its sources do not add up."""
    name = scope.partners.get(partner, partner)
    return Worth(f"Pipeline credited to {name}, {result['model']}", credit["pipeline"], scope.currency)


def _sourced(scope: Scope, result: Mapping[str, Any], leader: Any) -> AnswerFigure:
    """What the first partner sourced by the rule of the first touch, against its target."""
    found = [c for c in result["contributions"] if leader and c["partner"] == leader[0]]
    if not found:
        return AnswerFigure("Pipeline sourced", None, scope.currency, unavailable="No partner is credited.")
    mine = found[0]
    target = mine["pipeline_target"]
    return AnswerFigure(
        f"Pipeline sourced by {scope.partners.get(mine['partner'], mine['partner'])}",
        float(mine["sourced_pipeline"]), scope.currency,
        comparison=None if target is None else float(target), compared_with="" if target is None else "its target",
    )  # fmt: skip


def _certainty(result: Mapping[str, Any]) -> Certainty:
    if result["confidence"] is None:
        return Certainty(f"The confidence of the attribution is not available: {result['confidence_reason']}")
    weakest = result["weakest_part"].replace("_", " ")
    return Certainty(
        f"Confidence of the attribution {percent(result['confidence'])}, where {percent(result['guardrail'])} is asked for; "
        f"its weakest part is {weakest}.",
        result["confidence"],
        "confidence of the attribution",
    )


def _alternative(actions: Sequence[BacklogItem], cash: str) -> Alternative | None:
    """The change that would bring most, as far as credit can tell."""
    valued = [action for action in actions if action.expected_value]
    if not valued:
        return None
    best = max(valued, key=lambda action: action.expected_value or 0.0)
    return Alternative(
        f"{best.title}: worth {money(best.expected_value, cash)} of pipeline if credit is cause."
    )


def _next(actions: Sequence[BacklogItem], decides: str) -> str:
    first = f" Then {actions[0].owner}: {actions[0].title}, by {actions[0].due}." if actions else ""
    return f"{decides} validates the data before partners see them.{first}"
