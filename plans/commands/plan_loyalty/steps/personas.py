"""Personas: which members each is, what the design gives them, and their part of the economics.

A persona is a value of the column persona in the member list, or else an RFM segment of the purchases. Each member
is in the first persona asked for that fits, so that the parts add up to the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gtm.core.money import minor_units
from plans.commands.plan_loyalty.steps.base import YOUNGEST_DAYS
from plans.commands.shared.columns import columns
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, Table
from programs.analytics import segments
from programs.analytics.economics import IncrementalMargin
from programs.analytics.personas import split_exactly, to_coins
from programs.analytics.rewards import RewardDesign
from programs.analytics.segment_names import SEGMENTS
from programs.analytics.tiers import assign_tiers
from programs.datasets import OpenData
from programs.personas import BY_COLUMN, BY_RFM

EVERYBODY_ELSE = "Everybody else"
NEAR = 0.8
"""Of the next threshold: from there on the next tier is within reach."""
ITEMS = ("margin", "reward_on_baseline", "reward_on_incremental", "fixed_cost")


@dataclass(frozen=True, slots=True, eq=False)
class PersonaMembers:
    """``names`` in their order, with the rule of each; member id → index into them for everybody who has bought."""

    names: Sequence[str]
    rules: Sequence[str]
    of_member: Mapping[str, int]

    def of(self, ids: Sequence[str]) -> np.ndarray:
        """The index of each of these members; one past the last persona for everybody else."""
        return np.array([self.of_member.get(member, len(self.names)) for member in ids], dtype=int)


MEANS = (
    "Amounts are means of the ranges that were assumed: where a range is uneven, its mean is not the most likely "
    "value that was entered."
)


def personas_of(context: StepContext, data: OpenData) -> PersonaMembers | None:
    """Who is whom; None where no persona is asked for."""
    asked = context.inputs.get("personas") or []
    if not asked:
        return None
    known = context.program.get("personas") or {}
    as_of, purchases = data.as_of("purchases"), data.snapshot("purchases")
    table = data.engine.member_rfm(purchases, as_of=as_of)
    rfm = columns(table)
    scores = segments.rfm_scores(rfm["inactive_days"], rfm["orders"], rfm["monetary"])
    profile = data.engine.member_profiles(purchases, as_of=as_of, members=data.find("members"))
    named = zip(
        table.column("member_id").to_pylist(),
        (SEGMENTS[n].casefold() for n in scores.segment),
        ((value or "").strip().casefold() for value in profile.column("persona").to_pylist()),
        strict=True,
    )
    rules = [(known.get(slug) or {"rule": BY_RFM})["rule"] for slug in asked]
    by_column = [rule.startswith(BY_COLUMN) for rule in rules]
    found = {}
    for member, segment, persona in named:
        for n, slug in enumerate(asked):
            if slug == (persona if by_column[n] else segment):
                found[member] = n
                break
    return PersonaMembers([(known.get(slug) or {"name": slug})["name"] for slug in asked], rules, found)


def projected_members(data: OpenData, size: int) -> list[str]:
    """The ids of those whose twelve-month spend was projected, in its order."""
    table = data.engine.first_year_spend(data.snapshot("purchases"), as_of=data.as_of("purchases"))
    ids, observed = table.column("member_id").to_pylist(), columns(table)["observed_days"]
    kept = ids if len(ids) == size else [ids[n] for n in np.flatnonzero(observed >= YOUNGEST_DAYS)]
    if len(kept) != size:
        raise ValueError(f"{len(kept)} members have a projected spend, and {size} were projected.")
    return kept


def persona_values(
    found: PersonaMembers, ids: Sequence[str], spend: np.ndarray, design: RewardDesign
) -> list[dict[str, Any]]:
    """Size, spend, tiers and rewards of each: rewards follow the tier a member is in and what the member spends."""
    of_member = found.of(ids)
    names, rules = [*found.names, EVERYBODY_ELSE], [*found.rules, "in none of them"]
    tier_of = assign_tiers(spend, [reward.profile.threshold for reward in design.tiers])
    total = float(spend.sum()) or 1.0
    rows = []
    for n, (name, rule) in enumerate(zip(names, rules, strict=True)):
        inside = of_member == n
        if name == EVERYBODY_ELSE and not inside.any():
            continue
        theirs, reward, counts, reach = spend[inside], 0.0, {}, 0
        for t, tier in enumerate(design.tiers):
            here = theirs[tier_of[inside] == t]
            counts[tier.profile.name] = int(here.size)
            reward += tier.points_cost * float(here.sum()) / (tier.profile.spend or 1.0)
            reward += tier.benefit_cost * here.size / (tier.profile.members or 1)
            if t + 1 < len(design.tiers):
                reach += int((here >= NEAR * design.tiers[t + 1].profile.threshold).sum())
        share = float(theirs.sum()) / total
        rows.append(
            {
                "persona": name,
                "rule": rule,
                "members": int(inside.sum()),
                "share_of_members": int(inside.sum()) / spend.size,
                "spend": float(theirs.sum()),
                "share_of_spend": share,
                "median_spend": float(np.median(theirs)) if theirs.size else None,
                "tiers": counts,
                "within_reach_of_next": reach,
                "reward_cost": reward + share * (design.missions_pool + design.surprise_pool),
            }
        )
    return rows


def persona_table(rows: Sequence[Mapping[str, Any]], currency: str) -> Table:
    names = list(rows[0]["tiers"]) if rows else []
    return Table(
        "personas",
        "Personas in the design",
        [Column("persona", "Persona"), Column("rule", "Who it is"), Column("members", "Members", "integer"),
         Column("share", "Share of members", "percent"),
         Column("spend", "Spend of twelve months", "money", currency),
         Column("share_of_spend", "Share of spend", "percent"),
         Column("median", "Median spend", "money", currency),
         *(Column(f"tier_{n}", name, "integer") for n, name in enumerate(names, start=1)),
         Column("reach", "Within reach of the next tier", "integer"),
         Column("reward", "Reward cost a year", "money", currency)],
        [
            [r["persona"], r["rule"], r["members"], r["share_of_members"], r["spend"], r["share_of_spend"],
             r["median_spend"], *r["tiers"].values(), r["within_reach_of_next"], r["reward_cost"]]
            for r in rows
        ],
        "A member in several is counted in the one named first. Members and spend add up to those of the tiers.",
    )  # fmt: skip


def economics_by_persona(
    rows: Sequence[Mapping[str, Any]], year: IncrementalMargin, currency: str
) -> list[dict[str, Any]]:
    """The full year of each; every column adds up to the whole, to the coin. The lift is the same for all."""
    if not rows:
        return []
    digits = minor_units(currency)
    weights = {
        "margin": [r["spend"] for r in rows],
        "reward_on_baseline": [r["reward_cost"] for r in rows],
        "reward_on_incremental": [r["reward_cost"] for r in rows],
        "fixed_cost": [r["members"] for r in rows],
    }
    parts = {
        item: split_exactly(to_coins(float(getattr(year, item)), digits), weights[item], digits)
        for item in ITEMS
    }
    found = []
    for n, row in enumerate(rows):
        amounts = {item: parts[item][n] for item in ITEMS}
        net = (
            amounts["margin"]
            - amounts["reward_on_baseline"]
            - amounts["reward_on_incremental"]
            - amounts["fixed_cost"]
        )
        found.append(
            {"persona": row["persona"], **{k: float(v) for k, v in amounts.items()}, "net": float(net)}
        )
    return found


def economics_table(rows: Sequence[Mapping[str, Any]], currency: str) -> list[Table]:
    """A row a persona and the whole; nothing where no persona was asked for."""
    if not rows:
        return []
    names = (*ITEMS, "net")
    whole = [sum(to_coins(row[name], minor_units(currency)) for row in rows) for name in names]
    return [
        Table(
            "economics_by_persona",
            "A full year by persona",
            [Column("persona", "Persona"), Column("margin", "Margin on the lift", "money", currency),
             Column("baseline", "Rewards on purchases that would have happened anyway", "money", currency),
             Column("incremental", "Rewards on the lift", "money", currency),
             Column("fixed", "Platform", "money", currency), Column("net", "Net", "money", currency)],
            [*([row["persona"], *(row[name] for name in names)] for row in rows),
             ["All", *(float(amount) for amount in whole)]],
            "Margin by spend, rewards by the tiers they are in, platform by members. The same lift for all: nobody "
            f"has measured it by persona. {MEANS}",
        )
    ]  # fmt: skip
