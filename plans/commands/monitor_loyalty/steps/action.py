"""Step 5, action plan: risks and opportunities with owners, and a backlog in order of value for the work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from gtm.core import canonical
from gtm.core.percents import percent_text
from plans.commands.monitor_loyalty.answer import answer_of
from plans.commands.monitor_loyalty.kpis import metric_of
from plans.commands.shared.experiments import SMALLEST_LIFT
from plans.commands.shared.figures import chance as in_words
from plans.commands.shared.figures import money, percent, value_of, with_ends
from plans.commands.shared.labour import effort_text, labour_line, labour_note, person_day_cost
from plans.commands.shared.next_tests import CANNOT_BE_TESTED
from plans.commands.shared.thresholds import alert_table
from plans.commands.shared.windows import today_of
from plans.engine.running.steps import StepContext
from plans.schemas import outputs as shown
from plans.schemas.outputs import Column, StepResult, Table
from programs.analytics.backlog import ProposedAction, RankedItem, prioritise
from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.experiments import (
    TestPlan,
    members_per_arm_for_share,
    plan_test,
)

PRIOR_WINS, PRIOR_LOSSES = 1, 2
"""About a third of experiments improve what they were meant to (Kohavi et al. 2009): worth three tests of one's own."""
LIFT_LOW, LIFT_HIGH = 0.05, 0.15


@dataclass(frozen=True, slots=True)
class Move:
    """What a play asks somebody to do; ``effort`` is person-days."""

    title: str
    kind: str
    owner: str
    effort: float


MOVES = {
    "win-back": Move(
        "Win back frequent buyers who went quiet", "journey tweak", "member-insights-analyst", 4.0
    ),
    "nudge": Move("Nudge members close to the next tier", "messaging update", "loyalty-ops", 2.0),
    "upgrade": Move(
        "Offer the next tier early to those on course", "rewards refresh", "loyalty-strategist", 5.0
    ),
}


def plan_actions(context: StepContext) -> StepResult:
    data, health = context.outputs["data"], context.outputs["health"]
    currency, people = data["currency"], context.program["people"]
    chance, record = chance_to_win(context.outputs["experiments"]["experiments"])
    ranked = prioritise(proposals(context, chance), person_day_cost(context.program) or 0.0)
    backlog = [values_of(row, people) | {"chance_from": f"as {record}"} for row in ranked]
    alerts = [*data["alerts"], *health["alerts"]]
    risks = list(risks_of(context, alerts))
    answer = answer_of(context, backlog, alerts)
    return StepResult(
        values={
            "backlog": backlog,
            "risks": risks,
            "alerts": alerts,
            "chance_to_win": chance,
            "answer": canonical.plain(answer),
            "headline": [{"label": "Answer", "value": answer.headline}],
        },
        outputs=[
            answer,
            Table("risks", "Risks and opportunities",
                  [Column("kind", "Kind"), Column("what", "What the data say"), Column("source", "From"),
                   Column("owner", "Owner")],
                  [[r["kind"], r["what"], r["source"], people.get(r["owner"]) or r["owner"]] for r in risks],
                  "From names the output in which the figure stands."),
            alert_table(alerts),
            _values_table(backlog, currency, labour_note(context.program)),
            _assumptions(context, chance, record),
            shown.Backlog("backlog", "Action plan", [
                shown.BacklogItem(
                    r["title"], r["why"], r["owner"], r["eta"], r["expected_value"], currency,
                    f"{percent_text(SMALLEST_LIFT, 0)} relative, planned", r["sample_size_per_arm"],
                    effort_text(r["effort_days"], r["labour"], currency), r["expected_low"], r["expected_high"],
                )
                for r in backlog
            ]),
        ],
    )  # fmt: skip


def chance_to_win(tests: Sequence[dict[str, Any]]) -> tuple[float, str]:
    """The chance that a test improves what it is meant to: the prior, moved by the tests read in this run."""
    wins = sum(test["verdict"] == "ship" for test in tests)
    losses = sum(test["verdict"] in ("hold", "stop") for test in tests)
    mean = (PRIOR_WINS + wins) / (PRIOR_WINS + PRIOR_LOSSES + wins + losses)
    return (
        mean,
        f"a third of tests win (Kohavi et al. 2009), moved by {wins} won and {losses} lost in this run",
    )


