"""The questions monitor-loyalty asks. Windows are [start, end), the one before is [previous, start)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any

import pyarrow as pa

from gtm.core.errors import InvalidInput
from programs.datasets.store import Snapshot


class LoyaltyQuestions(ABC):
    """Part of ``QueryEngine``."""

    def member_activity(
        self,
        purchases: Snapshot | None,
        *,
        previous: datetime,
        start: datetime,
        end: datetime,
        time_zone: str = "UTC",
    ) -> pa.Table:
        """One row a member: cohort (month of the first purchase), is_new, was_new, orders, orders_before,
        revenue, revenue_before."""
        span = _spans(previous, start, end)
        return self._ask("member_activity", {"purchases": purchases}, time_zone=time_zone, **span)

    def member_attributes(
        self,
        members: Snapshot | None,
        *,
        previous: datetime,
        start: datetime,
        end: datetime,
        time_zone: str = "UTC",
    ) -> pa.Table:
        """One row a member: tier, previous_tier, region, channel, cohort ("" where not recorded), enrolled,
        enrolled_before, departed, gone_before."""
        span = _spans(previous, start, end)
        return self._ask("member_attributes", {"members": members}, time_zone=time_zone, **span)

    def member_points(
        self, ledger: Snapshot | None, *, previous: datetime, start: datetime, end: datetime
    ) -> pa.Table:
        """One row a member with a movement: earned, redeemed, expired, and the same with _before."""
        return self._ask("member_points", {"point_ledger": ledger}, **_spans(previous, start, end))

    def csat_window(self, responses: Snapshot | None, *, start: datetime, end: datetime) -> pa.Table:
        """One row: responses, satisfied."""
        span = _spans(start, start, end)
        del span["previous"]
        return self._ask("csat_window", {"survey_responses": responses}, **span)

    @abstractmethod
    def _ask(self, question: str, datasets: dict[str, Snapshot | None], **parameters: Any) -> pa.Table:
        """Run ``sql/<question>.sql`` over the snapshots, each a view named after its kind."""


def _spans(previous: datetime, start: datetime, end: datetime) -> dict[str, str]:
    if any(instant.tzinfo is None for instant in (previous, start, end)):
        raise InvalidInput("A window must say its time zone.")
    return {"previous": previous.isoformat(), "start": start.isoformat(), "end": end.isoformat()}
