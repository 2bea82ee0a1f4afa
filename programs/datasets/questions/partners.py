"""Questions to what several partners loaded: their rows side by side, each with its ``owner``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from programs.datasets.snapshots.store import Snapshot

TouchDimension = Literal["source", "asset", "region", "segment"]
TAGGED = "tagged_touches"


class PartnerQuestions(ABC):
    """Each argument maps partner → snapshot ("" for our own, whose rows name their partner themselves).

    Nothing is summed over money here: amounts come back in the currency they were loaded in. Times are on the
    wall clock of the program, whose days count for all partners.
    """

    def touch_tags(
        self, touchpoints: Mapping[str, Snapshot], *, start: datetime, as_of: datetime
    ) -> pa.Table:
        """owner, channel, campaign, tags (UTM query string), touches, people, first_at, last_at."""
        return self._ask_partners(
            "touch_tags", "touchpoints", touchpoints, prelude=TAGGED, start=start.isoformat(), as_of=as_of
        )

    def touch_costs(
        self, touchpoints: Mapping[str, Snapshot], *, start: datetime, as_of: datetime
    ) -> pa.Table:
        """owner, channel, campaign, tags, day, currency, stated (touches that state a cost), cost."""
        return self._ask_partners(
            "touch_costs", "touchpoints", touchpoints, prelude=TAGGED, start=start.isoformat(), as_of=as_of
        )

    def deal_rows(self, opportunities: Mapping[str, Snapshot], *, as_of: datetime) -> pa.Table:
        """One row an opportunity opened before ``as_of``, in the partner's words and currency: amount net of
        credit notes, gross_amount, undone where nothing is left of it."""
        return self._ask_partners("deal_rows", "opportunities", opportunities, as_of=as_of)

    def contact_rows(self, contacts: Mapping[str, Snapshot]) -> pa.Table:
        """One row a contact: what identity is matched on."""
        return self._ask_partners("contact_rows", "contacts", contacts)

    def target_rows(self, targets: Mapping[str, Snapshot]) -> pa.Table:
        """metric, dimension, member, starts_on, ends_on, target, currency."""
        return self._ask_partners("target_rows", "targets", targets)

    def journeys(
        self,
        touchpoints: Mapping[str, Snapshot],
        *,
        taxonomy: pa.Table,
        people: pa.Table,
        deals: pa.Table,
        dealers: pa.Table,
        start: datetime,
        as_of: datetime,
        dimension: TouchDimension = "source",
        lookback_days: int = 90,
    ) -> pa.Table:
        """deal, journey, label, source, age_days: one row a touch, journeys together, oldest first.

        ``taxonomy`` owner, channel, campaign, tags, source: the tags that are of the campaign.
        ``people``   owner, person_id, person: who is who; people left out stay themselves.
        ``deals``    deal, person, since_at, until_at: touches between the two belong to it; a row a person.
        ``dealers``  person: everybody with a deal of any time, whose other touches are no lost journey.
        A lost journey ends in the window and begins at most ``lookback_days`` before its last touch.
        """
        tables = {"taxonomy": taxonomy, "people": people, "deals": deals, "dealers": dealers}
        return self._ask_partners(
            "journeys",
            "touchpoints",
            touchpoints,
            tables=tables,
            prelude=TAGGED,
            start=start.isoformat(),
            as_of=as_of,
            dimension=dimension,
            lookback_days=lookback_days,
        )

    @abstractmethod
    def _ask_partners(
        self,
        question: str,
        kind: str,
        partners: Mapping[str, Snapshot],
        *,
        tables: Mapping[str, pa.Table] | None = None,
        prelude: str = "",
        **parameters: Any,
    ) -> pa.Table:
        """Run ``sql/<question>.sql`` over all partners' rows, a view named ``kind``."""
