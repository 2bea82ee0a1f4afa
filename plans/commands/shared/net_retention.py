"""Net revenue retention: what last period's members have spent since, as a share of what they spent then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from programs.analytics import retention
from programs.analytics.estimate import MaybeEstimate, Unavailable
from programs.datasets import OpenData

PERIODS = (365, 182, 91, 30)
"""Days of a period, the longest that the purchases cover twice is taken."""


@dataclass(frozen=True, slots=True)
class NetRetention:
    """``value`` over periods of ``days``; ``members`` bought in the earlier one."""

    value: MaybeEstimate
    days: int
    members: int = 0

    def sentence(self) -> str:
        return (
            f"Spend of the last {self.days} days by the {self.members:,} members who bought in the {self.days} days "
            "before, over their spend then; net of refunds"
        )


def net_retention_of(data: OpenData, *, days: int = 0) -> NetRetention:
    """``days`` where an earlier run has settled the period, so that both mean the same."""
    as_of, purchases = data.as_of("purchases"), data.snapshot("purchases")
    known = (as_of - purchases.window_start).days + 1 if purchases.window_start else 0
    chosen = next((n for n in ((days,) if days else PERIODS) if 2 * n <= known), 0)
    if not chosen:
        need = 2 * (days or PERIODS[-1])
        reason = f"The purchases reach back {known} days; two periods of {need // 2} days are needed."
        return NetRetention(Unavailable(reason), days)
    row: dict[str, Any] = data.engine.net_revenue_retention(purchases, as_of=as_of, days=chosen).to_pylist()[
        0
    ]
    if row["members"] < 2 or row["earlier"] <= 0:
        return NetRetention(
            Unavailable(f"Nobody spent anything in the {chosen} days before the last {chosen}."), chosen
        )
    value = retention.net_revenue_retention(
        row["members"],
        row["later"],
        row["earlier"],
        row["later_squares"],
        row["earlier_squares"],
        row["products"],
    )
    return NetRetention(value, chosen, row["members"])
