"""Step 4, economic modelling: cost per point, breakage, lift, break-even, risk."""

from __future__ import annotations

from typing import Any

import numpy as np

from gtm.core import canonical
from plans.commands.plan_loyalty.command import NEGATIVE_ROI
from plans.commands.plan_loyalty.steps.design import design_of
from plans.commands.shared.figures import figure, money, percent, value_of
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Chart, Column, Figure, Metrics, Series, Signal, StepResult, Table
from programs.analytics import loyalty_finance, revenue
from programs.analytics.estimate import Unavailable
from programs.analytics.loyalty_finance import FinancialModel

DRAWS = 10_000


def model_on_fewer_draws(context: StepContext) -> StepResult:
    """The same model on a fifth of the draws, where the whole ran out of time or memory."""
    return model_economics(context, draws=DRAWS // 5)


def model_economics(context: StepContext, *, draws: int = DRAWS) -> StepResult:
    currency = context.program["currency"]
    context.progress(10, "Design")
    design, assumptions, _, _ = design_of(context)
    context.progress(40, "Monte Carlo")
    # A stream of its own: the design's draws must not move when the model's do.
    generator = np.random.default_rng([context.seed, 1])
    model = loyalty_finance.model_finances(design, assumptions, generator=generator, draws=draws)
    context.progress(90, "Summary")
    roi, year = model.return_on_cost, model.year
    values: dict[str, Any] = {
        "cost_per_point": model.point_value.cost,
        "expected_lift": model.expected_lift,
        "break_even_lift": value_of(model.break_even_lift),
        "net_year": float(year.net),
        "net_present_value": model.net_present_value,
        "roi_p5": roi.p5,
        "roi_p50": roi.p50,
        "roi_p95": roi.p95,
        "probability_of_loss": value_of(roi.probability_of_loss),
        "payback_months": value_of(model.payback_months),
        "break_even_month": value_of(model.break_even_month),
        "redemption_rate": assumptions.redemption_rate.mean,
        "breakage_rate": 1 - assumptions.redemption_rate.mean,
        "redemption_is_assumed": assumptions.redemption_rate.is_stated,
        "best_pool": None if isinstance(model.sustainable_pool, Unavailable) else model.sustainable_pool.best,
        "seed": context.seed,
    }
    values["headline"] = [
        {"label": "Net margin of a full year", "value": money(values["net_year"], currency)},
        {
            "label": "Return on cost, median",
            "value": f"{percent(roi.p50)} ({percent(roi.p5)} to {percent(roi.p95)})",
        },
        {"label": "Chance of a loss", "value": percent(values["probability_of_loss"])},
        {"label": "Pool that earns most a year", "value": money(values["best_pool"], currency)},
    ]
    # The same design again is no second design that loses, whatever was published of the first one: what the
    # step's tools left behind compares it with what is published, and does not count.
    designed = {name: value for name, value in context.outputs["design"].items() if name != "evidence"}
    period = f"design {canonical.digest([context.inputs, designed])[:12]}"
    signals = []
    if model.is_negative:
        signals.append(
            Signal(
                NEGATIVE_ROI,
                f"A full year is expected to lose {money(-values['net_year'], currency)}.",
                period=period,
                value=round(values["net_year"], 2),
            )
        )
    return StepResult(
        values=values,
        outputs=[
            _summary(model, values, currency),
            _cash_chart(model, currency),
            _risk_chart(model),
            _scenarios(model, currency),
            _recognition(model, assumptions.redemption_rate.mean, design.enrolled_spend, design.base_points_per_unit, currency),
        ],
        signals=signals,
        measured=[NEGATIVE_ROI],
        period=period,
        evidence={"Sequential Thinking": f"{roi.draws:,} scenarios, seed {context.seed}."},
    )  # fmt: skip


def _summary(model: FinancialModel, values: dict[str, Any], currency: str) -> Metrics:
    pool, year = model.sustainable_pool, model.year
    source = (
        "stated assumption, no ledger loaded"
        if values["redemption_is_assumed"]
        else "measured on the point ledger"
    )
    best = pool if isinstance(pool, Unavailable) else pool.best
    return Metrics(
        "financial_model",
        "Financial model summary",
        [
            Figure("cost_per_point", "Cost per redeemed point", model.point_value.cost, currency),
            Figure("face_value", "Face value of a point", model.point_value.face_value, currency),
            Figure("selling_price", "Stand-alone selling price of a point", model.point_value.stand_alone_selling_price,
                   currency, definition="Face value × chance of redemption (IFRS 15.B42)"),
            Figure("breakage", "Breakage", 100 * values["breakage_rate"], "%", definition=f"Points never redeemed; {source}"),
            Figure("lift", "Expected lift in spend", 100 * model.expected_lift, "%"),
            figure("break_even_lift", "Lift at which the year breaks even", model.break_even_lift, unit="%", scale=100),
            Figure("net", "Net margin of a full year", float(year.net), currency),
            Figure("npv", "Net present value, 36 months", model.net_present_value, currency),
            figure("irr", "Internal rate of return", model.internal_rate_of_return, unit="% a year", scale=100),
            figure("payback", "Payback", model.payback_months, unit="months"),
            figure("break_even_month", "Break-even month", model.break_even_month, unit="month"),
            Figure("roi", "Return on cost", 100 * model.return_on_cost.p50, "%", low=100 * model.return_on_cost.p5,
                   high=100 * model.return_on_cost.p95, level=0.9, definition="Median; 5th to 95th percentile"),
            figure("loss", "Chance of a loss", model.return_on_cost.probability_of_loss, unit="%", scale=100),
            figure("best_pool", "Yearly reward pool that earns most", best, unit=currency),
        ],
        note=f"Seed {values['seed']}. Rewards are costed when earned, on baseline purchases too.",
    )  # fmt: skip


def _cash_chart(model: FinancialModel, currency: str) -> Chart:
    cumulative = np.cumsum(model.cash_flows)
    months = [f"month {n}" for n in range(cumulative.size)]
    return Chart("cash", "Cumulative cash flow", "line", months,
                 [Series("Cumulative cash", [float(v) for v in cumulative])], "month", "cash", currency)  # fmt: skip


def _risk_chart(model: FinancialModel) -> Chart:
    bars = model.return_on_cost.tornado
    return Chart(
        "tornado", "What moves the return most", "tornado", [b.name.replace("_", " ") for b in bars],
        [Series("at its low", [100 * b.at_low for b in bars]), Series("at its high", [100 * b.at_high for b in bars])],
        "assumption", "return on cost", "%", "One assumption moved at a time, the others at their most likely value.",
    )  # fmt: skip


def _scenarios(model: FinancialModel, currency: str) -> Table:
    year = model.year
    rows = [
        ["Margin on the lift", float(year.margin)],
        ["Rewards on purchases that would have happened anyway", -float(year.reward_on_baseline)],
        ["Rewards on the lift", -float(year.reward_on_incremental)],
        ["Platform", -float(year.fixed_cost)],
        ["Net", float(year.net)],
    ]
    columns = [Column("item", "Item"), Column("amount", "Amount a year", "money", currency)]
    return Table("year", "A full year", columns, rows)


def _recognition(
    model: FinancialModel, redemption: float, spend: float, points_per_unit: float, currency: str
) -> Table:
    """IFRS 15: what part of a year's sales is deferred for points, and how it comes back."""
    issued = spend * points_per_unit
    allocation = revenue.allocate_price(spend, spend, issued * model.point_value.stand_alone_selling_price)
    rows = [
        ["Sales of enrolled members", spend],
        ["Recognised at the sale", float(allocation.goods)],
        ["Deferred for points", float(allocation.points)],
        ["Points issued", issued],
        ["Points expected to be redeemed", issued * redemption],
    ]
    columns = [Column("item", "Item"), Column("amount", "Amount a year", "number", currency)]
    return Table("revenue_recognition", "Revenue recognition (IFRS 15)", columns, rows,
                 "Relative stand-alone selling prices; base earn rate, before any multiplier.")  # fmt: skip
