"""Step 3, member insights: who needs a nudge, who is on course for an upgrade, whom to win back."""

from __future__ import annotations

import numpy as np

from plans.commands.monitor_loyalty.health import fit_churn
from plans.commands.monitor_loyalty.pull import is_full, window_of
from plans.commands.plan_loyalty.figures import money
from plans.commands.plan_loyalty.signals import columns
from plans.engine.steps import StepContext
from plans.schemas.outputs import Column, StepResult, Table
from programs.analytics.estimate import Unavailable
from programs.analytics.member_insights import InsightPolicy, select_plays, slipping_away
from programs.analytics.tiers import assign_tiers

LISTED = 50


def find_plays(context: StepContext) -> StepResult:
    """A member is in one play at most. Tiers held follow from the spend of 365 days and the program's thresholds."""
    currency, margin = context.program["currency"], float(context.program["gross_margin"])
    thresholds = [float(tier["threshold"]) for tier in context.program["tiers"]] or [0.0]
    fit, rfm, ids = fit_churn(context)
    if isinstance(fit, Unavailable):
        return StepResult(
            values={"plays": [], "unavailable": fit.reason}, outputs=[_plays([], currency, fit.reason)]
        )
    context.progress(50, "Plays")
    end = window_of(context).current.end
    spend = columns(context.data.engine.trailing_spend(context.data.snapshot("purchases"), as_of=end))[
        "spend"
    ]
    x, last, age = rfm["frequency"], rfm["recency_days"] / 7, rfm["tenure_days"] / 7
    policy, order = InsightPolicy(), rfm["monetary"] / rfm["orders"]
    projected = fit.model.expected_purchases(policy.horizon, x, last, age) * order
    slipping = slipping_away(fit.model, x, last, age, order * margin, policy)
    held = assign_tiers(spend, thresholds)
    found = select_plays(thresholds, spend, projected, held, slipping, policy)
    plays = [
        {
            "play": play.kind.value,
            "members": play.members,
            "value_at_stake": play.value_at_stake,
            "rule": play.rule,
        }
        for play in found.plays
    ]
    note = f"{found.judged:,} members judged, {found.left_out:,} left out. "
    note += (
        "" if context.program["tiers"] else "The program has no tiers, so there is no nudge and no upgrade. "
    )
    outputs = [
        _plays(
            plays,
            currency,
            note + "Win-back is margin at risk; nudge and upgrade are spend to the next step.",
        )
    ]
    if is_full(context):
        rows = [
            [play.kind.value, ids[row], float(value)]
            for play in found.plays
            for row, value in zip(play.rows[:LISTED], play.value[:LISTED], strict=True)
        ]
        outputs.append(Table(
            "member_list", "Members of the plays",
            [Column("play", "Play"), Column("member", "Member"), Column("value", "At stake", "money", currency)],
            rows, f"The {LISTED} dearest of each play.",
        ))  # fmt: skip
    return StepResult(
        values={
            "plays": plays,
            "spend_per_active": float(np.mean(spend[spend > 0])) if (spend > 0).any() else None,
            "headline": [{"label": row["play"].capitalize(),
                          "value": f"{row['members']:,} members, {money(row['value_at_stake'], currency)}"} for row in plays],
        },
        outputs=outputs,
        evidence={"Context7": f"Segmentation rules as printed beside each play; {found.left_out:,} members left out."},
    )  # fmt: skip


def _plays(plays: list[dict], currency: str, note: str) -> Table:
    return Table(
        "plays", "Members to act on",
        [Column("play", "Play"), Column("members", "Members", "integer"),
         Column("value", "At stake", "money", currency), Column("rule", "Rule")],
        [[row["play"], row["members"], row["value_at_stake"], row["rule"]] for row in plays], note,
    )  # fmt: skip
