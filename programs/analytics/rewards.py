"""From a reward budget to earn rules: what each tier gets, what it costs, and how surely it fits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from programs.analytics.assumptions import LoyaltyAssumptions
from programs.analytics.economics import LiftResponse
from programs.analytics.estimate import MaybeEstimate, Unavailable
from programs.analytics.rates import wilson_rate
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
    benefits: float
    missions: float
    surprise: float


POOL_SPLITS: Mapping[RewardBasis, PoolSplit] = {
    RewardBasis.TIERS: PoolSplit(points=0.80, benefits=0.15, missions=0.0, surprise=0.05),
    RewardBasis.POINTS_ONLY: PoolSplit(points=0.95, benefits=0.0, missions=0.0, surprise=0.05),
    RewardBasis.HYBRID: PoolSplit(points=0.55, benefits=0.25, missions=0.15, surprise=0.05),
    RewardBasis.MISSIONS: PoolSplit(points=0.0, benefits=0.0, missions=0.95, surprise=0.05),
}


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
    multiplier: float
    points_per_unit: float
    points_cost: float
    benefit_cost: float
    benefit_per_member: float


@dataclass(frozen=True, slots=True)
class RewardDesign:
    """Earn rules that spend at most the budget in expectation. Money is per year."""

    structure: ProgramStructure
    budget: float
    pool: float
    """Expected reward cost; below the budget where the highest value rate binds."""
    enrolled_spend: float
    """Spend of those who will enrol, before any lift."""
    value_rate: float
    """Face value of all rewards per unit of enrolled spend."""
    lift: float
    base_points_per_unit: float
    tiers: tuple[TierReward, ...]
    points_per_mission: float | Unavailable
    missions_pool: float
    surprise_pool: float
    overrun_probability: MaybeEstimate
    cautious_points_per_unit: float
    """Base earn rate at which the budget is overrun with at most the tolerated probability."""
    tolerated_overrun: float

    @property
    def unspent(self) -> float:
        """Budget that no sensible earn rate can use."""
        return self.budget - self.pool


def design_rewards(
    annual_spend: ArrayLike,
    thresholds: Sequence[float],
    structure: ProgramStructure,
    annual_budget: float,
    assumptions: LoyaltyAssumptions,
    *,
    generator: np.random.Generator,
    missions: Sequence[Mission] = (),
    multiplier_step: float = 0.25,
    tolerated_overrun: float = 0.1,
    benefit_cap: float = math.inf,
    draws: int = 4000,
) -> RewardDesign:
    """Earn rate and benefits whose expected yearly cost is at most ``annual_budget``.

    ``annual_spend`` (members,) projected twelve-month spend; ``thresholds`` one per tier of
    ``structure``. Tier k earns 1 + k·``multiplier_step`` times the base rate. Cost is linear in the rate,
    so it is solved in closed form: rate = points pool / (Σ weighted spend × enrolment × (1 + lift) ×
    redemption rate × cost per point), rounded down to three significant digits.
    ``benefit_cap`` is the most that benefits may be worth to a member in a year; the rest goes into points.
    """
    spend = np.asarray(annual_spend, dtype=float)
    if len(thresholds) != structure.tiers:
        raise ValueError(f"{structure.tiers} tiers need as many thresholds, not {len(thresholds)}.")
    if annual_budget <= 0 or spend.sum() <= 0:
        raise ValueError("A reward design needs a budget and members who spend.")

    enrolment = assumptions.enrolment.mean
    point_cost = assumptions.redemption_rate.mean * assumptions.cost_per_point.mean
    face = assumptions.face_value.mean
    enrolled_spend = float(spend.sum()) * enrolment
    value_rate = min(annual_budget / point_cost * face / enrolled_spend, assumptions.highest_value_rate)
    available = value_rate * enrolled_spend * point_cost / face
    lift = LiftResponse(assumptions.maximum_lift.mean, assumptions.half_lift_value_rate.mean).lift(value_rate)
    split = POOL_SPLITS[structure.kind]

    tier = assign_tiers(spend, thresholds)
    multipliers = 1 + multiplier_step * np.arange(len(thresholds))
    unit_cost = enrolment * (1 + lift) * point_cost
    weighted_spend = spend * multipliers[tier]
    benefits = _benefits_per_member(tier, len(thresholds), available * split.benefits / enrolment)
    granted = np.minimum(benefits, benefit_cap)
    cut = float((benefits - granted)[tier].sum()) * enrolment
    rate = _round_down((available * split.points + cut) / (float(weighted_spend.sum()) * unit_cost))
    rewards = tuple(
        TierReward(
            profile=profile,
            multiplier=float(multiplier),
            points_per_unit=rate * float(multiplier),
            points_cost=rate * float(multiplier) * profile.spend * unit_cost,
            benefit_cost=float(benefit) * profile.members * enrolment,
            benefit_per_member=float(benefit),
        )
        for profile, multiplier, benefit in zip(
            profile_tiers(spend, thresholds), multipliers, granted, strict=True
        )
    )
    variable = sum(reward.points_cost for reward in rewards) + available * (split.missions + split.surprise)
    fixed = sum(reward.benefit_cost for reward in rewards)
    costs = _simulate_cost(weighted_spend, variable, fixed, lift, value_rate, assumptions, generator, draws)
    tolerable = annual_budget / float(np.quantile(costs, 1 - tolerated_overrun))
    return RewardDesign(
        structure=structure,
        budget=annual_budget,
        pool=variable + fixed,
        enrolled_spend=enrolled_spend,
        value_rate=value_rate,
        lift=lift,
        base_points_per_unit=rate,
        tiers=rewards,
        points_per_mission=_mission_points(missions, available * split.missions, enrolment * point_cost),
        missions_pool=available * split.missions,
        surprise_pool=available * split.surprise,
        overrun_probability=wilson_rate(int((costs > annual_budget).sum()), draws),
        cautious_points_per_unit=_round_down(rate * min(tolerable, 1.0)),
        tolerated_overrun=tolerated_overrun,
    )


def _round_down(value: float, digits: int = 3) -> float:
    if value <= 0:
        return 0.0
    decimals = digits - 1 - math.floor(math.log10(value))
    return round(math.floor(value * 10.0**decimals + 1e-9) / 10.0**decimals, max(decimals, 0))


def _benefits_per_member(tier: NDArray[np.int64], tiers: int, pool: float) -> FloatArray:
    """Yearly benefit value per member: none in the entry tier, then in proportion to the tier's rank."""
    rank = np.arange(tiers, dtype=float)
    weight = float(rank[tier].sum())
    return rank * (pool / weight) if weight > 0 else np.zeros(tiers)


