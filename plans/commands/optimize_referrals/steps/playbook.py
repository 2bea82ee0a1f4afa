"""Step 5, playbook: experiments and actions with owner, date, expected value and sample size, best value first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from gtm.core import canonical
from plans.commands.optimize_referrals.answer import answer_of
from plans.commands.optimize_referrals.facts import is_full, window_of
from plans.commands.optimize_referrals.steps.drilldown import STAGE_TITLES
from plans.commands.optimize_referrals.steps.drops import drop_values, dropped
from plans.commands.optimize_referrals.steps.incentives import IncentiveFinding, findings
from plans.commands.optimize_referrals.steps.partners import suspected_of
from plans.commands.optimize_referrals.steps.proposed import (
    CHANCE_FROM,
    CHANCE_TO_WIN,
    EFFORT,
    GAP_CLOSED,
    OWNERS,
    Proposal,
    by_itself,
    due,
    test_of,
)
from plans.commands.shared.figures import money, percent, with_ends
from plans.commands.shared.labour import effort_text, labour_note, person_day_cost
from plans.commands.shared.windows import today_of
from plans.engine.running.steps import StepContext
from plans.schemas import outputs as shown
from plans.schemas.outputs import Document, Section, StepResult
from programs.analytics.backlog import NOT_BY_MONEY, ProposedAction, RankedItem, prioritise
from programs.analytics.estimate import Estimate

WEIGHED = (
    "Each case is valued at its chance of fraud times the rewards that are due in it; deciding the cases has no chance of its own. "
    "The interval is from nothing to all of these rewards."
)
MOST_DROP_OFFS, MOST_PARTNERS = 5, 3
CASES_A_DAY = 10


def write_playbook(context: StepContext) -> StepResult:
    rewards = findings(context, today_of(context))
    # Rings and scripts pass every step as one: drop-offs are judged again without what is proposed for hold.
    dropped_here, _ = dropped(
        context, window_of(context).current, context.outputs["data"]["dimensions"], suspected_of(context)
    )
    drops = [drop_values(each) for each in dropped_here]
    found = [*proposals(context, drops), *(each.proposal for each in rewards if each.proposal)]
    kinds = {proposal.item.action: proposal for proposal in found}
    ranked = prioritise((proposal.item for proposal in found), person_day_cost(context.program) or 0.0)
    refreshed = context.outputs["data"]
    currency, people = refreshed["currency"], context.program["people"]
    backlog = [_values(row, kinds[row.item.action], people, currency) for row in ranked]
    alerts = [row for name in ("performance", "risk", "partners") for row in context.outputs[name]["alerts"]]
    insights = insights_of(context, drops, backlog, alerts)
    answer = answer_of(context, backlog, alerts)
    return StepResult(
        values={
            "backlog": backlog,
            "messages": partner_messages(context),
            "drops": drops,
            "insights": insights,
            "incentives": [
                {
                    "change": each.change,
                    "item": each.proposal.item.action if each.proposal else "",
                    "missing": each.missing,
                }
                for each in rewards
            ],
            "alerts": alerts,
            "expected_value": sum(row["expected_value"] or 0.0 for row in backlog),
            "not_valued": sum(row["expected_value"] is None for row in backlog),
            "answer": canonical.plain(answer),
            "headline": [
                {"label": "Proposed", "value": f"{len(backlog)} actions"},
                {"label": "Answer", "value": answer.headline},
            ],
        },
        outputs=[
            answer,
            _backlog(backlog, currency),
            _document(context, insights, alerts, rewards, currency),
        ],
    )


def proposals(context: StepContext, drops: Sequence[Mapping[str, Any]]) -> Iterator[Proposal]:
    """Everything worth proposing, each from a finding of the steps before."""
    today = today_of(context)
    yield from _messages(context, drops, today)
    yield from _enablement(context, today)
    yield from _cases(context, today)


def _messages(context: StepContext, drops: Sequence[Mapping[str, Any]], today: date) -> Iterator[Proposal]:
    """A test per drop-off beyond chance. Volume is one window; money is gross margin, of orders that name it."""
    found = context.outputs["performance"]
    priced = found.get("priced_revenue", found["revenue"])  # runs of before know no other
    margin_rate = found["margin"] / priced if priced else None
    # Breakdowns overlap: one dimension at a time, so that no money is counted twice within it.
    real = [drop for drop in drops if drop["significant"] and len(drop["breakdown"]) == 1]
    for drop in real[:MOST_DROP_OFFS]:
        lift = GAP_CLOSED * drop["gap"]
        revenue_per_pass = drop["value"] / (drop["entered"] * drop["gap"])
        step = f"{STAGE_TITLES[drop['source']]} → {STAGE_TITLES[drop['target']]}"
        luck = by_itself(drop["gap"], drop["rate"], drop["effective"])
        test, proof = test_of(context, drop["rate"], lift, drop["entered"], luck)
        yield Proposal(
            "message",
            ProposedAction(
                f"Try a new message at {step} in {drop['group']}",
                OWNERS["message"],
                due(today, EFFORT["message"], test),
                CHANCE_TO_WIN,
                _scaled(lift, drop["gap_low"], drop["gap_high"]),
                drop["entered"],
                None if margin_rate is None else revenue_per_pass * margin_rate,
                EFFORT["message"],
                f"{percent(drop['rate'])} pass against {percent(drop['best_rate'])} in {drop['best_group']}, "
                f"q = {drop['q']:.2g}, without referrals proposed for hold",
                test,
                proof,
            ),
            f"pass rate {percent(drop['rate'])} → {percent(drop['rate'] + lift)}",
        )


def _enablement(context: StepContext, today: date) -> Iterator[Proposal]:
    """The weakest partners whose conversion lies below their tier's: enable them up to half of the gap."""
    found = context.outputs["performance"]
    priced = found.get("priced", found["funnel"]["won"])
    margin = found["margin"] / priced if priced else None
    partners = context.outputs["partners"]["partners"]
    honest = [partner for partner in partners if not partner.get("suspected")]
    for partner in list(reversed(honest))[:MOST_PARTNERS]:
        peers = [p for p in partners if p["tier"] == partner["tier"]]
        referrals = sum(p["referrals"] for p in peers)
        level = sum(p["won"] for p in peers) / referrals if referrals else 0.0
        gap = level - partner["conversion"]
        if gap <= 0 or not partner["referrals"]:
            continue
        luck = by_itself(gap, partner["conversion"], partner["referrals"])
        test, proof = test_of(context, partner["conversion"], GAP_CLOSED * gap, partner["referrals"], luck)
        yield Proposal(
            "enablement",
            ProposedAction(
                f"Enable partner {partner['partner']}",
                OWNERS["enablement"],
                due(today, EFFORT["enablement"], test),
                CHANCE_TO_WIN,
                _scaled(
                    GAP_CLOSED * gap, level - partner["conversion_high"], level - partner["conversion_low"]
                ),
                partner["referrals"],
                margin,
                EFFORT["enablement"],
                f"converts {percent(partner['conversion'])}, its tier {percent(level)}; weakest in {partner['weakest']}",
                test,
                proof,
            ),
            f"conversion {percent(partner['conversion'])} → {percent(partner['conversion'] + GAP_CLOSED * gap)}",
        )


