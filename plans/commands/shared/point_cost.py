"""What a redeemed point costs, the same in every command: by the redemptions in the ledger, else as set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from programs.analytics.assumptions import Assumption
from programs.analytics.estimate import Unavailable
from programs.analytics.rates import ratio_of_sums
from programs.datasets import OpenData

UNIT = "money per redeemed point"
FEWEST_COSTED = 10
"""Redemptions with a cost: of fewer, one may be the mix."""


def point_cost(data: OpenData, program: Mapping[str, Any]) -> Assumption:
    """Money per redeemed point, and where it comes from."""
    known = float(program["point_unit_cost"])
    return measured_cost(data) or Assumption.known("cost_per_point", known, UNIT, "program settings")


def measured_cost(data: OpenData) -> Assumption | None:
    """Cost of a redeemed point by the mix of what was redeemed: Σ cost / Σ points of the ledger's last year; None
    where less than half of the points redeemed state a cost."""
    if not data.has("point_ledger"):
        return None
    rows = data.engine.redemption_costs(
        data.snapshot("point_ledger"), as_of=data.as_of("point_ledger")
    ).to_pylist()
    total = (
        {name: sum(float(row[name]) for row in rows) for name in rows[0] if name != "reward"} if rows else {}
    )
    if not total or total["stated"] < FEWEST_COSTED or total["stated_points"] < total["points"] / 2:
        return None
    rate = ratio_of_sums(
        int(total["stated"]), total["cost"], total["stated_points"], total["cost_squares"], total["point_squares"],
        total["cross_products"], unit="money per redeemed point",
    )  # fmt: skip
    if isinstance(rate, Unavailable):
        return None
    kinds = len([row for row in rows if row["stated"]])
    low, high = (rate.value if end is None else end for end in (rate.low, rate.high))
    return Assumption(
        "cost_per_point", max(low, 0.0), rate.value, high, UNIT,
        f"point ledger: cost of {total['stated']:,.0f} redemptions of {kinds} kinds of reward",
        standard_error=rate.standard_error or 0.0, floor=0.0,
    )  # fmt: skip