def proposals(context: StepContext, chance: float) -> Iterator[ProposedAction]:
    """A test per play with members: a relative lift of ``SMALLEST_LIFT`` of what is at stake, an assumption."""
    currency = context.outputs["data"]["currency"]
    margin = float(context.program["gross_margin"])
    for play in context.outputs["insights"]["plays"]:
        if not play["members"]:
            continue
        move = MOVES[play["play"]]
        each = play["value_at_stake"] / play["members"]
        effect = Estimate(
            SMALLEST_LIFT * each,
            LIFT_LOW * each,
            LIFT_HIGH * each,
            unit="money per member",
            method="assumed range",
        )
        test, proof = test_of(play)
        yield ProposedAction(
            move.title, move.owner, due(today_of(context), move.effort, test), chance, effect, play["members"],
            1.0 if play["play"] == "win-back" else margin, move.effort,
            f"{move.kind}: {play['members']:,} members, {money(play['value_at_stake'], currency)} at stake. {proof}",
            test, proof,
        )  # fmt: skip


def test_of(play: dict[str, Any]) -> tuple[TestPlan | None, str]:
    """Two arms of the play's own members on the share who buy, with 80 % power for the lift that is valued, or why
    there is no such test.

    All members are there from the start, so the weeks are those the outcome takes.
    """
    rate, members, weeks = play["base_rate"], play["members"], play["test_weeks"]
    anyway = f"{percent(rate)} are expected to buy anyway"
    if not 0 < rate < 1 or rate * (1 + SMALLEST_LIFT) >= 1:
        return None, f"It {CANNOT_BE_TESTED}. Of the members, {anyway}, which leaves no room for this lift."
    size = int(np.ceil(members_per_arm_for_share(rate, rate * SMALLEST_LIFT)))
    if 2 * size > members:
        return None, (
            f"It {CANNOT_BE_TESTED}. A test of this lift needs {size:,} members per arm. There are {members:,} members, of "
            f"whom {anyway} within {weeks} weeks."
        )
    found = plan_test(size, members, minimum_weeks=weeks)
    if isinstance(found, Unavailable):
        return None, found.reason
    return (
        found,
        f"{size:,} members per arm show a lift of {percent_text(SMALLEST_LIFT, 0)} in {found.weeks} weeks, with 80 % power.",
    )


def due(today: date, effort: float, test: TestPlan | None) -> date:
    ready = np.busday_offset(today, int(np.ceil(effort)), roll="forward")
    day = (ready + np.timedelta64(7 * (test.weeks if test else 0), "D")).item()
    assert isinstance(day, date), f"{day!r} is no day"
    return day


def values_of(row: RankedItem, people: dict[str, str]) -> dict[str, Any]:
    """An action as the plan JSON and later tasks read it."""
    item, (value, low, high) = row.item, with_ends(row.expected_value)
    return {
        "rank": row.rank,
        "title": item.action,
        "why": item.evidence,
        "owner_role": item.owner,
        "owner": people.get(item.owner) or item.owner,
        "eta": item.due_date.isoformat(),
        "expected_value": value,
        "expected_low": low,
        "expected_high": high,
        "value_per_day": value_of(row.per_effort),
        "chance_to_win": item.chance_to_win,
        "effect_per_member": item.effect.value,
        "members": item.volume,
        "margin": item.margin,
        "effort_days": item.effort,
        "labour": row.labour,
        "proof": item.proof,
        "sample_size_per_arm": item.test.members_per_arm if item.test else None,
        "test_weeks": item.test.weeks if item.test else None,
    }


