"""Whether tiers redeem differently, and what follows where points go to other tiers now than before."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import chi2

from gtm.core.percents import percent_text
from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.rates import ratio_of_sums

FEWEST_MEMBERS = 30
SURELY = 0.01
"""Tiers differ where chance would make them so unlike less often than this."""
Z = 1.96


@dataclass(frozen=True, slots=True)
class TierRedemption:
    """``rate``: points redeemed so far of those issued long ago, clustered by member. ``recent``: points
    issued of late."""

    tier: str
    members: int
    issued: float
    rate: Estimate
    recent: float


@dataclass(frozen=True, slots=True)
class TierMix:
    """``factor`` by which the redemption rate of all changes, if points go where they went of late, drawn to
    1 as far as chance may explain the shift; ``standard_error`` is the factor's. ``shift`` is the change of
    the rate before it is drawn, with its interval."""

    tiers: tuple[TierRedemption, ...]
    p_value: float
    factor: float
    standard_error: float
    shift: Estimate

    @property
    def differs(self) -> bool:
        return self.p_value < SURELY

    @property
    def sentence(self) -> str:
        told = ", ".join(
            f"{each.tier or 'no tier'} {percent_text(each.rate.value, 0)}" for each in self.tiers
        )
        assert self.shift.low is not None and self.shift.high is not None
        chance = ", which chance may explain" if self.shift.low <= 0 <= self.shift.high else ""
        return (
            f"tiers redeem differently ({told} of points so far). The points of the last quarter went to "
            f"tiers whose rate is {_points(self.shift.value)} percentage points from that of those before "
            f"({_points(self.shift.low)} to {_points(self.shift.high)}{chance}): as far as this is beyond "
            f"chance it changes the rate, by {percent_text(self.factor - 1, signed=True)} of it, and the "
            "interval holds its error"
        )


def tier_mix(rows: Sequence[Mapping[str, Any]]) -> TierMix | Unavailable:
    """From the sums of ``tier_redemptions``; tiers with few members are left out."""
    found = []
    for row in rows:
        if row["members"] < FEWEST_MEMBERS or row["issued"] <= 0:
            continue
        rate = ratio_of_sums(
            row["members"], row["redeemed"], row["issued"], row["redeemed_squares"], row["issued_squares"],
            row["products"], unit="share",
        )  # fmt: skip
        if isinstance(rate, Estimate) and rate.standard_error:
            found.append(TierRedemption(row["tier"], row["members"], row["issued"], rate, row["recent"]))
    if len(found) < 2:
        return Unavailable("It takes two tiers with 30 members whose points are old enough.")
    weights = [1 / (each.rate.standard_error or 1.0) ** 2 for each in found]
    common = sum(w * each.rate.value for w, each in zip(weights, found, strict=True)) / sum(weights)
    statistic = sum(w * (each.rate.value - common) ** 2 for w, each in zip(weights, found, strict=True))
    kept = {each.tier for each in found}
    shift = _shift(found, [row for row in rows if row["tier"] in kept])
    issued = sum(each.issued for each in found)
    before = sum(each.issued * each.rate.value for each in found) / issued
    factor, error = (1 + shift.drawn / before, shift.error_of_drawn / before) if before > 0 else (1.0, 0.0)
    told = Estimate(
        shift.value, shift.value - Z * shift.error, shift.value + Z * shift.error, 0.95, shift.error,
        unit="share", method="delta, clustered by member",
    )  # fmt: skip
    return TierMix(tuple(found), float(chi2.sf(statistic, len(found) - 1)), factor, error, told)


@dataclass(frozen=True, slots=True)
class _Shift:
    """``value``: by how much the rate is higher where the points of late went than where all went.

    The variances are those that the draw of members gives the rate of late, the rate of all, and ``both``
    together; ``of_rates`` is what the tiers' rates are not known by.
    """

    value: float
    late: float
    old: float
    both: float
    of_rates: float

    @property
    def error(self) -> float:
        return math.sqrt(max(self.late - 2 * self.both + self.old, 0.0) + self.of_rates)

    @property
    def weight(self) -> float:
        """Of the shift, what chance does not explain: drawn to 0 as the fall of newcomers is."""
        return self.value**2 / (self.value**2 + self.error**2) if self.value else 0.0

    @property
    def drawn(self) -> float:
        return self.weight * self.value

    @property
    def error_of_drawn(self) -> float:
        """Of the rate of the members who will get points: the draw of those seen, or that of the shift where
        it is larger. The interval reaches as far again as drawing to 0 took the shift."""
        w = self.weight
        chance = w**2 * self.late + 2 * w * (1 - w) * self.both + (1 - w) ** 2 * self.old
        shift = self.late - 2 * self.both + self.old
        return math.sqrt(max(chance, shift, 0.0) + self.of_rates) + abs(self.value - self.drawn) / Z


def _shift(tiers: Sequence[TierRedemption], rows: Sequence[Mapping[str, Any]]) -> _Shift:
    """A member's points come and go together, so members are what chance draws: each counts with its points
    times its tier's distance from the rate of all (delta method; Cochran 1977, 6.3)."""
    rows_of = {row["tier"]: row for row in rows}
    issued, recent = sum(each.issued for each in tiers), sum(each.recent for each in tiers)
    if recent <= 0:
        return _Shift(0.0, 0.0, 0.0, 0.0, 0.0)
    before = sum(each.issued * each.rate.value for each in tiers) / issued
    of_late = sum(each.recent * each.rate.value for each in tiers) / recent
    late = old = both = of_rates = 0.0
    for each in tiers:
        row, rate = rows_of[each.tier], each.rate.value
        a, b = (rate - of_late) / recent, (rate - before) / issued
        late, old = late + a * a * row["recent_squares"], old + b * b * row["issued_squares"]
        both += a * b * row["recent_products"]
        apart = each.recent / recent - of_late / before * each.issued / issued if before > 0 else 0.0
        of_rates += (apart * (each.rate.standard_error or 0.0)) ** 2
    return _Shift(of_late - before, late, old, both, of_rates)


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
