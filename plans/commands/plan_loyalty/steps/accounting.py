"""IFRS 15 / ASC 606: what is deferred for the points of the program's year, how it comes back, and what a new
estimate of redemptions would move. The points are those that the reward cost counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from gtm.core.money import minor_units
from gtm.core.percents import percent_text
from plans.commands.plan_loyalty.steps.planned import PlannedProgram
from plans.commands.shared.figures import as_shown
from plans.commands.shared.ledger import read_vintages, redemption_pattern
from plans.schemas.outputs import Column, Output, Table
from programs.analytics import revenue

EVEN_MONTHS = 12
POINT_DIGITS = 2
"""With which points are shown."""
OFF_BY = (-0.10, -0.05, 0.05, 0.10)


def accounting_values(planned: PlannedProgram) -> dict[str, Any]:
    """Points, deferral, roll-forward by quarter of the full year, and the sensitivity to the redemption rate."""
    known, design, rate = planned.assumptions, planned.design, planned.design.value_rate
    redemption = known.redemption_rate.mean
    issued = planned.model.points(rate)
    sales = design.enrolled_spend * (1 + design.lift)
    price = known.face_value.mean * redemption
    parts = (
        revenue.allocate_price(sales, sales, issued * price) if sales > 0 else revenue.Allocation(0.0, 0.0)
    )
    pattern, source = _pattern(planned)
    year = planned.model.by_month[:12]
    shares = year / year.sum() if year.sum() > 0 else np.full(12, 1 / 12)
    periods = revenue.roll_forward_issues(parts.points * shares, pattern, redemption)
    return {
        "points": {"issued": issued, "expected_redeemed": issued * redemption},
        "sales": sales,
        "recognised_at_sale": parts.goods,
        "deferred": parts.points,
        "selling_price": price,
        "roll_forward": [
            {"opening": p.opening, "deferred": p.deferred, "redeemed": p.redeemed, "breakage": p.breakage,
             "closing": p.closing}
            for p in periods
        ],
        "redemption_pattern": source,
        "redemption_rate": redemption,
        "sensitivity": _sensitivity(planned, parts.points, issued, periods),
    }  # fmt: skip


def _pattern(planned: PlannedProgram) -> tuple[np.ndarray, str]:
    found = redemption_pattern(read_vintages(planned.data)) if planned.data.has("point_ledger") else None
    if found is not None:
        return found, "point ledger, share of redemptions by months since issue"
    even = np.arange(1, EVEN_MONTHS + 1) / EVEN_MONTHS
    return even, f"stated assumption: redemptions spread evenly over the {EVEN_MONTHS} months from issue on"


def _sensitivity(
    planned: PlannedProgram, deferred: float, issued: float, periods: tuple[revenue.DeferralPeriod, ...]
) -> list[dict[str, float]]:
    """At the end of the year, another estimate of the ultimate rate: cost of points still to be redeemed, and the
    revenue that the catch-up moves. No estimate lies below what has been redeemed by then."""
    rate, cost = planned.assumptions.redemption_rate.mean, planned.assumptions.cost_per_point.mean
    recognised = sum(period.recognised for period in periods)
    share = recognised / deferred if deferred > 0 else 0.0
    redeemed = issued * rate * share
    found = []
    for shift in (OFF_BY[0], OFF_BY[1], 0.0, *OFF_BY[2:]):
        other = min(rate + shift, 1.0)
        if issued <= 0 or issued * other <= redeemed:
            continue
        moved = revenue.catch_up(deferred, redeemed, issued * rate, issued * other) if redeemed > 0 else 0.0
        found.append(
            {
                "redemption_rate": other,
                "cost_to_come": (issued * other - redeemed) * cost,
                "contract_liability": deferred - recognised - moved,
                "catch_up": moved,
            }
        )
    return found


def _rest(whole: float, part: float, digits: int) -> float:
    """What is left of a whole, so that the two add up to it as they are shown, with so many digits."""
    return float(as_shown(whole, digits) - as_shown(part, digits))


def accounting_outputs(told: dict[str, Any], cost_per_point: float, currency: str) -> list[Output]:
    points = told["points"]
    deferral: list[list[Any]] = [
        ["Sales of enrolled members, the lift included", told["sales"], None],
        ["Recognised at the sale", _rest(told["sales"], told["deferred"], minor_units(currency)), None],
        ["Deferred for points", told["deferred"], None],
        ["Points issued", None, points["issued"]],
        ["Points expected to be redeemed", None, points["expected_redeemed"]],
        [
            "Points expected never to be redeemed (breakage)",
            None,
            _rest(points["issued"], points["expected_redeemed"], POINT_DIGITS),
        ],
        ["Cost of the points expected to be redeemed", points["expected_redeemed"] * cost_per_point, None],
    ]
    movements: list[list[Any]] = [
        [f"Quarter {n + 1}", p["opening"], p["deferred"], -p["redeemed"], -p["breakage"], p["closing"]]
        for n, p in enumerate(told["roll_forward"])
    ]
    total = [sum(row[n] for row in movements) for n in (2, 3, 4)]
    movements.append(["Year", 0.0, *total, told["roll_forward"][-1]["closing"]])
    amount = "money"
    return [
        Table(
            "revenue_recognition",
            "Revenue recognition (IFRS 15)",
            [Column("item", "Item"), Column("amount", "Amount a year", amount, currency),
             Column("points", "Points", "number")],
            deferral,
            "Relative stand-alone selling prices. Benefits, missions and surprise moments count as points of equal cost, "
            "so the cost of these points is the reward pool. The points of every tier and of every benefit count at one "
            f"redemption rate, {percent_text(told['redemption_rate'])}; under Assumptions stands whether tiers redeem differently, and "
            "that the rate then weighs them by the points of the last quarter.",
        ),
        Table(
            "roll_forward",
            "Contract liability for points, roll-forward",
            [Column("period", "Period"), Column("opening", "Opening", amount, currency),
             Column("deferred", "Deferred", amount, currency),
             Column("redeemed", "Recognised, points redeemed", amount, currency),
             Column("breakage", "Recognised, breakage", amount, currency),
             Column("closing", "Closing", amount, currency)],
            movements,
            "A full year from its first day, in proportion to the pattern of redemption, breakage included (IFRS "
            f"15.B46). Pattern: {told['redemption_pattern']}. The season of the "
            "year is not in the periods. Each amount is rounded by itself: a sum may differ in its last digit.",
        ),
        Table(
            "liability_sensitivity",
            "If the redemption rate is another one",
            [Column("rate", "Redemption rate", "percent"),
             Column("cost", "Cost of points still to be redeemed", amount, currency),
             Column("liability", "Contract liability at the end of the year", amount, currency),
             Column("catch_up", "Revenue of the catch-up", amount, currency)],
            [[row["redemption_rate"], row["cost_to_come"], row["contract_liability"], row["catch_up"]]
             for row in told["sensitivity"]],
            "Estimated anew at the end of the year and caught up at once, cumulatively.",
        ),
    ]  # fmt: skip