def _values_table(backlog: Sequence[dict[str, Any]], currency: str, labour: str) -> Table:
    columns = [
        Column("rank", "Rank", "integer"), Column("title", "Action"), Column("expected_value", "Expected value", "money", currency),
        Column("expected_low", "from", "money", currency), Column("expected_high", "to", "money", currency),
        Column("value_per_day", "Value per person-day", "money", currency), Column("chance_to_win", "Chance to win", "chance"),
        Column("effect_per_member", "Effect per member", "money", currency), Column("members", "Members", "integer"),
        Column("margin", "Margin of the effect", "percent"), Column("effort_days", "Person-days", "number"),
        Column("labour", "Labour", "money", currency),
        Column("sample_size_per_arm", "Members per arm", "integer"), Column("test_weeks", "Weeks", "integer"),
        Column("owner", "Owner"), Column("eta", "Due", "date"),
    ]  # fmt: skip
    return Table("backlog_values", "What each action is worth", columns,
                 [[row[column.key] for column in columns] for row in backlog],
                 "Expected value = chance to win × effect × members × margin − labour; ranked by value per person-day. The "
                 f"interval is that of the assumed lift alone. {labour}")  # fmt: skip


def _assumptions(context: StepContext, chance: float, record: str) -> Table:
    rows = [
        ["Chance to win", in_words(chance), record],
        ["Relative lift of what is at stake", f"{percent_text(SMALLEST_LIFT, 0)}, {percent_text(LIFT_LOW, 0)} to {percent_text(LIFT_HIGH, 0)}", "planned, to be replaced by the test's own"],
        ["Gross margin", percent(float(context.program["gross_margin"])), "program settings; win-back is margin already"],
        *([f"Person-days, {name}", f"{move.effort:g}", "planning figure"] for name, move in MOVES.items()),
        ["Cost of a person-day", *labour_line(context.program, context.outputs["data"]["currency"])],
        ["Test", "two arms, 5 % error, 80 % power", "share of the play's members who buy while it runs, as the churn model expects"],
    ]  # fmt: skip
    return Table("assumptions", "Assumptions of the action plan",
                 [Column("what", "Assumption"), Column("value", "Value"), Column("source", "From")], rows)  # fmt: skip


def risks_of(context: StepContext, alerts: Sequence[dict[str, Any]]) -> Iterator[dict[str, str]]:
    """Each with the output its figure stands in and the role that owns it."""
    health, data, tests = (context.outputs[name] for name in ("health", "data", "experiments"))
    currency = data["currency"]

    def row(kind: str, what: str, source: str, owner: str) -> dict[str, str]:
        return {"kind": kind, "what": what, "source": source, "owner": owner}

    for alert in alerts:
        if alert["verdict"] == "breached":
            owner = metric_of(context, alert["metric"])["owner_role"] or "member-insights-analyst"
            yield row("risk", f"{alert['rule']} is breached: {alert['value']:.4g}", "alerts", owner)
    for spike in health["spikes"]:
        yield row("risk", f"Liability spike, {spike}", "liability_chart", "finance")
    if health["churn_risk"] is not None:
        yield row("risk", f"{percent(health['churn_risk'])} of repeat buyers have probably left", "health",
                  metric_of(context, "churn_risk")["owner_role"])  # fmt: skip
    if (health["liability_per_week"] or 0) > 0:
        yield row("risk", f"Liability grows by {money(health['liability_per_week'], currency)} a week",
                  "liability_chart", metric_of(context, "liability")["owner_role"])  # fmt: skip
    drift = health["tier_drift"]
    if drift and drift["band"] != "stable":
        yield row(
            "risk",
            f"The tier mix has shifted, PSI {drift['index']:.2f} ({drift['band']})",
            "tier_mix",
            "loyalty-strategist",
        )
    for play in context.outputs["insights"]["plays"]:
        if play["members"]:
            yield row("opportunity", f"{play['play']}: {play['members']:,} members, "
                      f"{money(play['value_at_stake'], currency)} at stake", "plays", MOVES[play["play"]].owner)  # fmt: skip
    for test in tests["experiments"]:
        if test["verdict"] != "not read":
            kind = "risk" if test["verdict"] in ("stop", "blocked") else "opportunity"
            told = f"Test {test['experiment']} {test['arm']}".strip()
            yield row(kind, f"{told}: {test['verdict']}. {test['why']}", "experiments", "loyalty-strategist")
