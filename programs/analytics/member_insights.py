"""Which members to nudge, upgrade or win back, how many, what is at stake, and who they are.

A member belongs to one play at most, in the order win-back, nudge, upgrade: whoever is leaving is not
asked to spend more, and nobody gets two messages for one situation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gtm.core.percents import percent_text
from programs.analytics.survival import Survival
from programs.analytics.tiers import assign_tiers

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class PlayKind(StrEnum):
    """What to do with a group of members."""

    WIN_BACK = "win-back"
    NUDGE = "nudge"
    UPGRADE = "upgrade"


@dataclass(frozen=True, slots=True)
class InsightPolicy:
    """Where the lines are drawn.

    ``reach`` share of the next threshold that may be missing for a nudge (Kivetz, Urminsky & Zheng 2006);
    ``frequent`` repeat purchases from which a member counts as having been frequent; ``fall`` of P(alive)
    over the ``lookback`` that calls for a win-back, and ``alive_below`` which it must have fallen.
    ``lookback`` and ``horizon`` are in the unit of time of the churn model.
    """

    reach: float = 0.2
    frequent: int = 3
    fall: float = 0.15
    alive_below: float = 0.7
    lookback: float = 4.0
    horizon: float = 52.0

    def __post_init__(self) -> None:
        if not (0 < self.reach < 1 and 0 < self.fall < 1 and 0 < self.alive_below <= 1):
            raise ValueError("Reach, fall and the limit of P(alive) are shares between 0 and 1.")
        if self.frequent < 1 or self.lookback <= 0 or self.horizon <= 0:
            raise ValueError("Frequent, lookback and horizon are above 0.")


@dataclass(frozen=True, slots=True, eq=False)
class Play:
    """A play: ``rows`` of its members, dearest first, ``value`` (members,) money at stake for each."""

    kind: PlayKind
    rule: str
    rows: IntArray
    value: FloatArray

    @property
    def members(self) -> int:
        """How many members."""
        return int(self.rows.size)

    @property
    def value_at_stake(self) -> float:
        """Money at stake in all."""
        return float(self.value.sum())


@dataclass(frozen=True, slots=True, eq=False)
class MemberInsights:
    """The plays; ``left_out`` members had no complete data and were judged for none."""

    plays: tuple[Play, ...]
    judged: int
    left_out: int


def within_reach(spend: ArrayLike, tier: ArrayLike, thresholds: Sequence[float], reach: float) -> FloatArray:
    """Money missing to the tier above the held one where at most ``reach`` of it is, else NaN.

    ``spend`` (members,) qualifying spend to date, ``tier`` (members,) index held, ``thresholds`` per tier.
    """
    following = _next_threshold(tier, thresholds)
    missing = following - np.asarray(spend, dtype=np.float64)
    near = np.isfinite(following) & (missing > 0) & (missing <= reach * following)
    return np.where(near, missing, np.nan)


def on_course_for_upgrade(
    spend: ArrayLike, projected_spend: ArrayLike, tier: ArrayLike, thresholds: Sequence[float]
) -> FloatArray:
    """Money still to come where twelve-month projected spend reaches a tier above the held one, else NaN."""
    projected = np.asarray(projected_spend, dtype=np.float64)
    higher = assign_tiers(projected, thresholds) > np.asarray(tier)
    return np.where(higher, np.maximum(projected - np.asarray(spend, dtype=np.float64), 0.0), np.nan)


def slipping_away(
    model: Survival,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    margin_per_purchase: ArrayLike,
    policy: InsightPolicy,
) -> FloatArray:
    """Margin at stake where a frequent member has gone quiet, else NaN.

    P(alive) is compared with what it was ``policy.lookback`` ago (or at the last purchase, if later). At
    stake is what the member would bring over the horizon if still there, times 1 − P(alive).
    """
    x, last, end = (np.asarray(column, dtype=np.float64) for column in (frequency, recency, age))
    now = model.probability_alive(x, last, end)
    then = np.maximum(end - policy.lookback, last)
    before = model.probability_alive(x, last, then, end - then)
    gone_quiet = (x >= policy.frequent) & (now < policy.alive_below) & (before - now >= policy.fall)
    brings = model.expected_purchases_while_alive(policy.horizon, x, end) * np.asarray(margin_per_purchase)
    return np.where(gone_quiet, (1 - now) * brings, np.nan)


def select_plays(
    thresholds: Sequence[float],
    spend: ArrayLike,
    projected_spend: ArrayLike,
    tier: ArrayLike,
    slipping_value: ArrayLike,
    policy: InsightPolicy,
) -> MemberInsights:
    """Put each member into one play at most. All arrays (members,); money in one currency.

    ``slipping_value`` is that of ``slipping_away``, all NaN where no churn model could be fitted.
    Members without spend or projection are left out of nudges and upgrades and counted.
    """
    spent, projected = np.asarray(spend, dtype=np.float64), np.asarray(projected_spend, dtype=np.float64)
    held, slipping = np.asarray(tier, dtype=np.int64), np.asarray(slipping_value, dtype=np.float64)
    if len({column.shape for column in (spent, projected, held, slipping)}) != 1:
        raise ValueError("Spend, projection, tier and value at stake need one entry per member each.")
    if ((held < 0) | (held >= len(thresholds))).any():
        raise ValueError("A tier held is an index into the thresholds.")
    complete = np.isfinite(spent) & np.isfinite(projected)
    candidates = (
        (
            PlayKind.WIN_BACK,
            slipping,
            f"at least {policy.frequent} repeat purchases, P(alive) down by {percent_text(policy.fall, 0)} "
            f"or more to below {percent_text(policy.alive_below, 0)}",
        ),
        (
            PlayKind.NUDGE,
            np.where(complete, within_reach(spent, held, thresholds, policy.reach), np.nan),
            f"at most {percent_text(policy.reach, 0)} of the next tier's threshold missing",
        ),
        (
            PlayKind.UPGRADE,
            np.where(complete, on_course_for_upgrade(spent, projected, held, thresholds), np.nan),
            "projected twelve-month spend reaches a higher tier than the one held",
        ),
    )
    free = np.ones(spent.shape, dtype=bool)
    plays = []
    for kind, value, rule in candidates:
        chosen = free & ~np.isnan(value)
        rows = np.flatnonzero(chosen)
        order = np.argsort(-value[rows], kind="stable")
        plays.append(Play(kind, rule, rows[order], value[rows][order]))
        free &= ~chosen
    judged = complete | ~np.isnan(slipping)
    return MemberInsights(tuple(plays), int(judged.sum()), int((~judged).sum()))


def _next_threshold(tier: ArrayLike, thresholds: Sequence[float]) -> FloatArray:
    above = np.append(np.asarray(thresholds, dtype=np.float64)[1:], np.inf)
    return np.asarray(above[np.asarray(tier, dtype=np.int64)])
