"""Step 3, member insights: who needs a nudge, who is on course for an upgrade, whom to win back."""

from __future__ import annotations

from typing import Any

import numpy as np

from plans.commands.monitor_loyalty.facts import is_full, tiers_of, window_of
from plans.commands.monitor_loyalty.steps.churn import Buyers, read_buyers
from plans.commands.shared.columns import columns
from plans.commands.shared.figures import money
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Chart, Column, Series, StepResult, Table
from programs.analytics.estimate import Unavailable
from programs.analytics.member_insights import InsightPolicy, Play, select_plays, slipping_away
from programs.analytics.order_value import fit_gamma_gamma
from programs.analytics.survival import Survival, model_named
from programs.analytics.tiers import assign_tiers

LISTED = 200
TEST_WEEKS = 4
STAKES = {
    "win-back": "margin at risk",
    "nudge": "spend missing to the next tier",
    "upgrade": "spend on course beyond today's",
}


def find_plays(context: StepContext) -> StepResult:
    """A member is in one play at most. Tiers held follow from the spend of 365 days and the program's thresholds."""
    currency, margin = context.program["currency"], float(context.program["gross_margin"])
    thresholds = list(tiers_of(context).values()) or [0.0]
    fitted, buyers = context.outputs["health"]["churn_model"], read_buyers(context)
    if fitted is None or isinstance(buyers, Unavailable):
        reason = context.outputs["health"]["unavailable"].get(
            "churn_risk", "The churn model could not be fitted."
        )
        return StepResult(values={"plays": [], "unavailable": reason}, outputs=[_plays([], currency, reason)])
    model = model_named(fitted["name"], fitted["parameters"])
    context.progress(50, "Plays")
    end = window_of(context).current.end
    trailing = context.data.engine.trailing_spend(context.data.snapshot("purchases"), as_of=end)
    spend, policy = columns(trailing)["spend"], InsightPolicy()
    order = order_values(buyers)
    projected = expected(model, buyers, policy.horizon) * order
    slipping = slipping_away(model, buyers.frequency, buyers.recency, buyers.age, order * margin, policy)
    found = select_plays(thresholds, spend, projected, assign_tiers(spend, thresholds), slipping, policy)
    soon = -np.expm1(-expected(model, buyers, TEST_WEEKS))
    plays = [play_values(play, soon) for play in found.plays]
    note = f"{found.judged:,} members judged, {found.left_out:,} left out."
    if len(thresholds) < 2:
        note += " The program has no tiers, so there is no nudge and no upgrade."
    outputs: list[Any] = [_plays(plays, currency, note), _chart(plays, currency)]
    if is_full(context):
        outputs.append(_members(found.plays, buyers, soon, currency))
    return StepResult(
        values={
            "plays": plays,
            "spend_per_active": float(np.mean(spend[spend > 0])) if (spend > 0).any() else None,
            "headline": [
                {"label": row["play"].capitalize(), "value": f"{row['members']:,} members, {money(row['value_at_stake'], currency)}"}
                for row in plays
            ],
        },
        outputs=outputs,
    )  # fmt: skip


def order_values(buyers: Buyers) -> np.ndarray:
    """What a member's next order is worth: the mean of few orders is drawn towards everybody's (Gamma-Gamma)."""
    mean = buyers.monetary / buyers.orders
    fitted = fit_gamma_gamma(buyers.orders, mean)
    if isinstance(fitted, Unavailable):
        return mean
    return fitted.expected_value(buyers.orders, np.maximum(mean, 0))


def expected(model: Survival, buyers: Buyers, weeks: float) -> np.ndarray:
    """Purchases a member in the next ``weeks``; equal histories are computed once."""
    seen = buyers.histories
    return model.expected_purchases(weeks, seen.frequency, seen.recency, seen.age)[seen.row]


def play_values(play: Play, soon: np.ndarray) -> dict[str, Any]:
    """``base_rate`` is the share of the play's members expected to buy within the weeks a test runs."""
    return {
        "play": play.kind.value,
        "members": play.members,
        "value_at_stake": play.value_at_stake,
        "rule": play.rule,
        "base_rate": float(soon[play.rows].mean()) if play.members else None,
        "test_weeks": TEST_WEEKS,
    }


def _plays(plays: list[dict[str, Any]], currency: str, note: str) -> Table:
    return Table(
        "plays", "Members to act on",
        [Column("play", "Play"), Column("members", "Members", "integer"), Column("value", "At stake", "money", currency),
         Column("stake", "which is"), Column("base_rate", f"Expected to buy within {TEST_WEEKS} weeks", "percent"),
         Column("rule", "Rule")],
        [[row["play"], row["members"], row["value_at_stake"], STAKES[row["play"]], row["base_rate"], row["rule"]] for row in plays],
        f"{note} Nobody is in two plays.",
    )  # fmt: skip


def _chart(plays: list[dict[str, Any]], currency: str) -> Chart:
    return Chart("plays_chart", "At stake by play", "bar", [row["play"] for row in plays],
                 [Series("At stake", [row["value_at_stake"] for row in plays])], "play", "at stake", currency)  # fmt: skip


def _members(plays: tuple[Play, ...], buyers: Buyers, soon: np.ndarray, currency: str) -> Table:
    rows = []
    for play in plays:
        names = buyers.ids.take(play.rows[:LISTED]).to_pylist()
        rows += [
            [play.kind.value, name, float(value), float(soon[row])]
            for name, row, value in zip(names, play.rows, play.value, strict=False)
        ]
    return Table(
        "member_list", "Members of the plays",
        [Column("play", "Play"), Column("member", "Member"), Column("value", "At stake", "money", currency),
         Column("soon", f"Expected to buy within {TEST_WEEKS} weeks", "percent")],
        rows, f"The {LISTED} dearest of each play.",
    )  # fmt: skip
