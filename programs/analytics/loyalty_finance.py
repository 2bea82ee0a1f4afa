"""The financial model of a reward design: one year, the investment, its risk and its sensible size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from programs.analytics.assumptions import LoyaltyAssumptions
from programs.analytics.economics import (
    IncrementalMargin,
    LiftResponse,
    PointValue,
    RewardRange,
    break_even_lift,
    break_even_month,
    incremental_margin,
    internal_rate_of_return,
    net_present_value,
    payback_period,
    sustainable_pool,
)
from programs.analytics.estimate import Unavailable
from programs.analytics.rewards import RewardDesign
from programs.analytics.simulation import Simulation, simulate

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FinancialModel:
    """Money per year at full enrolment unless it says otherwise; rewards are costed when earned."""

    point_value: PointValue
    year: IncrementalMargin
    expected_lift: float
    break_even_lift: float | Unavailable
    cash_flows: FloatArray
    """Per month; entry 0 is the launch cost."""
    net_present_value: float
    internal_rate_of_return: float | Unavailable
    """Per year."""
    payback_months: float | Unavailable
    break_even_month: int | Unavailable
    return_on_cost: Simulation
    sustainable_pool: RewardRange | Unavailable

    @property
    def is_negative(self) -> bool:
        """The year loses money in expectation: the second such model in a row escalates."""
        return float(self.year.net) < 0


def model_finances(
    design: RewardDesign,
    assumptions: LoyaltyAssumptions,
    *,
    generator: np.random.Generator,
    draws: int = 10_000,
) -> FinancialModel:
    """Cost, expected lift, break-even and risk of ``design``.

    Benefits, missions and surprise moments count as points of equal cost, so that one reward rate per
    unit spent carries the whole pool: points per unit = pool / (enrolled spend × (1 + lift) × redemption
    rate × cost per point).
    """
    redemption, cost = assumptions.redemption_rate.mean, assumptions.cost_per_point.mean
    face, platform = assumptions.face_value.mean, assumptions.platform_cost.mean
    margin = assumptions.margin_rate.mean
    points = design.pool / (design.enrolled_spend * (1 + design.lift) * redemption * cost)
    year = incremental_margin(design.enrolled_spend, margin, design.lift, points, redemption, cost, platform)

    member_spend = design.enrolled_spend / assumptions.enrolment.mean

    def return_on_cost(inputs: Mapping[str, FloatArray]) -> FloatArray:
        half = inputs["half_lift_value_rate"]
        lift = inputs["maximum_lift"] * design.value_rate / (design.value_rate + half)
        return incremental_margin(
            member_spend * inputs["enrolment"],
            inputs["margin_rate"],
            lift,
            points,
            inputs["redemption_rate"],
            inputs["cost_per_point"],
            inputs["platform_cost"],
        ).return_on_cost

    flows = _monthly_flows(year, assumptions)
    monthly_rate = (1 + assumptions.discount_rate.mean) ** (1 / 12) - 1
    monthly_return = internal_rate_of_return(flows)
    return FinancialModel(
        point_value=PointValue(face, cost, face * redemption),
        year=year,
        expected_lift=design.lift,
        break_even_lift=break_even_lift(design.enrolled_spend, margin, points * redemption * cost, platform),
        cash_flows=flows,
        net_present_value=net_present_value(monthly_rate, flows),
        internal_rate_of_return=(
            monthly_return if isinstance(monthly_return, Unavailable) else (1 + monthly_return) ** 12 - 1
        ),
        payback_months=payback_period(flows),
        break_even_month=break_even_month(flows),
        return_on_cost=simulate(
            return_on_cost,
            (
                assumptions.enrolment,
                assumptions.maximum_lift,
                assumptions.half_lift_value_rate,
                assumptions.redemption_rate,
                assumptions.cost_per_point,
                assumptions.margin_rate,
                assumptions.platform_cost,
            ),
            generator=generator,
            draws=draws,
        ),
        sustainable_pool=sustainable_pool(
            design.enrolled_spend,
            margin,
            LiftResponse(assumptions.maximum_lift.mean, assumptions.half_lift_value_rate.mean),
            face / (redemption * cost),
            platform,
        ),
    )


def _monthly_flows(year: IncrementalMargin, assumptions: LoyaltyAssumptions) -> FloatArray:
    """Launch cost now, then months in which enrolment ramps up while the platform costs in full."""
    months = np.arange(1, assumptions.horizon_months + 1)
    ramp = np.minimum(months / max(assumptions.ramp_months, 1), 1.0)
    variable = float(year.net + year.fixed_cost) / 12
    flows = ramp * variable - float(year.fixed_cost) / 12
    return np.concatenate(([-assumptions.launch_cost.mean], flows))
