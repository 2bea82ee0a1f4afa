"""What the touches of each source cost, where the files state it, and what came of the money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gtm.core.money import minor_units
from gtm.core.percents import percent_text
from plans.commands.track_source.facts import Scope
from plans.commands.track_source.steps.touches import SEPARATOR, Taxonomy
from plans.schemas.outputs import Column, Table
from programs.analytics.attribution import BootstrapAttribution
from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.fx import RateNotFound, convert
from programs.datasets import OpenData
from programs.datasets.rates import ecb_rates

MOST_STATE_IT = 0.9
"""Of a source's touches: where fewer state a cost, its cost is not known."""


@dataclass(frozen=True, slots=True)
class SourceSpend:
    """``stated`` of the ``touches`` in the window state what they cost, ``amount`` in all."""

    touches: int
    stated: int
    amount: float

    @property
    def is_known(self) -> bool:
        return self.stated > 0 and self.stated >= MOST_STATE_IT * self.touches

    @property
    def per_touch(self) -> float | None:
        return self.amount / self.stated if self.is_known else None


def spend_of(data: OpenData, scope: Scope, taxonomy: Taxonomy) -> dict[str, SourceSpend]:
    """By source, in the program's currency at the rate of the day; a touch without a rate states nothing."""
    keys = ("owner", "channel", "campaign", "tags")
    source = {tuple(row[k] for k in keys): row["source"] for row in taxonomy.table.to_pylist()}
    stated: dict[str, int] = {}
    amount: dict[str, Decimal] = {}
    exponent = Decimal(1).scaleb(-minor_units(scope.currency) - 2)  # of many small amounts
    for row in data.engine.touch_costs(
        data.snapshots("touchpoints"), start=scope.start, as_of=scope.end
    ).to_pylist():
        name = source.get(tuple(row[k] for k in keys))
        if name is None:
            continue
        try:
            found = convert(
                row["cost"],
                row["currency"] or scope.currency,
                scope.currency,
                row["day"],
                ecb_rates(),
                exponent=exponent,
            )
        except RateNotFound:
            continue
        stated[name] = stated.get(name, 0) + row["stated"]
        amount[name] = amount.get(name, Decimal(0)) + found.amount
    return {
        name: SourceSpend(count, stated.get(name, 0), float(amount.get(name, 0)))
        for name, count in taxonomy.sources.items()
    }


def spend_values(
    spend: Mapping[str, SourceSpend], deals: BootstrapAttribution, revenue: BootstrapAttribution | Unavailable
) -> dict[str, dict[str, Any]]:
    """Cost per deal credited and revenue per unit of cost, each with the interval of the credit; {} without costs."""
    found: dict[str, dict[str, Any]] = {}
    for name, each in spend.items():
        if not each.is_known or name not in deals.conversions:
            continue
        won = None if isinstance(revenue, Unavailable) else revenue.revenue.get(name)
        found[name] = {
            "touches": each.touches, "stated": each.stated, "cost": each.amount, "per_touch": each.per_touch,
            **_ratio("cost_per_deal", each.amount, deals.conversions[name]), **_return(each.amount, won),
        }  # fmt: skip
    return found


def _ratio(key: str, amount: float, credit: Estimate) -> dict[str, float | None]:
    """amount / credit; the fewest deals make the highest cost, and none at all an unbounded one."""

    def over(deals: float | None) -> float | None:
        return amount / deals if deals else None

    return {key: over(credit.value), f"{key}_low": over(credit.high), f"{key}_high": over(credit.low)}


def _return(amount: float, won: Estimate | None) -> dict[str, float | None]:
    if won is None or amount <= 0:
        return dict.fromkeys(("return", "return_low", "return_high"))
    ends = [None if end is None else end / amount for end in (won.value, won.low, won.high)]
    return dict(zip(("return", "return_low", "return_high"), ends, strict=True))


def spend_table(found: Mapping[str, Mapping[str, Any]], scope: Scope) -> Table:
    keys = (
        "touches",
        "cost",
        "cost_per_deal",
        "cost_per_deal_low",
        "cost_per_deal_high",
        "return",
        "return_low",
        "return_high",
    )
    rows: list[list[Any]] = []
    for name, row in sorted(found.items(), key=lambda item: -item[1]["cost"]):
        partner, _, channel = name.partition(SEPARATOR)
        rows.append([scope.partners.get(partner, partner), channel, *(row[key] for key in keys)])
    return Table(
        "spend",
        "What touches cost and what came of it",
        [Column("partner", "Partner"), Column("channel", "Channel"), Column("touches", "Touches", "integer"),
         Column("cost", "Cost", "money", scope.currency), Column("per_deal", "Cost per deal credited", "money", scope.currency),
         Column("per_deal_low", "from", "money", scope.currency), Column("per_deal_high", "to", "money", scope.currency),
         Column("return", "Revenue credited per unit of cost", "number"), Column("return_low", "from", "number"),
         Column("return_high", "to", "number")],
        rows,
        f"{scope.label}. 95 % intervals of the credit; what touches cost is known. Sources of which less than "
        f"{percent_text(MOST_STATE_IT, 0)} of the touches state a cost are left out. Credit is not what would be missing without a source.",
    )  # fmt: skip
