"""Whether the touch before the present one says more, and what the credit would be then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gtm.core.percents import percent_text
from plans.commands.track_source.facts import Scope
from plans.commands.track_source.steps.touches import SEPARATOR
from plans.schemas.outputs import Column, Table
from programs.analytics.attribution import Attribution, ConversionPaths, attribute_order_two, compare_orders
from programs.analytics.estimate import Unavailable


def order_values(paths: ConversionPaths, first: Attribution | Unavailable) -> dict[str, Any]:
    """The test of order 2 against order 1, a sentence on it, and the credit by both; or the reason there is none."""
    test, second = compare_orders(paths), attribute_order_two(paths)
    for each in (test, second, first):
        if isinstance(each, Unavailable):
            return {"unavailable": each.reason}
    assert (
        not isinstance(test, Unavailable)
        and isinstance(second, Attribution)
        and isinstance(first, Attribution)
    )
    moved = 0.5 * float(abs(first.shares - second.shares).sum())
    says = (
        "the last two touches predict the next step better than the last one alone"
        if test.needs_order_two
        else "the last touch alone predicts the next step well enough"
    )
    return {
        **asdict(test), "needs_order_two": test.needs_order_two, "moved": moved,
        "sentence": f"Order 2 against order 1: G² {test.statistic:.1f} with {test.freedom} degrees of freedom, p "
        f"{test.p_value:.2g}; by the Bayesian information criterion {says}. Order 2 would move {percent_text(moved)} of the credit.",
        "credit": {
            name: {"order_1": one, "order_2": two}
            for name, one, two in zip(first.channels, first.conversions.tolist(), second.conversions.tolist(), strict=True)
        },
    }  # fmt: skip


def order_table(told: Mapping[str, Any], scope: Scope) -> Table:
    rows: list[list[Any]] = []
    for source, credit in sorted(told.get("credit", {}).items(), key=lambda item: -item[1]["order_1"]):
        partner, _, channel = source.partition(SEPARATOR)
        rows.append([scope.partners.get(partner, partner), channel, credit["order_1"], credit["order_2"]])
    return Table(
        "markov_order",
        "Markov chain of order 1 and 2",
        [Column("partner", "Partner"), Column("channel", "Channel"), Column("order_1", "Deals credited, order 1", "number"),
         Column("order_2", "Deals credited, order 2", "number")],
        rows,
        told.get("sentence") or f"Not available: {told['unavailable']}",
    )  # fmt: skip