def _cases(context: StepContext, today: date) -> Iterator[Proposal]:
    risk = context.outputs["risk"]
    if not risk["cases"]:
        return
    effort = max(len(risk["cases"]) / CASES_A_DAY, 0.5)
    at_risk = sum(case["at_risk"] for case in risk["cases"] if case["proposal"] == "hold")
    yield Proposal(
        "fraud",
        ProposedAction(
            f"Decide {len(risk['cases'])} fraud cases",
            OWNERS["fraud"],
            due(today, effort, None),
            1.0,
            Estimate(risk["expected_loss"], 0.0, at_risk, unit="currency", method="score times reward"),
            1.0,
            1.0,
            effort,
            f"{money(at_risk, context.outputs['data']['currency'])} of rewards in the cases are due, weighed by the chance of fraud",
        ),
        "loss avoided",
    )


def _scaled(value: float, low: float | None, high: float | None) -> Estimate:
    low, high = (None if end is None else GAP_CLOSED * end for end in (low, high))
    return Estimate(value, low, high, unit="share", method="half of the gap")


def _values(row: RankedItem, proposal: Proposal, people: Mapping[str, str], currency: str) -> dict[str, Any]:
    item = row.item
    value, low, high = with_ends(row.expected_value)
    # Without a value the item says so and how much more it is expected to bring, counted.
    count = (
        f"{NOT_BY_MONEY}. Expected: about {row.expected_count:,.1f} more in a window of {item.volume:,.0f}"
    )
    return {
        "rank": row.rank, "kind": proposal.kind, "title": item.action,
        "why": item.evidence if value is not None else f"{item.evidence}. {count}",
        "owner_role": item.owner, "owner": people.get(item.owner) or item.owner, "eta": item.due_date.isoformat(),
        "expected_value": value, "expected_low": low, "expected_high": high,
        "expected_count": row.expected_count if value is None else None, "currency": currency, "lift": proposal.unit,
        "labour": row.labour, "proof": item.proof, **_chance(proposal), "effort_days": item.effort,
        "sample_size_per_arm": item.test.members_per_arm if item.test else None,
        "test_weeks": item.test.weeks if item.test else None,
    }  # fmt: skip


