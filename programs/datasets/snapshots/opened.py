"""The data of one run: its snapshots by kind, opened for questions."""

from __future__ import annotations

import calendar
import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gtm.core.errors import InvalidInput, NotFound
from programs.datasets.engines.choosing import Engines
from programs.datasets.engines.converting import Conversion
from programs.datasets.engines.movements import MovementAccount, together
from programs.datasets.engines.netting_rows import account_of
from programs.datasets.engines.session import hardened, one_row
from programs.datasets.engines.views import LeftOut
from programs.datasets.loading.limits import Limits
from programs.datasets.local_time import end_of_day, on_wall_clock
from programs.datasets.snapshots.store import Snapshot, SnapshotStore
from programs.schemas.referral_rules import HOUSE_RULES


class OpenData:
    """What a step asks. ``store`` may be the folder of one; ``described`` is the plan's own list of datasets
    (kind, sha256, partner).

    Steps see only these snapshots, whatever was loaded since. Times are those on the wall clock of ``zone``,
    the program's (see ``local_time``), and amounts in its ``currency`` (see ``converting``); amounts of
    several partners keep their currencies. ``engines`` says who answers. ``payout_tolerance`` is the rule of
    that name of the program.
    """

    def __init__(
        self,
        store: SnapshotStore | Path,
        described: Sequence[Mapping[str, Any]],
        zone: str = "UTC",
        currency: str = "",
        engines: Engines = Engines(),  # noqa: B008 - it cannot change
        payout_tolerance: float = HOUSE_RULES["payout_tolerance"],
    ):
        self._store = store if isinstance(store, SnapshotStore) else SnapshotStore(store)
        self._described = described
        self.engine = engines.open(self._store, zone, currency, payout_tolerance)
        self._zone = zone

    def without(
        self, *, members: Sequence[str] = (), categories: Sequence[str] = (), kinds: Collection[str] = ()
    ) -> OpenData:
        """The same data less these members, what was bought in these categories, and these kinds."""
        narrowed = copy.copy(self)
        narrowed._described = [told for told in self._described if told["kind"] not in kinds]
        left_out = LeftOut(tuple(members), tuple(category.lower() for category in categories))
        narrowed.engine = self.engine.without(left_out) if members or categories else self.engine
        return narrowed

    def has(self, kind: str) -> bool:
        return any(d["kind"] == kind for d in self._described)

    def snapshots(self, kind: str) -> dict[str, Snapshot]:
        """Partner → snapshot, "" for our own."""
        return {
            d["partner"]: self._on_wall_clock(self._store.get(kind, d["sha256"]))
            for d in self._described
            if d["kind"] == kind
        }

    def snapshot(self, kind: str) -> Snapshot:
        """The one snapshot of a kind. Raises NotFound where the run has none."""
        found = self.snapshots(kind)
        if not found:
            raise NotFound(f"This run reads no {kind}.", hint=f"Load {kind} and start a new run.")
        snapshot = _only(kind, found)
        account = self.movements() if kind == "purchases" else None
        if account is None:
            return snapshot
        if not account.orders:
            raise NotFound(
                f"Nothing is left of the purchases of this run: all {account.sales:,} sales were refunded or "
                "cancelled.",
                hint="Load the purchases with the orders that stood, and start a new run.",
            )
        return replace(
            snapshot, window_start=account.first_at and on_wall_clock(account.first_at, self._zone)
        )

    def movements(self, kind: str = "purchases") -> MovementAccount | None:
        """What became of refunds, claw-backs, cancellations and adjustments; None without any."""
        found = (account_of(self._store, snapshot) for snapshot in self.snapshots(kind).values())
        return together(account for account in found if account)

    def find(self, kind: str) -> Snapshot | None:
        """The one snapshot of a kind, or None where the run has none."""
        return self.snapshot(kind) if self.has(kind) else None

    def conversions(self, *kinds: str) -> list[Conversion]:
        """What is converted when amounts of these kinds are added."""
        found = (self.engine.conversion(self.snapshot(kind)) for kind in kinds if self.has(kind))
        return [conversion for conversion in found if conversion]

    def names(self, kind: str, column: str, value: str) -> bool:
        """Whether a row of any partner's data of this kind has the value in the column, in any case."""
        for told in self._described:
            if told["kind"] != kind:
                continue
            rows = self._store.rows_path(self._store.get(kind, told["sha256"]))
            with hardened([rows.parent], Limits()) as connection:
                asked = f'SELECT count(*) FROM read_parquet($rows) WHERE lower("{column}") = lower($value)'  # noqa: S608 - a column of a contract
                if one_row(connection, asked, {"rows": str(rows), "value": value.strip()})[0]:
                    return True
        return False

    def _on_wall_clock(self, snapshot: Snapshot) -> Snapshot:
        ends = (snapshot.window_start, snapshot.window_end)
        first, last = (at and on_wall_clock(at, self._zone) for at in ends)
        return replace(snapshot, window_start=first, window_end=last)

    def as_of(self, kind: str) -> datetime:
        """The first moment after the local day of the last row: reports stand at the end of the data."""
        end = self.snapshot(kind).window_end
        if end is None:
            raise NotFound(f"The {kind} of this run have no time column.")
        return end_of_day(end)

    def is_month_complete(self, kind: str) -> bool:
        """Whether the last month with rows is over at the end of the data."""
        last = self.as_of(kind) - timedelta(days=1)
        return last.day == calendar.monthrange(last.year, last.month)[1]


def _only(kind: str, found: Mapping[str, Snapshot]) -> Snapshot:
    """Raises InvalidInput where reading one would leave out what others brought."""
    if len(found) > 1:
        owners = ", ".join(sorted(name or "ourselves" for name in found))
        raise InvalidInput(
            f"{kind} were loaded by {owners}; reading those of one would leave out the others.",
            hint=f"Load them together, as one dataset of {kind}.",
        )
    return next(iter(found.values()))
