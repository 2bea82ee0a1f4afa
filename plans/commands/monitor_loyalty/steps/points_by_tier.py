"""Redemption, breakage and liability of each tier by its own months of issue, beside those of all members.

Where tiers redeem unlike beyond chance, the liability of the run is the sum of what the tiers owe; else it is at one
rate for the points of all members.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from gtm.core.percents import percent_text
from plans.commands.monitor_loyalty.facts import window_of
from plans.commands.monitor_loyalty.steps.points import Balances, Redemptions, read_balances, redemptions_of
from plans.commands.shared.figures import money, with_ends
from plans.commands.shared.order_of_points import OrderOfPoints
from plans.commands.shared.point_cost import point_cost
from plans.commands.shared.tiers_apart import mix_of_tiers, redeem_unlike
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, Table
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.liability import point_liability

FEWEST_MEMBERS = 30
WORTH_A_CAVEAT = 0.05
"""Of the liability at one rate: how far the tiers' own may lie from it before a reader has to know."""


@dataclass(frozen=True, slots=True)
class TierPoints:
    """Points of the members who are in ``tier`` now; "" are those in none. A tier that cannot tell by its own months
    of issue ``borrows`` the rates of all."""

    tier: str
    members: int
    outstanding: float
    found: Redemptions
    owed: MaybeEstimate
    issued: float = 0.0
    borrows: bool = False


@dataclass(frozen=True, slots=True)
class PointsByTier:
    """``owed`` is the sum over tiers with its interval; None where a tier cannot tell. ``counted`` is what the run
    counts with: the tiers' own sum where they ``differ`` beyond chance, else one rate for all."""

    rows: tuple[TierPoints, ...]
    at_one_rate: Estimate
    owed: Estimate | None
    counted: Redemptions
    differ: bool = False

    @property
    def apart(self) -> float:
        """Of the liability at one rate, by which the tiers' own is higher."""
        if self.owed is None or self.at_one_rate.value <= 0:
            return 0.0
        return self.owed.value / self.at_one_rate.value - 1

    def caveat(self, currency: str) -> str:
        """That the liability is the tiers' own sum, where one rate says another; or that it cannot be."""
        if self.differ and self.owed is None:
            return (
                "Tiers redeem differently, more than chance explains, yet the liability is at one rate for all, because a "
                "tier cannot tell its own"
            )
        if not self.counted.by_tier or abs(self.apart) < WORTH_A_CAVEAT:
            return ""
        return (
            "Tiers redeem differently, more than chance explains: the liability is the sum of what each tier owes by its "
            f"own months of issue. At one rate for all it would be {_told(self.at_one_rate, currency)}; the sum is "
            f"{percent_text(abs(self.apart), 0)} {'more' if self.apart > 0 else 'less'}"
        )


def sum_of_tiers(parts: Sequence[tuple[MaybeEstimate, float]], *, together: bool) -> Estimate | None:
    """The mean of the tiers' own shares, weighed by the points that each is of; None where a tier has none or there
    are no points.

    Tiers err apart from each other, so their reaches add up as squares; where redemptions name no month of issue, the
    order that is taken for granted is the same in all of them (``together``), and the reaches add up as they are.
    """
    told = [(each, points) for each, points in parts if isinstance(each, Estimate)]
    whole = sum(points for _, points in told)
    if len(told) < len(parts) or whole <= 0:
        return None
    value = sum(each.value * points for each, points in told) / whole
    numerator = value * whole
    below = [(each.value - each.low) * points for each, points in told if each.low is not None]
    above = [(each.high - each.value) * points for each, points in told if each.high is not None]
    method = next((each.method for each, _ in told if each.method), "")
    if len(below) < len(told) or len(above) < len(told):
        return Estimate(value, numerator=numerator, denominator=whole, unit="share", method=method)
    down, up = (sum(reach) if together else math.hypot(*reach) for reach in (below, above))
    return Estimate(
        value, value - down / whole, value + up / whole, told[0][0].level, None, numerator, whole, "share", method
    )  # fmt: skip


def _told(owed: Estimate, currency: str) -> str:
    if owed.low is None or owed.high is None:
        return money(owed.value, currency)
    return f"{money(owed.value, currency)} ({money(owed.low, currency)} to {money(owed.high, currency)})"


