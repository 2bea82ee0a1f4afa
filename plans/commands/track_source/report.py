"""Step 6, reporting package: the summary in words that follow from the numbers, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.utils.text import capfirst

from gtm.core import canonical
from gtm.core.percents import percent_text
from plans.commands.shared.figures import money, percent
from plans.commands.track_source.answer import answer_of
from plans.commands.track_source.facts import Scope, scope_of
from plans.commands.track_source.steps import satisfaction
from plans.commands.track_source.steps.insights import describe, efficiency
from plans.commands.track_source.steps.touches import SEPARATOR, UNTAGGED
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Backlog, BacklogItem, Document, Figure, Metrics, Section, StepResult

EARNS_MORE, EARNS_LESS = 1.3, 0.6
SPRINT_DAYS, DECISION_DAYS = 14, 5
"""Adjustments are in place by the end of the next sprint; what people only have to decide comes sooner."""
TOLD_OF_AN_ACTION = ("title", "why", "owner", "due", "expected_value", "low", "high", "unit", "lift")
LEAST_TOUCHES = 50
MORE = 0.1
"""What a change is valued at: a tenth more of it. Beyond that nobody has seen what happens."""
CHANCE_TO_WIN = 1 / 3
"""About a third of changes bring what they were meant to (Kohavi et al. 2009)."""
MAY_BE_WRONG = (
    "It may be wrong because credit is not cause, because a source picked for standing out will fall back by itself, and "
    "because the next touches reach people who need them less. A holdout test tells"
)
DECISIONS = ("Decide ", "Settle ")
NOT_CAUSAL = (
    "Credit divides the deals that came among the touches before them; it does not say which would be missing without "
    "a source. A holdout test does."
)


def write_report(context: StepContext) -> StepResult:
    scope = scope_of(context)
    actions = [replace(action, due=_due(context, action)) for action in actions_of(context, scope)]
    sections = summary_of(context, scope)
    lead = context.program["people"].get("co-marketing-analytics-lead") or "The co-marketing analytics lead"
    answer = answer_of(scope, context.outputs["attribution"], actions, sections[-1].bullets, lead)
    asked = satisfaction.partner_score(context, scope)
    return StepResult(
        values={
            "answer": canonical.plain(answer),
            "summary": sections[0].paragraphs,
            "actions": [{name: getattr(a, name) for name in TOLD_OF_AN_ACTION} for a in actions],
            **satisfaction.values_of(asked),
        },
        outputs=[
            answer,
            Document("summary", f"Executive summary: {scope.name}", sections),
            _dashboard(context, scope),
            *satisfaction.outputs_of(asked),
            Backlog("actions", "Optimization actions", actions),
        ],
    )


def summary_of(context: StepContext, scope: Scope) -> list[Section]:
    result, gathered = context.outputs["attribution"], context.outputs["gathered"]
    insights, deals = context.outputs["insights"], context.outputs["reconciled"]
    cash = scope.currency
    ranked = sorted(result["partner_credit"].items(), key=lambda item: -item[1]["deals"])
    total = sum(c["deals"] for _, c in ranked)
    shares = "; ".join(
        f"{scope.partners.get(p, p)} {percent(c['deals'] / total)} of the deals ({money(c['pipeline'], cash)} of pipeline)"
        for p, c in ranked
    )
    paragraphs = [
        f"In {scope.label} {deals['opened']} deals worth {money(float(deals['pipeline']), cash)} opened and {deals['won']} "
        f"worth {money(float(deals['revenue']), cash)} were won.",
        f"By the {'requested' if scope.overridden else 'agreed'} model, {scope.agreed_name}: {shares}.",
        _confidence(result),
    ]
    found = [
        f"{_name(scope, c)}: {text}" for c in result["contributions"] for text in _against_target(c, cash)
    ]
    working = [capfirst(describe(row)) for row in insights["asset"][:3]]
    lost = [
        f"{row['name']} wins {percent(row['rate'])} of its decided deals, {points(row['gap'])} below "
        f"{scope.partners.get(row['best'], row['best'])} (95 %: {points(row['gap_low'])} to {points(row['gap_high'])})"
        for row in insights["drop_off"]
        if row["gap"] is not None
    ]
    know = [*gathered["warnings"], *_open_questions(context, scope), NOT_CAUSAL]
    return [
        Section("What happened", paragraphs),
        Section("Against targets", bullets=found or ["No targets are loaded."]),
        Section("What works", bullets=working or ["No asset can be credited yet."]),
        Section("Where deals are lost", bullets=lost or ["No difference between partners can be stated."]),
        Section("What to know before using these figures", bullets=know),
    ]


def _confidence(result: Mapping[str, Any]) -> str:
    if result["confidence"] is None:
        return f"Attribution confidence is not available: {result['confidence_reason']}"
    weakest = result["weakest_part"]
    stands = "above" if result["confidence"] >= result["guardrail"] else "below"
    return (
        f"Attribution confidence is {percent(result['confidence'])}, {stands} the guardrail of {percent(result['guardrail'])}; "
        f"the weakest part is {weakest.replace('_', ' ')} ({percent(result['confidence_parts'][weakest])})."
    )


def _name(scope: Scope, contribution: Mapping[str, Any]) -> str:
    return scope.partners.get(contribution["partner"], contribution["partner"])


def _against_target(c: Mapping[str, Any], cash: str) -> Iterator[str]:
    for label, actual, target in (
        ("sourced pipeline", c["sourced_pipeline"], c["pipeline_target"]),
        ("sourced revenue", c["sourced_revenue"], c["revenue_target"]),
    ):
        if target:
            reached = float(actual) / float(target)
            yield f"{label} {money(float(actual), cash)}, {percent(reached)} of {money(float(target), cash)}"


def _open_questions(context: StepContext, scope: Scope) -> list[str]:
    result, deals = context.outputs["attribution"], context.outputs["reconciled"]
    books, identity = context.outputs["normalised"], context.outputs["identity"]
    found = []
    if result["contested_deals"]:
        found.append(f"Deals contested, and in no partner's sourced figures: {result['contested_deals']}.")
    if result["unsourced_deals"]:
        found.append(f"Deals sourced by nobody known: {result['unsourced_deals']}.")
    if deals["joined"]:
        found.append(
            f"Deals in the books of several partners: {deals['joined']}; each is counted once, "
            f"else the pipeline would be {money(float(deals['counted_twice_without']), scope.currency)} too high."
        )
    if books["unconverted"]:
        found.append(
            f"{sum(books['unconverted'].values())} amounts have no exchange rate and count as nothing."
        )
    if books["stage_review"]:
        found.append(
            f"{sum(i['rows'] for i in books['stage_review'])} records have a stage that waits for a person."
        )
    if unplaced := books.get("credit_notes", {}).get("unplaced"):
        told = " and ".join(money(amount, code) for code, amount in sorted(unplaced.items()))
        found.append(f"Credit notes that fit no deal, and are in no figure: {told}.")
    if identity["doubtful_pairs"]:
        found.append(
            f"Pairs of contacts that may be one person and were kept apart: {identity['doubtful_pairs']}."
        )
    return found


def actions_of(context: StepContext, scope: Scope) -> Iterator[BacklogItem]:
    """Each action names its asset or channel and the number that asks for it, dearest first."""
    result, insights = context.outputs["attribution"], context.outputs["insights"]
    owner = context.program["people"].get("partner-marketer") or "Partner marketer"
    lead = context.program["people"].get("co-marketing-analytics-lead") or "Co-marketing analytics lead"
    rows = [
        r
        for r in efficiency(result["credit"])
        if r["touches"] >= LEAST_TOUCHES and not r["source"].endswith(UNTAGGED)
    ]
    for row in sorted(rows, key=lambda r: -r["ratio"]):
        if row["ratio"] >= EARNS_MORE:
            yield _more_of(row, scope, result.get("spend", {}).get(row["source"]), owner)
    for row in sorted(rows, key=lambda r: r["ratio"]):
        if row["ratio"] <= EARNS_LESS:
            yield BacklogItem(f"Rework or reduce {_source(scope, row['source'])}", f"{row['deals']:.0f} deals credited on {row['touches']} touches: "
                              f"its share of deals is {row['ratio']:.1f} times its share of touches", owner)  # fmt: skip
    assets = [r for r in insights["asset"] if r["per_journey"] is not None and r["journeys"] >= LEAST_TOUCHES]
    if len(assets) > 1:
        best, second = sorted(assets, key=lambda r: -r["per_journey"])[:2]
        sure = "" if best["rate_low"] > second["rate_high"] else f"; not clearly ahead of {second['label']}"
        yield _more_people(best, assets, scope, sure, owner)
    for row in insights["drop_off"]:
        if row["gap_low"] is not None and row["gap_low"] > 0:
            yield BacklogItem(f"Look at the deals {row['name']} loses", f"Win rate {percent(row['rate'])}, {points(row['gap'])} below the best "
                              f"(95 %: at least {points(row['gap_low'])})", owner)  # fmt: skip
    yield from _repairs(context, lead, scope.currency)


def _more_of(
    row: Mapping[str, Any], scope: Scope, spend: Mapping[str, Any] | None, owner: str
) -> BacklogItem:
    """A tenth more touches, at the credit that touches had so far: at best all of it is new, at worst none."""
    gained = MORE * row["pipeline"]
    touches = round(MORE * row["touches"])
    cost = (
        f"Cost: {money(touches * spend['per_touch'], scope.currency)}, at {money(spend['per_touch'], scope.currency)} a touch"
        if spend
        else "Cost: not known, the touches state none"
    )
    return BacklogItem(
        f"Do more of {_source(scope, row['source'])}",
        f"{row['deals']:.0f} deals credited on {row['touches']} touches: its share of deals is {row['ratio']:.1f} times its "
        f"share of touches. {touches:,} touches more would bring {money(gained, scope.currency)} of pipeline if each brought as "
        f"much, and one such change in three does. {cost}. {MAY_BE_WRONG}",
        owner,
        expected_value=CHANCE_TO_WIN * gained,
        unit=scope.currency,
        lift=f"pipeline, {percent_text(MORE, 0)} more touches",
        low=0.0,
        high=MORE * (row["pipeline_high"] or row["pipeline"]),
    )


def _more_people(
    best: Mapping[str, Any], assets: Sequence[Mapping[str, Any]], scope: Scope, sure: str, owner: str
) -> BacklogItem:
    """What changes if people see the best asset instead of the others: the difference between them, not its credit."""
    people = round(MORE * best["journeys"])
    others = [row for row in assets if row is not best]
    usual = sum(row["credit"] for row in others) / sum(row["journeys"] for row in others)
    per_deal = best["pipeline"] / best["credit"] if best["credit"] else 0.0
    gained = people * max(best["per_journey"] - usual, 0.0) * per_deal
    most = people * max(best["credit_high"] / best["journeys"] - usual, 0.0) * per_deal
    return BacklogItem(
        f"Bring {best['label']} to more people",
        f"The most deals credited per journey of all assets: {describe(best)}{sure}. {people:,} people more on it instead of "
        f"other assets would bring {money(gained, scope.currency)} of pipeline if it is the asset that does it, and one such "
        f"change in three does. Cost: not known. {MAY_BE_WRONG}",
        owner,
        expected_value=CHANCE_TO_WIN * gained,
        unit=scope.currency,
        lift=f"pipeline, {people:,} people more",
        low=0.0,
        high=max(most, gained),
    )


def _due(context: StepContext, action: BacklogItem) -> str:
    days = DECISION_DAYS if action.title.startswith(DECISIONS) else SPRINT_DAYS
    return (context.now.date() + timedelta(days=days)).isoformat()


def points(share: float) -> str:
    return f"{100 * share:.1f} percentage points"


def _source(scope: Scope, source: str) -> str:
    partner, _, channel = source.partition(SEPARATOR)
    return f"{channel} by {scope.partners.get(partner, partner)}"


def _repairs(context: StepContext, lead: str, currency: str) -> Iterator[BacklogItem]:
    result, gathered = context.outputs["attribution"], context.outputs["gathered"]
    if gathered["review"]:
        values = ", ".join(f"{i['raw']} ({i['rows']})" for i in gathered["review"][:5])
        yield BacklogItem("Decide on unknown UTM values", f"Touches by value: {values}", lead)
    if context.outputs["normalised"]["stage_review"]:
        stages = ", ".join(
            f"{i['raw']} ({i['rows']})" for i in context.outputs["normalised"]["stage_review"][:5]
        )
        yield BacklogItem("Decide what unmapped stages mean", f"Records by stage: {stages}", lead)
    if result["contested_deals"]:
        contested = max(float(c["contested_pipeline"]) for c in result["contributions"])
        yield BacklogItem("Settle the contested deals between the partners", f"Deals claimed against the first touch or by several partners: "
                          f"{result['contested_deals']}, {money(contested, currency)} of pipeline. It moves between partners; none is gained", lead)  # fmt: skip


def _dashboard(context: StepContext, scope: Scope) -> Metrics:
    result, gathered = context.outputs["attribution"], context.outputs["gathered"]
    sure = result["confidence"] is not None
    return Metrics(
        "dashboard",
        f"Dashboard: {scope.name}",
        [
            Figure("pipeline", "Pipeline opened", result["total_pipeline"], scope.currency),
            Figure("revenue", "Revenue won", result["total_revenue"], scope.currency),
            Figure("confidence", "Attribution confidence", 100 * result["confidence"] if sure else None, "%",
                   target=f"at least {percent(result['guardrail'])}", unavailable="" if sure else result["confidence_reason"]),
            Figure("coverage", "UTM coverage", None if gathered["utm_coverage"] is None else 100 * gathered["utm_coverage"], "%",
                   unavailable="" if gathered["utm_coverage"] is not None else "No touch in the window."),
            *[
                Figure(f"share_{p}", f"Pipeline credited to {scope.partners.get(p, p)}", c["pipeline"], scope.currency)
                for p, c in result["partner_credit"].items()
            ],
        ],
        note=f"{scope.label}; {scope.agreed_name}.",
    )  # fmt: skip
