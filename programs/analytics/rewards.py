"""From a reward budget to earn rules: what each tier gets, what it costs, and how surely it fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from programs.analytics.estimate import Unavailable
from programs.analytics.loyalty_finance import LoyaltyModel
from programs.analytics.tiers import TierProfile, assign_tiers, profile_tiers

FloatArray = NDArray[np.float64]


class RewardBasis(StrEnum):
    """What members are rewarded for."""

    TIERS = "tiers"
    POINTS_ONLY = "points-only"
    HYBRID = "hybrid"
    MISSIONS = "missions"


@dataclass(frozen=True, slots=True)
class ProgramStructure:
    """Kind and number of spend tiers (1 = everybody alike)."""

    kind: RewardBasis
    tiers: int


@dataclass(frozen=True, slots=True)
class PoolSplit:
    """How a reward pool is divided; shares sum to 1. The splits below are stated design choices."""

    points: float
    """What benefits leave of it goes into points."""
    missions: float
    surprise: float


POOL_SPLITS: Mapping[RewardBasis, PoolSplit] = {
    RewardBasis.TIERS: PoolSplit(points=0.95, missions=0.0, surprise=0.05),
    RewardBasis.POINTS_ONLY: PoolSplit(points=0.95, missions=0.0, surprise=0.05),
    RewardBasis.HYBRID: PoolSplit(points=0.80, missions=0.15, surprise=0.05),
    RewardBasis.MISSIONS: PoolSplit(points=0.0, missions=0.95, surprise=0.05),
}
BENEFITS_AT_MOST = 0.5
"""Of what points and benefits may cost together: dearer benefits leave too little to earn."""
PerkCost = Callable[[int, float], float]
"""Place of a tier (0 the entry tier), the most its benefits may cost a member a year → what they do cost."""


def parse_structure(text: str) -> ProgramStructure:
    """Read ``--tiers``: a number of tiers, or points-only, hybrid (three tiers), missions.

    One tier is points-only. Raises ValueError with the accepted values.
    """
    word = text.strip().lower()
    if word.isdecimal() and 1 <= int(word) <= 6:
        count = int(word)
        return ProgramStructure(RewardBasis.POINTS_ONLY if count == 1 else RewardBasis.TIERS, count)
    kinds = {RewardBasis.POINTS_ONLY: 1, RewardBasis.HYBRID: 3, RewardBasis.MISSIONS: 1}
    if word in kinds:
        kind = RewardBasis(word)
        return ProgramStructure(kind, kinds[kind])
    raise ValueError(f"“{text}” is neither a number from 1 to 6 nor one of points-only, hybrid, missions.")


@dataclass(frozen=True, slots=True)
class Mission:
    """A task members are rewarded for, with the completions a year the data lead to expect."""

    name: str
    completions: float


@dataclass(frozen=True, slots=True)
class TierReward:
    """Earn rule and yearly cost of one tier, for the members expected to enrol."""

    profile: TierProfile
    spend: float
    """Of all members of the tier in the coming year, without a program: its part of the revenue base."""
    multiplier: float
    points_per_unit: float
    points_cost: float
    benefit_cost: float
    benefit_per_member: float


@dataclass(frozen=True, slots=True)
class RewardDesign:
    """Earn rules of one reward rate. Money is per year, in expectation."""

    structure: ProgramStructure
    pool: float
    """Reward cost: the sum of the tiers' points and benefits, the missions and the surprise moments."""
    enrolled_spend: float
    """Spend of those who will enrol, before any lift."""
    value_rate: float
    """Face value of all rewards per unit that members spend."""
    lift: float
    base_points_per_unit: float
    tiers: tuple[TierReward, ...]
    points_per_mission: float | Unavailable
    missions_pool: float
    surprise_pool: float