def _chance(proposal: Proposal) -> dict[str, Any]:
    """The chance that the action brings what it is meant to, and where it comes from.

    Cases are valued at the chance of fraud of each: deciding them has no further chance.
    """
    if proposal.kind == "fraud":
        return {"chance_to_win": None, "chance_from": WEIGHED}
    return {"chance_to_win": proposal.item.chance_to_win, "chance_from": CHANCE_FROM}


def _holds(risk: Mapping[str, Any]) -> int:
    return sum(case["proposal"] == "hold" for case in risk["cases"])


def _measured(risk: Mapping[str, Any]) -> str:
    """What is known of the review's own errors, or that nothing is."""
    known = []
    if risk["precision"] is not None:
        known.append(f"precision {percent(risk['precision'])}")
    if risk["recall"] is not None:
        low, high = risk["recall_interval"]
        known.append(f"recall {percent(risk['recall'])} ({percent(low)} to {percent(high)})")
    else:
        known.append("nothing is known of recall")
    by = (
        "the labels in the data"
        if risk["measured_by"] == "file"
        else "decided cases and the random audit sample"
    )
    return f"By {by}: {', '.join(known)}."


def _incremental(found: Mapping[str, Any], currency: str) -> str:
    """What a customer costs who would not have come anyway, or why nobody can say."""
    if found.get("cost_per_incremental") is None:
        return f"Cost of an incremental customer: not available. {found.get('cost_per_incremental_reason', '')}".strip()
    ends = f"{money(found['cost_per_incremental_low'], currency)} to {money(found['cost_per_incremental_high'], currency)}"
    return (
        f"Cost of an incremental customer: {money(found['cost_per_incremental'], currency)} ({ends}), by "
        f"{found['cost_per_incremental_basis']}."
    )


def partner_messages(context: StepContext) -> list[dict[str, str]]:
    """What partner operations should tell whom: a sentence a partner, from its own figures."""
    return [
        {
            "partner": partner["partner"],
            "message": f"Score {partner['score']:.0f} of 100, rank {partner['rank']:.0f} "
            f"({partner['rank_low']:.0f} to {partner['rank_high']:.0f}); weakest in {partner['weakest']}.",
        }
        for partner in context.outputs["partners"]["partners"]
    ]