def points_by_tier(
    context: StepContext, balances: Balances | None, of_all: Redemptions
) -> PointsByTier | Unavailable:
    """Every tier of the member list with enough members; the others count together with those in none."""
    if balances is None or isinstance(of_all.rate, Unavailable):
        return Unavailable("Nothing is owed that could be split over tiers.")
    if not context.data.has("members"):
        return Unavailable("No member list says who is in which tier.")
    end = window_of(context).current.end
    listed = context.data.engine.ledger_members(
        context.data.snapshot("point_ledger"), context.data.snapshot("members"), as_of=end
    ).to_pylist()
    tiers = _large_enough({row["member_id"]: row["tier"] for row in listed})
    names = sorted(set(tiers.values()))
    if len(names) < 2:
        return Unavailable(f"It takes two tiers with {FEWEST_MEMBERS} members who have points.")
    cost = point_cost(context.data, context.program).mean
    rows = tuple(_of_tier(context, name, tiers, of_all, cost) for name in names)
    at_one_rate = point_liability(balances.outstanding[-1], cost, of_all.rate)
    assert isinstance(at_one_rate, Estimate)
    summed = _sum(rows, of_all)
    owed = None
    if summed and isinstance(summed.rate, Estimate):
        found = point_liability(balances.outstanding[-1], cost, summed.rate)
        owed = found if isinstance(found, Estimate) else None
    mix = mix_of_tiers(context.data, as_of=min(end, context.data.as_of("point_ledger")))
    differ = redeem_unlike(mix, at_one_rate, owed)
    return PointsByTier(rows, at_one_rate, owed, summed if differ and summed else of_all, differ)


def _large_enough(tiers: Mapping[str, str]) -> dict[str, str]:
    count: dict[str, int] = {}
    for tier in tiers.values():
        count[tier] = count.get(tier, 0) + 1
    return {member: tier if count[tier] >= FEWEST_MEMBERS else "" for member, tier in tiers.items()}


def _of_tier(
    context: StepContext, name: str, tiers: Mapping[str, str], of_all: Redemptions, cost: float
) -> TierPoints:
    others = [member for member, tier in tiers.items() if tier != name]
    alone = replace(context, data=context.data.without(members=others))
    balances = read_balances(alone)
    found = redemptions_of(alone, balances)
    outstanding = balances.outstanding[-1] if balances else 0.0
    issued = 0.0 if isinstance(found.vintages, Unavailable) else float(found.vintages.issued.sum())
    borrows = outstanding > 0 and isinstance(found.rate, Unavailable)
    owed: MaybeEstimate
    if outstanding < 0:
        owed = Unavailable(f"Members of {name or 'no tier'} have spent more points than they got.")
    elif outstanding == 0:
        owed = Estimate(0.0, 0.0, 0.0, unit="money")
    else:
        owed = point_liability(outstanding, cost, of_all.rate if borrows else found.rate)
    return TierPoints(name, len(tiers) - len(others), outstanding, found, owed, issued, borrows)


def _sum(rows: Sequence[TierPoints], of_all: Redemptions) -> Redemptions | None:
    """Of all tiers, each by its own months of issue; None where a tier has spent more than it got."""
    if any(isinstance(row.owed, Unavailable) for row in rows):
        return None
    together = any(row.found.caveat and not _by_named(row.found) for row in rows)
    rate = sum_of_tiers(
        [
            (of_all.rate if row.borrows else row.found.rate, row.outstanding)
            for row in rows
            if row.outstanding > 0
        ],
        together=together,
    )
    breakage = sum_of_tiers(
        [(of_all.breakage if isinstance(row.found.breakage, Unavailable) else row.found.breakage, row.issued)
         for row in rows if row.issued > 0],
        together=together,
    )  # fmt: skip
    if rate is None or breakage is None or isinstance(of_all.vintages, Unavailable):
        return None
    order = _order(rows, of_all, breakage.value)
    return replace(
        of_all, rate=rate, breakage=breakage, to_come=_to_come(rows, of_all, together=together), by_tier=True,
        order=order.sentence, caveat=order.sentence if order.matters else "", by_order=None,
    )  # fmt: skip


def _by_named(found: Redemptions) -> bool:
    """Whether the redemptions that name their month tell how old the others are."""
    return not isinstance(found.outlook, Unavailable) and found.outlook.first_in is not None


