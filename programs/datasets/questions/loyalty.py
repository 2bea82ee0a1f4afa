"""The questions monitor-loyalty asks. A window is [low, high); datasets that are None have no rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from gtm.core.errors import InvalidInput
from programs.datasets.snapshots.store import Snapshot


class LoyaltyQuestions(ABC):
    """Part of ``QueryEngine``."""

    def loyalty_windows(
        self,
        purchases: Snapshot | None,
        *,
        windows: Sequence[tuple[datetime, datetime]],
        dimensions: Sequence[str] = (),
        tiers: Mapping[str, float] | None = None,
        members: Snapshot | None = None,
        ledger: Snapshot | None = None,
        responses: Snapshot | None = None,
    ) -> pa.Table:
        """n (0 is the first of ``windows``, which ends last), tier, cohort, region, channel ("" where not
        asked for or not recorded), members, enrolled, departed, active, orders, revenue (net in the window of
        the sale), gross, refunded (in the window of the refund), earned, redeemed, expired, responses,
        satisfied. ``tiers`` (name → threshold, the lowest first) place members where no tier is recorded."""
        datasets = {
            "purchases": purchases, "members": members, "point_ledger": ledger, "survey_responses": responses,
        }  # fmt: skip
        return self._ask(
            "loyalty_windows",
            datasets,
            ("members", "point_ledger", "survey_responses"),
            lows=[_instant(low) for low, _ in windows],
            highs=[_instant(high) for _, high in windows],
            dimensions=list(dimensions),
            tiers=list(tiers or {}),
            thresholds=list((tiers or {}).values()),
        )

    def tier_moves(
        self,
        purchases: Snapshot | None,
        *,
        end: datetime,
        starts: Mapping[str, datetime],
        tiers: Mapping[str, float],
        members: Snapshot | None = None,
    ) -> pa.Table:
        """span, before, after, members, recorded, agreeing: indexes into ``tiers`` (the lowest first), -1 for
        no member then. ``starts`` are those of the windows 7d, 30d and quarter."""
        return self._ask(
            "tier_moves",
            {"purchases": purchases, "members": members},
            ("members",),
            end=_instant(end),
            week=_instant(starts["7d"]),
            month=_instant(starts["30d"]),
            quarter=_instant(starts["quarter"]),
            tiers=list(tiers),
            thresholds=list(tiers.values()),
        )

    def recorded_tiers(self, members: Snapshot | None, *, start: datetime, end: datetime) -> pa.Table:
        """tier, previous_tier, gone ("", "window" or "before"), members."""
        return self._ask("recorded_tiers", {"members": members}, start=_instant(start), end=_instant(end))

    @abstractmethod
    def _ask(
        self,
        question: str,
        datasets: dict[str, Snapshot | None],
        optional: Sequence[str] = (),
        /,
        **parameters: Any,
    ) -> pa.Table:
        """Run ``sql/<question>.sql`` over the snapshots, each a view named after its kind."""


def _instant(instant: datetime) -> str:
    if instant.tzinfo is None:
        raise InvalidInput("A window must say its time zone.")
    return instant.isoformat()
