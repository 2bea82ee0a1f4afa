"""The financial model of a loyalty program: what a reward earns, which one to propose, and what it risks.

One reward rate carries the model: g, the face value of all rewards per unit that members spend. Benefits,
missions and surprise moments count as points of equal cost, so points per unit = g / face value, and every
figure (cost, net, points issued, deferral) follows from the same g. Money is per year at full enrolment, on
the revenue base of the next twelve months, unless it says otherwise; rewards are costed when earned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gtm.core.percents import percent_text
from programs.analytics.assumptions import LoyaltyAssumptions
from programs.analytics.chances import chance_in_words
from programs.analytics.economics import (
    IncrementalMargin,
    LiftResponse,
    best_value_rate,
    incremental_margin,
    times_the_lift,
)
from programs.analytics.simulation import Draws, draw

FloatArray = NDArray[np.float64]

HALF = "half_lift_value_rate"
STEPS = 80
"""How finely smaller pools are searched for one whose risk is tolerated."""
MOST_TIMES = 3.0
"""Of the known lift: a program that counts on more, at a far higher reward, is tested before a launch."""
CHANCE_WORTH_A_TEST = 0.2
"""With a smaller chance that the program earns anything, no test is worth its cost."""


class LaunchAdvice(StrEnum):
    LAUNCH = "launch"
    TEST_FIRST = "test first"
    DO_NOT_LAUNCH = "do not launch"


@dataclass(frozen=True, slots=True, eq=False)
class LoyaltyModel:
    """The assumptions on a revenue base: ``by_month`` holds what all customers spend without a program, money
    a month, for the horizon or longer, twelve months at least."""

    assumptions: LoyaltyAssumptions
    by_month: FloatArray

    def __post_init__(self) -> None:
        if self.by_month.ndim != 1 or self.by_month.size < max(12, self.assumptions.horizon_months):
            raise ValueError("The revenue base needs a year of months, and as many as the horizon.")
        if self.assumptions.face_value.mean <= 0:
            raise ValueError("A point that buys nothing rewards nobody: its face value must be above 0.")

    # ------------------------------------------------------------------ what does not depend on the reward

    @property
    def base(self) -> float:
        """What all customers spend in the next twelve months if nothing changes."""
        return float(self.by_month[:12].sum())

    @property
    def enrolled(self) -> float:
        """Of it, the part of those who will enrol."""
        return self.base * self.assumptions.enrolment.mean * self.assumptions.revenue_base.mean

    @property
    def months(self) -> NDArray[np.int64]:
        return np.arange(1, self.assumptions.horizon_months + 1)

    @property
    def ramp(self) -> FloatArray:
        """Share of those who will enrol that have, by month."""
        return np.minimum(self.months / max(self.assumptions.ramp_months, 1), 1.0)

    @property
    def discount(self) -> FloatArray:
        """Of each month's flow, to today."""
        return np.asarray((1 + self.assumptions.discount_rate.mean) ** (-self.months / 12))

    @property
    def response(self) -> LiftResponse:
        """The lift by reward, on average."""
        return self.response_to(self.assumptions.lift.mean)

    def response_to(self, lift: float) -> LiftResponse:
        """The mean over the rewards at which half the greatest lift may be reached: nobody knows which."""
        known = self.assumptions
        return LiftResponse.through(lift, known.lift_value_rate.mean, *known.half_lift_value_rate.nodes())

    @property
    def cost_per_value(self) -> float:
        """Expected cost of a unit of face value that is issued."""
        known = self.assumptions
        return known.redemption_rate.mean * known.cost_per_point.mean / known.face_value.mean

    # ------------------------------------------------------------------ what a reward does

    def shape(self, value_rate: float) -> float:
        """How many times the stated lift is seen at this reward, on average."""
        return self.response_to(1.0).lift(value_rate)

    def shapes(self, value_rate: float, half: ArrayLike) -> FloatArray:
        """The same, if half the greatest lift is reached at each reward of ``half``."""
        return times_the_lift(value_rate, self.assumptions.lift_value_rate.mean, half)

    @property
    def expected_inputs(self) -> Draws:
        """The mean of all that is drawn, but for the shape of the lift: it is no line, and without it
        ``year_of`` takes the mean over its shapes."""
        drawn = self.assumptions.drawn()
        return {each.name: np.array(each.mean) for each in drawn if each.name != HALF}

    def lift_range(self, value_rate: float) -> tuple[float, float]:
        """Low and high end of the lift at this reward: the reaches of the stated lift and of its shape, as
        squares, because they err apart from each other."""
        known, shape = self.assumptions.lift, self.shape(value_rate)
        half = self.assumptions.half_lift_value_rate
        ends = known.mean * self.shapes(value_rate, np.array([half.low, half.high]))
        expected = known.mean * shape
        down = math.hypot((known.mean - known.low) * shape, expected - float(ends.min()))
        up = math.hypot((known.high - known.mean) * shape, float(ends.max()) - expected)
        return expected - down, expected + up

    def lift(self, value_rate: float) -> float:
        return self.response.lift(value_rate)

    def points(self, value_rate: float) -> float:
        """Points issued in the year."""
        spent = self.enrolled * (1 + self.lift(value_rate))
        return spent * value_rate / self.assumptions.face_value.mean

    def pool(self, value_rate: float) -> float:
        """Expected reward cost of the year."""
        known = self.assumptions
        return self.points(value_rate) * known.redemption_rate.mean * known.cost_per_point.mean

    def rate_of_pool(self, pool: float) -> float:
        """The reward whose expected cost is ``pool``, or the highest there may be."""
        return self._rate_where(lambda rate: self.pool(rate) <= pool)

    def year(self, value_rate: float) -> IncrementalMargin:
        """In expectation."""
        return self.year_of(value_rate, self.expected_inputs)

    def year_of(self, value_rate: float, inputs: Draws) -> IncrementalMargin:
        """By draw; without draws of the shape of the lift, on average over its shapes."""
        known = HALF in inputs
        shape = self.shapes(value_rate, inputs[HALF]) if known else np.array(self.shape(value_rate))
        return incremental_margin(
            self.base * inputs["revenue_base"] * inputs["enrolment"],
            inputs["margin_rate"],
            inputs["lift"] * shape,
            value_rate / self.assumptions.face_value.mean,
            inputs["redemption_rate"],
            inputs["cost_per_point"],
            inputs["platform_cost"],
        )

    def present_value_of(self, value_rate: float, inputs: Draws) -> FloatArray:
        """Net present value over the horizon, the launch included, by draw."""
        year = self.year_of(value_rate, inputs)
        gained = year.net + year.fixed_cost
        return np.asarray(gained * self._years_of(inputs) - self._fixed_costs_of(inputs))

    def costs_of(self, value_rate: float, inputs: Draws) -> FloatArray:
        """What rewards, platform and launch cost over the horizon, at today's value, by draw."""
        rewards = self.reward_cost_of(value_rate, inputs)
        return np.asarray(rewards * self._years_of(inputs) + self._fixed_costs_of(inputs))

    def return_of(self, value_rate: float, inputs: Draws) -> FloatArray:
        """Net present value per unit of what is spent over the horizon, the launch included, by draw; not a
        number where nothing is spent."""
        costs = self.costs_of(value_rate, inputs)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(costs > 0, self.present_value_of(value_rate, inputs) / costs, np.nan)

    def _years_of(self, inputs: Draws) -> FloatArray:
        """How many times what a full year brings counts over the horizon, at today's value, by draw."""
        by_month = self.ramp * self.discount * self.by_month[: self.months.size]
        # The later years err with the first, and by their own error beside it.
        weight = float(by_month[:12].sum()) + inputs["revenue_after_a_year"] * float(by_month[12:].sum())
        return np.asarray(weight / (self.base or 1.0))

    def _fixed_costs_of(self, inputs: Draws) -> FloatArray:
        """Platform and launch over the horizon, at today's value, by draw."""
        return np.asarray(inputs["platform_cost"] / 12 * float(self.discount.sum()) + inputs["launch_cost"])

    def present_value(self, value_rate: float) -> float:
        return float(self.present_value_of(value_rate, self.expected_inputs))

    def cash_flows(self, value_rate: float) -> FloatArray:
        """Per month; entry 0 is the launch. Enrolment ramps up while the platform costs in full."""
        year = self.year(value_rate)
        gained = float(year.net + year.fixed_cost) / (self.base or 1.0)
        flows = gained * self.ramp * self.by_month[: self.months.size] - float(year.fixed_cost) / 12
        return np.concatenate(([0.0 - self.assumptions.launch_cost.mean], flows))

    def reward_cost_of(self, value_rate: float, inputs: Draws) -> FloatArray:
        year = self.year_of(value_rate, inputs)
        return np.asarray(year.reward_on_baseline + year.reward_on_incremental)

    def overrun(self, value_rate: float, budget: float, inputs: Draws) -> float:
        """Chance that the year's rewards cost more than ``budget``."""
        return float((self.reward_cost_of(value_rate, inputs) > budget).mean())

    def loss(self, value_rate: float, inputs: Draws) -> float:
        """Chance that the net present value is below 0."""
        return float((self.present_value_of(value_rate, inputs) < 0).mean())

    def break_even_lift_over_the_horizon(self, value_rate: float) -> float | None:
        """Lift at which the net present value is zero; None where no lift does it."""
        known = self.assumptions
        spent = self.enrolled / (self.base or 1.0)
        spent *= float((self.ramp * self.discount * self.by_month[: self.months.size]).sum())
        fixed = known.platform_cost.mean / 12 * float(self.discount.sum()) + known.launch_cost.mean
        reward = value_rate * self.cost_per_value
        if spent <= 0 or known.margin_rate.mean <= reward:
            return None
        return (fixed / spent + reward) / (known.margin_rate.mean - reward)

    # ------------------------------------------------------------------ which reward to propose

    def best_rate(self) -> float:
        """The reward that earns most in expectation, whatever the budget."""
        known = self.assumptions
        return best_value_rate(
            known.margin_rate.mean, self.response, self.cost_per_value, known.highest_value_rate
        )

    def highest_rate(self, budget: float, inputs: Draws) -> float:
        """The highest reward within the budget, in expectation and, but for the tolerated chance, in fact."""
        tolerated = self.assumptions.tolerated_overrun
        return self._rate_where(
            lambda rate: self.pool(rate) <= budget and self.overrun(rate, budget, inputs) <= tolerated
        )

    def _rate_where(self, fits: object) -> float:
        """The highest reward for which ``fits``, true up to it, by bisection."""
        assert callable(fits)
        low, high = 0.0, self.assumptions.highest_value_rate
        if fits(high):
            return high
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low


