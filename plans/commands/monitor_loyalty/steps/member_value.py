"""What a member of each tier is worth from now on, if members move and spend as in the last quarter."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from plans.commands.monitor_loyalty.facts import tiers_of, window_of
from plans.commands.shared.columns import columns
from plans.commands.shared.windows import windows_until
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, Figure, Metrics, Table
from programs.analytics.estimate import Unavailable
from programs.analytics.migration import MemberValue, member_value_interval
from programs.analytics.tier_health import TierMigration
from programs.analytics.tiers import assign_tiers

QUARTERS_A_YEAR = 4
TITLE = "Value of a member by tier"


def value_output(context: StepContext, moves: TierMigration) -> Table | Metrics:
    """A row a tier, or why nobody can say. ``moves`` are those of the quarter, by the program's thresholds."""
    quarter = windows_until(window_of(context).current.end, "quarter").current
    members = moves.counts.sum(axis=1)
    spent = _spend_by_tier(context, quarter.start, quarter.end, len(members))
    margin = float(context.program["gross_margin"]) * np.divide(
        spent, members, out=np.zeros(len(members)), where=members > 0
    )
    found = _value(context, moves, margin)
    if isinstance(found, Unavailable):
        return Metrics("member_value", TITLE, [Figure("value", TITLE, None, unavailable=found.reason)])
    currency, rate = context.program["currency"], float(context.program["discount_rate"])
    return Table(
        "member_value", TITLE,
        [Column("tier", "Tier"), Column("members", "Members at the start of the quarter", "integer"),
         Column("margin", "Margin a member and quarter", "money", currency), Column("value", "Value", "money", currency),
         Column("low", "from", "money", currency), Column("high", "to", "money", currency)],
        [[name, int(count), float(each), *(float(part[n]) for part in (found.value, found.low, found.high))]
         for n, (name, count, each) in enumerate(zip(moves.states[:-1], members, margin, strict=True))],
        f"Expected margin of this quarter and all later ones, discounted at {rate:.0%} a year, before rewards, if members move "
        "between tiers, leave and spend as in the last quarter (Markov chain; Pfeifer & Carraway 2000). The interval is that of "
        "the moves counted; margins are taken as they were. A quarter in season makes all later ones look alike.",
    )  # fmt: skip


def _value(context: StepContext, moves: TierMigration, margin: np.ndarray) -> MemberValue | Unavailable:
    empty = [name for name, count in zip(moves.states, moves.counts.sum(axis=1), strict=False) if not count]
    if empty:
        return Unavailable(f"Nobody was in {' or '.join(empty)} when the quarter began.")
    yearly = float(context.program["discount_rate"])
    if yearly <= 0:
        return Unavailable("Without a discount rate, members who stay for good are worth infinitely much.")
    # Whoever left stays away: a state of its own, without margin.
    gone = np.append(np.zeros(len(margin), dtype=np.int64), 1)
    return member_value_interval(
        np.vstack([moves.counts, gone]),
        np.append(margin, 0.0),
        (1 + yearly) ** (1 / QUARTERS_A_YEAR) - 1,
        generator=np.random.default_rng(context.seed),
    )


def _spend_by_tier(context: StepContext, start: datetime, end: datetime, tiers: int) -> np.ndarray:
    """What members spent from ``start`` to ``end``, by the tier that they had at ``start``; (tiers,) money."""
    engine, purchases = context.data.engine, context.data.snapshot("purchases")
    before = engine.trailing_spend(purchases, as_of=start)
    since = engine.trailing_spend(purchases, as_of=end, days=(end - start).days)
    held = assign_tiers(columns(before)["spend"], list(tiers_of(context).values()))
    # Both are in the order of members, and whoever was known at the start still is.
    known = np.isin(since["member_id"].to_numpy(), before["member_id"].to_numpy())
    spent: np.ndarray = np.bincount(held, columns(since)["spend"][known], tiers)
    return spent