def insights_of(
    context: StepContext,
    drops: Sequence[Mapping[str, Any]],
    backlog: Sequence[Mapping[str, Any]],
    alerts: Sequence[Mapping[str, Any]],
) -> list[str]:
    """The annotations of the dashboard, in sentences."""
    refreshed, found = context.outputs["data"], context.outputs["performance"]
    now, before = refreshed["flows"]["current"], refreshed["flows"]["previous"]
    currency = refreshed["currency"]
    told = [
        f"{now['conversions']:,.0f} customers were won, {before['conversions']:,.0f} in the window before; "
        f"revenue {money(now['revenue'], currency)} against {money(before['revenue'], currency)}."
        if before
        else f"{now['conversions']:,.0f} customers were won; revenue {money(now['revenue'], currency)}. "
        f"{refreshed['window']['not_comparable']}"
    ]
    told += [
        f"{STAGE_TITLES[d['source']]} → {STAGE_TITLES[d['target']]} loses most in {d['group']}: "
        f"{percent(d['rate'])} pass against {percent(d['best_rate'])} in {d['best_group']}, worth {money(d['value'], currency)}."
        for d in drops[:1]
        if d["significant"]
    ]
    if found["out_of_order"]:
        told.append(f"{found['out_of_order']:,} referrals reached a stage before the one ahead of it.")
    told += [f"Alert: {row['rule']} is breached." for row in alerts if row["verdict"] == "breached"]
    told += [f"Spike: {text}." for text in context.outputs["risk"]["spikes"]]
    if backlog and backlog[0]["expected_value"] is not None:
        told.append(f"Best value for the work: {backlog[0]['title']}.")
    elif backlog:
        told.append(f"{NOT_BY_MONEY}. Most for the work, counted: {backlog[0]['title']}.")
    return told


def _backlog(rows: Sequence[Mapping[str, Any]], currency: str) -> shown.Backlog:
    return shown.Backlog(
        "backlog",
        "Optimization backlog",
        [
            shown.BacklogItem(
                row["title"], "; ".join(filter(None, (row["why"], row["proof"]))), row["owner"], row["eta"], row["expected_value"], currency, row["lift"],
                row["sample_size_per_arm"], effort_text(row["effort_days"], row["labour"], currency),
                row["expected_low"], row["expected_high"],
            )
            for row in rows
        ],
    )  # fmt: skip


def _document(
    context: StepContext,
    insights: Sequence[str],
    alerts: Sequence[Mapping[str, Any]],
    rewards: Sequence[IncentiveFinding],
    currency: str,
) -> Document:
    risk, found = context.outputs["risk"], context.outputs["performance"]
    sections = [
        Section("Insights", bullets=list(insights)),
        Section(
            "Fraud and risk",
            [
                f"The fraud-detection skill reviewed {risk['reviewed']:,} referrals and proposes {_holds(risk)} "
                f"cases for hold; expected loss {money(risk['expected_loss'], currency)}. People decide, two on each.",
                _measured(risk),
            ],
            [f"{row['payouts']} payouts break the rule {row['rule']}." for row in risk["compliance"] if row["payouts"]],
        ),
        Section("Experiments read", bullets=[
            f"{test['experiment']} {test['arm']}: {test['verdict']}. {test['why']}".replace(" :", ":")
            for test in found["experiments"]
        ] or ["None was asked for."]),
        Section("Incentives", [_incremental(found["incentives"], currency)], [
            f"{each.change.capitalize()}: {each.proposal.item.action}. {each.proposal.item.evidence}."
            if each.proposal else f"{each.change.capitalize()}: nothing is proposed. {each.missing}"
            for each in rewards
        ]),
        Section("How expected values are made", bullets=[
            f"Chance to win {percent(CHANCE_TO_WIN, 0)} of a test, {CHANCE_FROM}. Deciding cases has none.",
            "A test is sized to close half of the gap, at 5 % error and 80 % power; values are gross margin of one window.",
            labour_note(context.program),
        ]),
    ]  # fmt: skip
    if is_full(context):
        messages = [f"{row['partner']}: {row['message']}" for row in partner_messages(context)]
        sections.append(
            Section("What partners should hear", bullets=messages or ["No partner is in the window."])
        )
        sections.append(Section("Thresholds", bullets=[
            f"{row['rule']}: {row['verdict']} {row['note']}".strip() for row in alerts
        ] or ["No threshold was given."]))  # fmt: skip
    return Document("playbook", "Playbook", sections)