@dataclass(frozen=True, slots=True, eq=False)
class PoolChoice:
    """The reward to propose, and what was weighed. ``inputs`` are the draws that every risk is read from."""

    value_rate: float
    best_rate: float
    highest_rate: float
    recommendation: LaunchAdvice
    why: str
    inputs: Draws


def choose_pool(
    model: LoyaltyModel, budget: float, *, generator: np.random.Generator, draws: int = 10_000
) -> PoolChoice:
    """The reward that earns most in expectation within the budget and the tolerated risks.

    Where that counts on a lift many times the known one, the recommendation is to test it first.
    Expected value over the horizon is concave in the reward, so the nearest tolerated reward below the best
    is the best tolerated one. Where no reward has a tolerated chance of a loss, the best one is kept and the
    recommendation is to test it first, or not to launch.
    """
    inputs = draw(model.assumptions.drawn(), generator, draws)
    best, highest = model.best_rate(), model.highest_rate(budget, inputs)
    rate = min(best, highest)
    tolerated = model.assumptions.tolerated_loss
    candidates = [rate * step / STEPS for step in range(STEPS, 0, -1)] if rate > 0 else []
    calm = next((each for each in candidates if model.loss(each, inputs) <= tolerated), None)
    if calm is not None and model.present_value(calm) > 0:
        times = model.shape(calm)
        if times > MOST_TIMES:
            seen_at = percent_text(model.assumptions.lift_value_rate.mean, 1)
            why = (
                f"It counts on {times:.1f} times the lift that is known at a reward of {seen_at} of spend: "
                f"nobody has seen what one of {percent_text(calm, 1)} does."
            )
            return PoolChoice(calm, best, highest, LaunchAdvice.TEST_FIRST, why, inputs)
        return PoolChoice(calm, best, highest, LaunchAdvice.LAUNCH, "", inputs)
    expected = model.present_value(rate)
    gain = 1 - model.loss(rate, inputs)
    if rate == 0:
        why = "No reward earns more than it costs, however small the pool."
        return PoolChoice(rate, best, highest, LaunchAdvice.DO_NOT_LAUNCH, why, inputs)
    if expected > 0:
        why = (
            f"The chance of a loss is {chance_in_words(1 - gain)}, more than the "
            f"{percent_text(tolerated, 0)} that is tolerated."
        )
        return PoolChoice(rate, best, highest, LaunchAdvice.TEST_FIRST, why, inputs)
    loses = (
        f"Over {model.assumptions.horizon_months} months, the launch included, a loss is expected at every "
        "pool"
    )
    if gain >= CHANCE_WORTH_A_TEST:
        why = f"{loses}, yet the chance that the program earns is {chance_in_words(gain)}."
        return PoolChoice(rate, best, highest, LaunchAdvice.TEST_FIRST, why, inputs)
    why = f"{loses}, and the chance that the program earns is {chance_in_words(gain)}."
    return PoolChoice(rate, best, highest, LaunchAdvice.DO_NOT_LAUNCH, why, inputs)


def months_of(by_month: ArrayLike, horizon: int) -> FloatArray:
    """``by_month`` for the whole horizon and a year at least; beyond what was projected the last month goes
    on."""
    known = np.asarray(by_month, dtype=np.float64)
    missing = max(horizon, 12) - known.size
    return known if missing <= 0 else np.concatenate([known, np.full(missing, known[-1])])
