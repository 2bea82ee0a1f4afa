"""What the design and the economics of a run share: base, assumptions, the reward chosen, and the design it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from plans.commands.plan_loyalty.steps.assumed import LiftFound, assumptions_of
from plans.commands.plan_loyalty.steps.base import base_values, project_base, projected_spend
from plans.commands.plan_loyalty.steps.constraints import (
    benefit_cap,
    eligible_members,
    expiry_of,
    lapsing_less,
    stated,
)
from plans.commands.plan_loyalty.steps.goals import goal_of, perk_cost_of
from plans.commands.shared.columns import columns
from plans.commands.shared.goal_measures import figures_of
from plans.engine.running.steps import PermanentError, StepContext
from plans.schemas.constraints import NO_CASH, of_kind
from programs.analytics import loyalty_finance, rewards, tiers
from programs.analytics.assumptions import Assumption, LoyaltyAssumptions
from programs.analytics.goals import GoalDesign, GoalFigures
from programs.analytics.loyalty_finance import LaunchAdvice, LoyaltyModel, PoolChoice
from programs.analytics.rewards import POOL_SPLITS, Mission, PerkCost, ProgramStructure, RewardDesign
from programs.datasets import OpenData

PERIODS_A_YEAR = {"quarter": 4, "month": 12}
DRAWS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class PlannedProgram:
    """``data`` of the members it is made for; ``base`` as ``base_values`` makes it; ``spend`` the twelve-month spend
    of members."""

    data: OpenData
    base: Mapping[str, Any]
    lift: LiftFound
    model: LoyaltyModel
    spend: np.ndarray
    how: str
    structure: ProgramStructure
    budget: float
    choice: PoolChoice
    recommendation: LaunchAdvice
    why: str
    design: RewardDesign
    missions: Sequence[Mission]
    goal: GoalDesign
    figures: GoalFigures
    perks: Callable[[int], PerkCost]
    """By the number of tiers."""

    @property
    def assumptions(self) -> LoyaltyAssumptions:
        return self.model.assumptions

    def design_for(self, structure: ProgramStructure, value_rate: float) -> RewardDesign:
        """Another structure or another reward, on the same base."""
        return design_with(
            self.model,
            self.spend,
            structure,
            value_rate,
            self.missions,
            self.perks(structure.tiers),
            self.goal,
        )


def annual_budget(inputs: Mapping[str, Any]) -> float:
    """The reward pool of a year, from a pool a quarter or a month."""
    budget = inputs["budget"]
    return float(budget["amount"]) * PERIODS_A_YEAR[budget["period"]]


def missions_of(
    data: OpenData, structure: ProgramStructure, goal: GoalDesign, figures: GoalFigures
) -> list[Mission]:
    """Missions counted on the data: how many completions a year they would have had."""
    if not goal.split(POOL_SPLITS[structure.kind], structure.kind).missions:
        return []
    as_of = data.as_of("purchases")
    rfm = columns(data.engine.member_rfm(data.snapshot("purchases"), as_of=as_of))
    second, fourth = int((rfm["orders"] >= 2).sum()), int((rfm["orders"] >= 4).sum())
    return goal.missions(figures, second, fourth)


def design_with(
    model: LoyaltyModel,
    spend: np.ndarray,
    structure: ProgramStructure,
    value_rate: float,
    missions: Sequence[Mission],
    perk_cost: PerkCost,
    goal: GoalDesign,
) -> RewardDesign:
    thresholds = tiers.spend_thresholds(spend, goal.upper_shares(structure.tiers), digits=2)
    return rewards.design_rewards(
        spend,
        thresholds,
        structure,
        model,
        value_rate,
        missions=missions,
        multiplier_step=goal.multiplier_step,
        perk_cost=perk_cost,
        split=goal.split(POOL_SPLITS[structure.kind], structure.kind),
    )


def moved_by(goal: GoalDesign, lift: LiftFound, figures: GoalFigures) -> LiftFound:
    """A lift that nobody measured or entered, as far as the goal's factor reaches; any other is of all spend already."""
    if not lift.is_assumed:
        return lift
    moved = goal.lift(lift.assumption, figures)
    if moved == lift.assumption:
        return lift
    notes = (*lift.notes, goal.why_reach)
    return LiftFound(moved, moved.low, moved.mode, moved.high, moved.source, notes)


def _perks(context: StepContext, cap: float, tiers_: int) -> PerkCost:
    no_cash = bool(of_kind(stated(context), NO_CASH))
    return perk_cost_of(
        context.inputs["goal"], tiers_, cap, context.program.get("benefits") or (), no_cash=no_cash
    )


def _after_a_year(error: float) -> Assumption:
    """What the months after the first twelve err by on top; 0 in a design of before it was worked out."""
    return replace(
        LoyaltyAssumptions().revenue_later, low=max(1 - 1.96 * error, 0.0), high=1 + 1.96 * error, standard_error=error, floor=0.0,
        source="purchases: newcomers whose trend stops today or goes on as before, the chance in their rate, and the corrected run-off",
    )  # fmt: skip


def plan_program(context: StepContext, *, draws: int = DRAWS) -> PlannedProgram:
    """The same for the design as for the economics, which finds the base in the design's values."""
    audience, inputs = eligible_members(context), context.inputs
    data, perks = audience.data, partial(_perks, context, benefit_cap(context))
    structure = rewards.parse_structure(str(inputs["tiers"]))
    goal, figures = goal_of(context), figures_of(data)
    assumptions, lift = assumptions_of(context.program, inputs, data)
    lift = moved_by(goal, lift, figures)
    designed = context.outputs.get("design") or {}
    base = designed.get("revenue_base") or base_values(
        project_base(data, months=max(12, assumptions.horizon_months)), context.program["currency"]
    )
    spend, how = projected_spend(data)
    error = (
        (base["standard_error"] or 0.0) / base["next_twelve_months"] if base["next_twelve_months"] else 0.0
    )
    assumptions = replace(
        assumptions,
        lift=lift.assumption,
        redemption_rate=lapsing_less(assumptions.redemption_rate, expiry_of(context, audience)),
        revenue_base=Assumption(
            "revenue_base", max(1 - 1.96 * error, 0.0), 1.0, 1 + 1.96 * error, "of the projected revenue base",
            "purchases: interval of the forecast", standard_error=error, floor=0.0,
        ),
        revenue_later=_after_a_year(float(base.get("later_error") or 0.0)),
    )  # fmt: skip
    budget, missions = annual_budget(inputs), missions_of(data, structure, goal, figures)
    try:
        by_month = loyalty_finance.months_of(base["by_month"], assumptions.horizon_months)
        model = LoyaltyModel(assumptions, by_month)
        choice = loyalty_finance.choose_pool(
            model, budget, generator=np.random.default_rng(context.seed), draws=draws
        )
        # Fewer draws must not move what was designed on all of them.
        rate = designed.get("chosen_value_rate", choice.value_rate)
        recommendation = LaunchAdvice(designed.get("recommendation", choice.recommendation))
        design = design_with(model, spend, structure, rate, missions, perks(structure.tiers), goal)
    except ValueError as error_:
        raise PermanentError(str(error_), hint="Ask for fewer tiers or another kind.") from error_
    return PlannedProgram(
        data, base, lift, model, spend, how, structure, budget, choice, recommendation, designed.get("why", choice.why),
        design, missions, goal, figures, perks,
    )  # fmt: skip
