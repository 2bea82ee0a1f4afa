"""Step 5, action plan: risks and opportunities with owners, and a backlog in order of value for the work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np

from plans.commands.monitoring.experiments import SMALLEST_LIFT
from plans.commands.monitoring.thresholds import alert_table
from plans.commands.plan_loyalty.figures import money, percent
from plans.engine.steps import StepContext
from plans.schemas import outputs as shown
from plans.schemas.outputs import Column, StepResult, Table
from programs.analytics.backlog import BacklogItem, prioritise
from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.experiments import TestPlan, members_per_arm_for_share, plan_test

CHANCE_TO_WIN = 1 / 3
"""About a third of experiments improve what they were meant to (Kohavi et al. 2009); used until the program has its own record."""
PLAYS = {
    "win-back": ("Win back frequent buyers who went quiet", "journey tweak", "member-insights-analyst", 4.0),
    "nudge": ("Nudge members close to the next tier", "messaging update", "loyalty-ops", 2.0),
    "upgrade": ("Offer the next tier early to those on course", "rewards refresh", "loyalty-strategist", 5.0),
}


def plan_actions(context: StepContext) -> StepResult:
    data, health = context.outputs["data"], context.outputs["health"]
    currency, people = data["currency"], context.program["people"]
    ranked = prioritise(proposals(context))
    backlog = [
        {
            "rank": row.rank,
            "title": row.item.action,
            "why": row.item.evidence,
            "owner_role": row.item.owner,
            "owner": people.get(row.item.owner) or row.item.owner,
            "eta": row.item.due_date.isoformat(),
            "expected_value": row.expected_value.value,
            "effort_days": row.item.effort,
            "sample_size_per_arm": row.item.test.members_per_arm if row.item.test else None,
            "test_weeks": row.item.test.weeks if row.item.test else None,
        }
        for row in ranked
    ]
    alerts = [*data["alerts"], *health["alerts"]]
    risks = list(risks_of(context, alerts))
    return StepResult(
        values={
            "backlog": backlog,
            "risks": risks,
            "alerts": alerts,
            "headline": [{"label": "First", "value": backlog[0]["title"] if backlog else "nothing stands out"}],
        },
        outputs=[
            Table("risks", "Risks and opportunities",
                  [Column("kind", "Kind"), Column("what", "What the data say"), Column("source", "From"),
                   Column("owner", "Owner")],
                  [[r["kind"], r["what"], r["source"], people.get(r["owner"]) or r["owner"]] for r in risks]),
            alert_table(alerts),
            shown.Backlog("backlog", "Action plan", [
                shown.BacklogItem(r["title"], r["why"], r["owner"], r["eta"], r["expected_value"], currency,
                                  f"{SMALLEST_LIFT:.0%} relative, planned", r["sample_size_per_arm"],
                                  f"{r['effort_days']:g} days")
                for r in backlog
            ]),
        ],
        evidence={"Sequential Thinking": f"Retro with the next run: {len(backlog)} actions, each with a date."},
    )  # fmt: skip


def proposals(context: StepContext) -> Iterator[BacklogItem]:
    """A test per play with members: a relative lift of ``SMALLEST_LIFT`` of what is at stake, an assumption."""
    data = context.outputs["data"]
    margin = float(context.program["gross_margin"])
    for play in context.outputs["insights"]["plays"]:
        if not play["members"]:
            continue
        action, kind, owner, effort = PLAYS[play["play"]]
        each = play["value_at_stake"] / play["members"]
        test = test_of(data, play["members"])
        yield BacklogItem(
            action, owner, due(context.now.date(), effort, test), CHANCE_TO_WIN,
            Estimate(SMALLEST_LIFT * each, unit="money per member", method="planned lift"), play["members"],
            1.0 if play["play"] == "win-back" else margin, effort,
            f"{kind}: {play['members']:,} members, {money(play['value_at_stake'], data['currency'])} at stake", test,
        )  # fmt: skip


def test_of(data: dict[str, Any], members: int) -> TestPlan | None:
    """Two arms on the active rate; None where the play has too few members to fill them."""
    rate = data["engagement"]
    if not rate or rate * (1 + SMALLEST_LIFT) >= 1:
        return None
    size = members_per_arm_for_share(rate, rate * SMALLEST_LIFT)
    found = plan_test(size, members / (data["window"]["days"] / 7))
    return None if isinstance(found, Unavailable) or 2 * size > members else found


def due(today: date, effort: float, test: TestPlan | None) -> date:
    ready = np.busday_offset(today, int(np.ceil(effort)), roll="forward")
    return (ready + np.timedelta64(7 * (test.weeks if test else 0), "D")).item()  # type: ignore[no-any-return]


def risks_of(context: StepContext, alerts: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    health, data = context.outputs["health"], context.outputs["data"]

    def row(kind: str, what: str, source: str, owner: str) -> dict[str, str]:
        return {"kind": kind, "what": what, "source": source, "owner": owner}

    for alert in alerts:
        if alert["verdict"] == "breached":
            yield row(
                "risk",
                f"{alert['rule']} is breached: {alert['value']:.6g}",
                "alerts",
                "member-insights-analyst",
            )
    for spike in health["spikes"]:
        yield row("risk", f"Liability spike, {spike}", "liability_chart", "finance")
    if health["churn_risk"] is not None:
        yield row("risk", f"{percent(health['churn_risk'])} of repeat buyers have probably left", "health",
                  "member-insights-analyst")  # fmt: skip
    if (health["liability_per_week"] or 0) > 0:
        yield row("risk", f"Liability grows by {money(health['liability_per_week'], data['currency'])} a week",
                  "liability_chart", "finance")  # fmt: skip
    for play in context.outputs["insights"]["plays"]:
        if play["members"]:
            yield row("opportunity", f"{play['play']}: {play['members']:,} members, "
                      f"{money(play['value_at_stake'], data['currency'])} at stake", "plays", PLAYS[play["play"]][2])  # fmt: skip
    for test in context.outputs["experiments"]["experiments"]:
        kind = "opportunity" if test["verdict"] == "ship" else "risk"
        yield row(kind, f"Test {test['experiment']} {test['arm']}: {test['verdict']}. {test['why']}", "experiments",
                  "loyalty-strategist")  # fmt: skip
