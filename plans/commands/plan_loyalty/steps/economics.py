"""Step 4, economic modelling: revenue base, lift, cost per point, breakage, break-even, risk, alternatives."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from gtm.core import canonical
from gtm.core.money import Money, exact_text, minor_units
from plans.commands.plan_loyalty.command import NEGATIVE_ROI
from plans.commands.plan_loyalty.steps.accounting import accounting_outputs, accounting_values
from plans.commands.plan_loyalty.steps.assumed import order_caveat
from plans.commands.plan_loyalty.steps.base import base_outputs, later_years_said
from plans.commands.plan_loyalty.steps.choices import (
    alternatives_of,
    alternatives_table,
    sentence_of_test,
    sized_test,
    table_of_test,
)
from plans.commands.plan_loyalty.steps.personas import MEANS, economics_by_persona, economics_table
from plans.commands.plan_loyalty.steps.planned import DRAWS, PlannedProgram, plan_program
from plans.commands.shared.figures import chance, figure, money, percent, value_of
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Chart, Column, Figure, Metrics, Output, Series, Signal, StepResult, Table
from programs.analytics import economics, simulation
from programs.analytics.assumptions import NOT_ENTERED, Assumption
from programs.analytics.chances import CHANCE
from programs.analytics.estimate import Unavailable
from programs.analytics.loyalty_finance import LaunchAdvice

FAR = 1.25
"""Of the reward at which a lift was measured or entered: beyond it the lift is a matter of the model's curve."""