def _order(rows: Sequence[TierPoints], of_all: Redemptions, breakage: float) -> OrderOfPoints:
    """In which order points leave, with the breakage of all tiers in either order."""
    assert not isinstance(of_all.vintages, Unavailable)
    newest: list[tuple[MaybeEstimate, float]] = []
    oldest: list[tuple[MaybeEstimate, float]] = []
    for row in rows:
        outlook = of_all.outlook if isinstance(row.found.outlook, Unavailable) else row.found.outlook
        if row.issued > 0 and not isinstance(outlook, Unavailable):
            newest.append(((outlook.other or outlook.found).breakage(), row.issued))
            oldest.append(((outlook.first_in or outlook.found).breakage(), row.issued))
    last, first = sum_of_tiers(newest, together=True), sum_of_tiers(oldest, together=True)
    vintages = of_all.vintages
    return OrderOfPoints(
        vintages.unnamed,
        breakage,
        last.value if last and vintages.newest_first else None,
        first.value if first and vintages.first_in else None,
        vintages.told_by,
        vintages.agree,
    )


def _to_come(
    rows: Sequence[TierPoints], of_all: Redemptions, *, together: bool
) -> dict[date, tuple[float, float]]:
    """Points still to be redeemed by month of issue, with their standard error: the sum of the tiers. One that cannot
    tell has the share of the points out of that month which it has of all."""
    assert not isinstance(of_all.vintages, Unavailable)
    found: dict[date, tuple[float, float]] = {}
    out_of_all = dict(zip(of_all.vintages.months, of_all.vintages.outstanding.tolist(), strict=True))
    for month, (points, error) in of_all.to_come.items():
        parts = []
        for row in rows:
            if month in row.found.to_come:
                parts.append(row.found.to_come[month])
            elif not row.found.to_come and not isinstance(row.found.vintages, Unavailable):
                months = row.found.vintages.months
                out = float(row.found.vintages.outstanding[months.index(month)]) if month in months else 0.0
                share = max(out, 0.0) / out_of_all[month] if out_of_all[month] > 0 else 0.0
                parts.append((share * points, share * error))
        errors = [each for _, each in parts]
        found[month] = (sum(each for each, _ in parts), sum(errors) if together else math.hypot(*errors))
    return found


def tier_table(found: PointsByTier, currency: str) -> Table:
    borrowing = [row.tier or "none" for row in found.rows if row.borrows]
    borrowed = (
        f" Too little was redeemed by {', '.join(borrowing)}: counted at the rate of all."
        if borrowing
        else ""
    )
    unable = sorted({row.owed.reason for row in found.rows if isinstance(row.owed, Unavailable)})
    one_rate = f"{_told(found.at_one_rate, currency)} at one rate for the points of all members"
    if found.owed is None:
        whole = f"No sum: {' '.join(unable) or 'a tier has no liability.'} The liability of the page is {one_rate}."
    elif found.counted.by_tier:
        whole = (
            f"Together {_told(found.owed, currency)}. That is the liability of the page, because tiers redeem unlike beyond "
            f"chance; it would be {one_rate}."
        )
    else:
        whole = (
            f"Together {_told(found.owed, currency)}. The liability of the page is {one_rate}, because chance explains how "
            "unlike tiers redeem."
        )
    return Table(
        "points_by_tier", "Points by tier",
        [Column("tier", "Tier"), Column("members", "Members with points", "integer"),
         Column("outstanding", "Points outstanding", "number"),
         Column("rate", "Redeemed of outstanding", "percent"), Column("low", "from", "percent"), Column("high", "to", "percent"),
         Column("breakage", "Breakage of issued", "percent"), Column("liability", "Liability", "money", currency),
         Column("liability_low", "from", "money", currency), Column("liability_high", "to", "money", currency)],
        [[row.tier or "none", row.members, row.outstanding, *with_ends(row.found.rate), with_ends(row.found.breakage)[0],
          *with_ends(row.owed)]
         for row in found.rows],
        "Each tier by its own months of issue; members count in the tier in which the list has them now, and tiers with fewer "
        f"than {FEWEST_MEMBERS} members who have points with those in none. {whole}{borrowed}",
    )  # fmt: skip