def design_rewards(
    annual_spend: ArrayLike,
    thresholds: Sequence[float],
    structure: ProgramStructure,
    model: LoyaltyModel,
    value_rate: float,
    *,
    missions: Sequence[Mission] = (),
    multiplier_step: float = 0.25,
    perk_cost: PerkCost | None = None,
    split: PoolSplit | None = None,
) -> RewardDesign:
    """Earn rates and benefits that give back ``value_rate`` of what members spend.

    ``annual_spend`` (members,) twelve-month spend, which says how the program's revenue base is spread over
    members and tiers; ``thresholds`` one per tier of ``structure``. Tier k earns 1 + k·``multiplier_step``
    times
    the base rate, which is rounded down to three significant digits as a rate that members are told should
    be; the whole design follows the rounded rate. Benefits cost what ``perk_cost`` says for each member who
    will enrol; the rest goes into points. ``split`` is that of the structure unless a goal moves it.
    """
    qualifying = np.asarray(annual_spend, dtype=float)
    if len(thresholds) != structure.tiers:
        raise ValueError(f"{structure.tiers} tiers need as many thresholds, not {len(thresholds)}.")
    if value_rate < 0 or qualifying.sum() <= 0:
        raise ValueError("A reward design needs members who spend.")
    known, split = model.assumptions, split or POOL_SPLITS[structure.kind]
    spend = qualifying * (model.base * known.revenue_base.mean / float(qualifying.sum()))
    tier = assign_tiers(qualifying, thresholds)
    multipliers = 1 + multiplier_step * np.arange(len(thresholds))
    weighted = float((spend * multipliers[tier]).sum())
    total, face = float(spend.sum()), known.face_value.mean
    enrolment = known.enrolment.mean
    fixed = split.missions + split.surprise

    planned = model.pool(value_rate)
    benefits = np.zeros(len(thresholds))
    if perk_cost is not None and split.points and enrolment:
        most = _benefits_per_member(
            tier, len(thresholds), BENEFITS_AT_MOST * split.points * planned / enrolment
        )
        benefits = np.array([perk_cost(n, float(most[n])) for n in range(len(thresholds))])
    of_benefits = float(benefits[tier].sum()) * enrolment
    rate = 0.0
    if split.points and weighted > 0:
        in_points = value_rate * (split.points - (of_benefits / planned if planned > 0 else 0.0))
        per_unit_of_base_rate = face * weighted / total
        rate = _round_down(in_points / per_unit_of_base_rate)
        value_rate = _value_rate(model, rate * per_unit_of_base_rate, of_benefits, fixed)
    pool, lift = model.pool(value_rate), model.lift(value_rate)
    points_pool = pool * (1 - fixed) - of_benefits
    rewards = []
    for n, profile in enumerate(profile_tiers(qualifying, thresholds)):
        part = float(spend[tier == n].sum())
        rewards.append(
            TierReward(
                profile=profile,
                spend=part,
                multiplier=float(multipliers[n]),
                points_per_unit=rate * float(multipliers[n]),
                points_cost=points_pool * float(multipliers[n]) * part / weighted if weighted > 0 else 0.0,
                benefit_cost=float(benefits[n]) * profile.members * enrolment,
                benefit_per_member=float(benefits[n]),
            )
        )
    of_tiers = sum(reward.points_cost + reward.benefit_cost for reward in rewards)
    return RewardDesign(
        structure=structure,
        pool=of_tiers + pool * (split.missions + split.surprise),
        enrolled_spend=model.enrolled,
        value_rate=value_rate,
        lift=lift,
        base_points_per_unit=rate,
        tiers=tuple(rewards),
        points_per_mission=_mission_points(missions, model.points(value_rate) * split.missions, enrolment),
        missions_pool=pool * split.missions,
        surprise_pool=pool * split.surprise,
    )


def _round_down(value: float, digits: int = 3) -> float:
    if value <= 0:
        return 0.0
    decimals = digits - 1 - math.floor(math.log10(value))
    return round(math.floor(value * 10.0**decimals + 1e-9) / 10.0**decimals, max(decimals, 0))


def _value_rate(model: LoyaltyModel, of_points: float, benefits: float, fixed: float) -> float:
    """The reward rate whose cost is that of points worth ``of_points`` per unit spent, of ``benefits`` in
    money, and of the share ``fixed`` of it for missions and surprises."""
    rate = of_points / (1 - fixed)
    for _ in range(20):  # the lift that a reward brings moves what a unit of it costs, by little
        unit = model.enrolled * (1 + model.lift(rate)) * model.cost_per_value
        rate = (of_points + (benefits / unit if unit > 0 else 0.0)) / (1 - fixed)
    return rate


def _benefits_per_member(tier: NDArray[np.int64], tiers: int, pool: float) -> FloatArray:
    """The most that the benefits of a member of each tier may cost: in proportion to the tier's rank."""
    rank = np.arange(1, tiers + 1, dtype=float)
    weight = float(rank[tier].sum())
    return rank * (pool / weight) if weight > 0 else np.zeros(tiers)


def _mission_points(missions: Sequence[Mission], points: float, enrolment: float) -> float | Unavailable:
    completions = sum(mission.completions for mission in missions) * enrolment
    if points == 0:
        return Unavailable("This structure rewards spend, not missions.")
    if completions <= 0:
        return Unavailable("No mission with expected completions is given, so its reward cannot be priced.")
    return _round_down(points / completions)