def model_on_fewer_draws(context: StepContext) -> StepResult:
    """The same model on a fifth of the draws, where the whole ran out of time or memory."""
    return model_economics(context, draws=DRAWS // 5)


def model_economics(context: StepContext, *, draws: int = DRAWS) -> StepResult:
    currency = context.program["currency"]
    context.progress(10, "Design")
    planned = plan_program(context, draws=draws)
    context.progress(60, "Risk and alternatives")
    accounting = accounting_values(planned)
    values = _values(planned, context) | {
        name: accounting[name]
        for name in ("points", "deferred", "selling_price", "roll_forward", "sensitivity")
    }
    if personas := context.outputs["design"].get("personas"):
        year = planned.model.year(planned.design.value_rate)
        values["by_persona"] = economics_by_persona(personas, year, currency)
    alternatives = alternatives_of(planned)
    values["alternatives"] = alternatives
    test = None
    if planned.recommendation is LaunchAdvice.TEST_FIRST:
        test = sized_test(planned)
        values["test"] = {**test, "sentence": sentence_of_test(test)}
    context.progress(90, "Summary")
    months = planned.assumptions.horizon_months
    outputs: list[Output] = [
        _summary(planned, values, currency),
        *base_outputs(values["revenue_base"], currency),
        alternatives_table(alternatives, months, currency),
        *([table_of_test(test, currency)] if test else []),
        _cash_chart(planned, currency),
        _risk_chart(planned, currency),
        _full_year(planned, currency),
        *economics_table(values.get("by_persona", []), currency),
        *accounting_outputs(accounting, values["cost_per_point"], currency),
    ]
    values["headline"] = [
        {"label": "Recommendation", "value": planned.recommendation.value},
        {"label": "Net margin of a full year", "value": money(values["net_year"], currency)},
        {
            "label": f"Return on cost over {months} months, median",
            "value": _return_in_words(values),
        },
        {
            "label": f"Chance of a loss within {months} months",
            "value": chance(values["probability_of_loss"]),
        },
    ]
    # The same design again is no second design that loses, whatever was published of the first one: what the
    # step's tools left behind compares it with what is published, and does not count.
    designed = {name: value for name, value in context.outputs["design"].items() if name != "evidence"}
    period = f"design {canonical.digest([context.inputs, designed])[:12]}"
    # A return is negative where the money does not come back: over the horizon, the launch included.
    signals, in_coins = [], round(Decimal(values["net_present_value"]), minor_units(currency))
    present_value = exact_text(in_coins, currency)
    if in_coins < 0:
        signals.append(
            Signal(
                NEGATIVE_ROI,
                f"Over {months} months, the launch included, a loss of {Money(-in_coins, currency)} is expected.",
                period=period,
                value=present_value,
            )
        )
    return StepResult(
        values=values,
        outputs=outputs,
        signals=signals,
        measured={NEGATIVE_ROI: present_value},
        period=period,
    )


def _values(planned: PlannedProgram, context: StepContext) -> dict[str, Any]:
    model, design, known = planned.model, planned.design, planned.assumptions
    rate, inputs = design.value_rate, planned.choice.inputs
    year = model.year(rate)
    roi = simulation.summarise(model.return_of(rate, inputs))
    worth = simulation.summarise(model.present_value_of(rate, inputs))
    flows = model.cash_flows(rate)
    yearly = _yearly_return(planned, flows)
    reward_rate = rate * model.cost_per_value
    lift_ends = model.lift_range(rate)
    return {
        "recommendation": planned.recommendation.value,
        "why": planned.why,
        "revenue_base": dict(planned.base),
        "lift": planned.lift.values() | {"value_rate": known.lift_value_rate.mean},
        "annual_pool": design.pool,
        "cost_per_point": known.cost_per_point.mean,
        "face_value": known.face_value.mean,
        "expected_lift": design.lift,
        "expected_lift_low": lift_ends[0],
        "expected_lift_high": lift_ends[1],
        "break_even_lift": value_of(
            economics.break_even_lift(
                design.enrolled_spend, known.margin_rate.mean, reward_rate, known.platform_cost.mean
            )
        ),
        "break_even_lift_over_the_horizon": model.break_even_lift_over_the_horizon(rate),
        "net_year": float(year.net),
        "net_present_value": model.present_value(rate),
        "net_present_value_p5": worth.p5,
        "net_present_value_p95": worth.p95,
        "roi_p5": roi.p5 if roi.draws else None,
        "roi_p50": roi.p50 if roi.draws else None,
        "roi_p95": roi.p95 if roi.draws else None,
        "probability_of_loss": worth.probability_of_loss,
        "probability_of_a_losing_year": float((model.year_of(rate, inputs).net < 0).mean()),
        "overrun_probability": model.overrun(rate, planned.budget, inputs),
        "internal_rate_of_return": value_of(yearly),
        "payback_months": value_of(economics.payback_period(flows)),
        "break_even_month": value_of(economics.break_even_month(flows)),
        "redemption_rate": known.redemption_rate.mean,
        "breakage_rate": 1 - known.redemption_rate.mean,
        "redemption_is_assumed": known.redemption_rate.is_stated,
        "redemption_rate_low": known.redemption_rate.low,
        "redemption_rate_high": known.redemption_rate.high,
        "points_caveat": order_caveat(context.data),
        "best_pool": model.pool(planned.choice.best_rate),
        "horizon_months": known.horizon_months,
        "tolerated_overrun": known.tolerated_overrun,
        "tolerated_loss": known.tolerated_loss,
        "reward_is_beyond_measurement": bool(
            not known.redemption_rate.is_stated and rate > 2 * _current_reward(context.program)
        ),
        "lift_is_beyond_evidence": not planned.lift.is_assumed and rate > FAR * known.lift_value_rate.mean,
        "costs_not_entered": [
            each.name for each in (known.launch_cost, known.platform_cost) if each.source == NOT_ENTERED
        ],
        "seed": context.seed,
    }  # fmt: skip


def _yearly_return(planned: PlannedProgram, flows: Any) -> float | Unavailable:
    """The internal rate of return a year: of an investment, which is there once somebody has entered it."""
    if planned.assumptions.launch_cost.source == NOT_ENTERED:
        return Unavailable(
            "No launch cost was entered, so there is no investment that earns a rate of return."
        )
    monthly = economics.internal_rate_of_return(flows)
    return monthly if isinstance(monthly, Unavailable) else (1 + monthly) ** 12 - 1


def _current_reward(program: Any) -> float:
    """Face value per unit spent at the program's own earn rate, which the ledger was measured at."""
    return float(program["points_per_currency_unit"]) * float(program["point_face_value"])


def _summary(planned: PlannedProgram, values: dict[str, Any], currency: str) -> Metrics:
    model, known = planned.model, planned.assumptions
    flows = model.cash_flows(planned.design.value_rate)
    yearly = _yearly_return(planned, flows)
    months = known.horizon_months
    break_even = economics.break_even_lift(
        planned.design.enrolled_spend, known.margin_rate.mean, planned.design.value_rate * model.cost_per_value,
        known.platform_cost.mean,
    )  # fmt: skip
    source = (
        "stated assumption, no ledger loaded"
        if values["redemption_is_assumed"]
        else "measured on the point ledger"
    )
    base, lift = values["revenue_base"], values["lift"]
    return Metrics(
        "financial_model",
        "Financial model summary",
        [
            Figure("revenue_base", "Revenue of the next twelve months if nothing changes", base["next_twelve_months"],
                   currency, low=base["low"], high=base["high"], level=0.95),
            Figure("cost_per_point", "Cost per redeemed point", values["cost_per_point"], currency),
            Figure("face_value", "Face value of a point", values["face_value"], currency),
            Figure("selling_price", "Stand-alone selling price of a point", values["selling_price"],
                   currency, definition="Face value × chance of redemption (IFRS 15.B42)"),
            Figure("breakage", "Breakage", 100 * values["breakage_rate"], "%", definition=f"Points never redeemed; {source}"),
            Figure("stated_lift", "Lift in spend at the reward it is stated for", 100 * lift["likely"], "%",
                   low=100 * lift["low"], high=100 * lift["high"], definition=lift["source"]),
            Figure("lift", "Expected lift in spend at the proposed reward", 100 * values["expected_lift"], "%",
                   low=100 * values["expected_lift_low"], high=100 * values["expected_lift_high"],
                   definition="Mean of its range, which is not its most likely value where the range is uneven"),
            figure("break_even_lift", "Lift at which the year breaks even", break_even, unit="%", scale=100),
            Figure("net", "Net margin of a full year", values["net_year"], currency),
            Figure("npv", f"Net present value, {months} months", values["net_present_value"], currency,
                   low=values["net_present_value_p5"], high=values["net_present_value_p95"], level=0.9,
                   definition=f"Expected; 5th to 95th percentile over all assumptions{later_years_said(base, months)}"),
            figure("irr", "Internal rate of return", yearly, unit="% a year", scale=100),
            figure("payback", "Payback", economics.payback_period(flows), unit="months"),
            figure("break_even_month", "Break-even month", economics.break_even_month(flows), unit="month"),
            _return_on_cost(values, months),
            Figure("loss", "Chance of a loss", 100 * values["probability_of_loss"], CHANCE,
                   definition=f"Net present value of {months} months below 0, over all assumptions"),
            Figure("best_pool", "Yearly reward pool that earns most", values["best_pool"], currency,
                   definition="Whatever the budget and the risk"),
        ],
        note=f"Seed {values['seed']}. Rewards are costed when earned, on baseline purchases too.",
    )  # fmt: skip


def _return_in_words(values: dict[str, Any]) -> str:
    if values["roi_p50"] is None:
        return "not available"
    return f"{percent(values['roi_p50'])} ({percent(values['roi_p5'])} to {percent(values['roi_p95'])})"


def _return_on_cost(values: dict[str, Any], months: int) -> Figure:
    median, low, high = (values[name] for name in ("roi_p50", "roi_p5", "roi_p95"))
    if median is None:
        return Figure(
            "roi", "Return on cost", None, "%", unavailable=f"The program costs nothing in {months} months."
        )
    return Figure("roi", "Return on cost", 100 * median, "%", low=100 * low, high=100 * high, level=0.9,
                  definition=f"Net present value of {months} months / what rewards, platform and launch cost in them; "
                  "median, 5th to 95th percentile")  # fmt: skip


def _cash_chart(planned: PlannedProgram, currency: str) -> Chart:
    cumulative = np.cumsum(planned.model.cash_flows(planned.design.value_rate))
    months = [f"month {n}" for n in range(cumulative.size)]
    return Chart("cash", "Cumulative cash flow", "line", months,
                 [Series("Cumulative cash", [float(v) for v in cumulative])], "month", "cash", currency)  # fmt: skip


def _risk_chart(planned: PlannedProgram, currency: str) -> Chart:
    model, rate = planned.model, planned.design.value_rate
    bars = simulation.tornado(lambda inputs: model.year_of(rate, inputs).net, planned.assumptions.drawn())
    bars = tuple(bar for bar in bars if bar.swing > 0)
    return Chart(
        "tornado", "What moves the net of a year most", "tornado", [b.name.replace("_", " ") for b in bars],
        [Series("at its low", [b.at_low for b in bars]), Series("at its high", [b.at_high for b in bars])],
        "assumption", "net of a full year", currency, "One assumption moved at a time, the others at their most likely value.",
    )  # fmt: skip


def _platform_in_words(cost: Assumption, currency: str) -> str:
    """What was entered stands beside the mean that is counted, where they are not the same."""
    if cost.low == cost.high:
        return "Platform"
    low, likely, high = (money(each, currency) for each in (cost.low, cost.mode, cost.high))
    return f"Platform (mean of {low} to {high}; most likely {likely})"


def _full_year(planned: PlannedProgram, currency: str) -> Table:
    year = planned.model.year(planned.design.value_rate)
    rows = [
        ["Margin on the lift", float(year.margin)],
        ["Rewards on purchases that would have happened anyway", 0.0 - float(year.reward_on_baseline)],
        ["Rewards on the lift", 0.0 - float(year.reward_on_incremental)],
        [_platform_in_words(planned.assumptions.platform_cost, currency), 0.0 - float(year.fixed_cost)],
        ["Net", float(year.net)],
    ]
    columns = [Column("item", "Item"), Column("amount", "Amount a year", "money", currency)]
    note = (
        "All who will enrol have enrolled; on the revenue base of the next twelve months. The launch is not in it. "
        f"{MEANS}"
    )
    return Table("year", "A full year", columns, rows, note)