def _mission_points(missions: Sequence[Mission], pool: float, unit_cost: float) -> float | Unavailable:
    completions = sum(mission.completions for mission in missions)
    if pool == 0:
        return Unavailable("This structure rewards spend, not missions.")
    if completions <= 0:
        return Unavailable("No mission with expected completions is given, so its reward cannot be priced.")
    return _round_down(pool / (completions * unit_cost))


def _simulate_cost(
    weighted_spend: FloatArray,
    variable: float,
    fixed: float,
    lift: float,
    value_rate: float,
    assumptions: LoyaltyAssumptions,
    generator: np.random.Generator,
    draws: int,
) -> FloatArray:
    """Reward cost of a year under all assumptions, plus the chance in who happens to buy.

    The members' total is gamma with the mean of the sum and the variance n·s²: a few large buyers
    make the total itself uncertain.
    """
    total = float(weighted_spend.sum())
    variance = float(weighted_spend.size * weighted_spend.var())
    relative = (
        generator.gamma(total**2 / variance, variance / total**2, draws) if variance else np.ones(draws)
    )
    enrolment = assumptions.enrolment.sample(generator, draws) / assumptions.enrolment.mean
    maximum = assumptions.maximum_lift.sample(generator, draws)
    half = assumptions.half_lift_value_rate.sample(generator, draws)
    growth = 1 + maximum * value_rate / (value_rate + half)
    redemption = assumptions.redemption_rate.sample(generator, draws) / assumptions.redemption_rate.mean
    cost = assumptions.cost_per_point.sample(generator, draws) / assumptions.cost_per_point.mean
    return variable * relative * enrolment * growth / (1 + lift) * redemption * cost + fixed * enrolment
