"""Snapshots as the named queries of one statement for ClickHouse: net, on the program's wall clock.

What ``views`` does for DuckDB. Rows that it would see otherwise than DuckDB are refused with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from programs.datasets.contracts import CONTRACTS
from programs.datasets.contracts.base import Type
from programs.datasets.engines.clickhouse_rows import RowsOf
from programs.datasets.engines.netted_views import CHANGES, GROSS
from programs.datasets.engines.netting import has_movements, net_orders
from programs.datasets.engines.netting_rows import RULES, has_row_movements
from programs.datasets.engines.views import LeftOut
from programs.datasets.snapshots.store import Snapshot, SnapshotStore

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

INSTANT, MONEY = "DateTime64(6, 'UTC')", "Decimal(18, 4)"
TYPES = {
    Type.TEXT: "String", Type.CATEGORY: "String", Type.CURRENCY: "String", Type.INTEGER: "Int64",
    Type.DECIMAL: MONEY, Type.MONEY: MONEY, Type.TIMESTAMP: INSTANT, Type.DATE: "Date32",
    Type.BOOLEAN: "Bool",
}  # fmt: skip
MOVED = {"moved_at": INSTANT, "currency": "String", "lowered": MONEY, "refunded": MONEY}
CHANGED: Mapping[str, Mapping[str, str]] = {
    "purchases": {"member_id": "String", "purchased_at": INSTANT} | MOVED,
    **{
        kind: {RULES[kind].reference: "String", "sold_at": INSTANT} | MOVED
        for kind in CHANGES.keys() & RULES.keys()
    },
}
"""Kind → the columns of what changed its rows."""
FIRST_YEAR, LAST_YEAR = 1970, 2200
"""Before 1970 it counts weeks, and tables of zones tell hours, in another way; its times end in 2299."""


class ClickHouseTables:
    """Tables of the snapshots that ``rows_of`` finds; times on the wall clock of ``zone``."""

    def __init__(self, store: SnapshotStore, client: Client, rows_of: RowsOf, zone: str, left_out: LeftOut):
        ZoneInfo(zone)  # text of others never becomes SQL
        self.zone = zone
        self.left_out = left_out
        self._store, self._client, self._rows_of = store, client, rows_of
        self._described: dict[str, list[tuple[str, str]]] = {}

    def reason_against(self, snapshot: Snapshot) -> str:
        """Why ClickHouse would see these rows otherwise than DuckDB does; "" where it would not."""
        kind = snapshot.kind
        if has_row_movements(snapshot):
            return f"the {kind} have rows that change earlier ones, and DuckDB works out their net"
        if has_movements(snapshot) and not self._rows_of.sees_files:
            return f"the {kind} have refunds, and their net is worked out by DuckDB and kept on this host"
        if self.left_out.categories and kind == "purchases":
            return "categories are left out, and it writes letters of some alphabets small in another way"
        if not _years(snapshot) <= set(range(FIRST_YEAR, LAST_YEAR + 1)):
            return (
                f"the {kind} have times before {FIRST_YEAR} or after {LAST_YEAR}, which it counts otherwise"
            )
        return ""

    def of(self, kind: str, snapshot: Snapshot | None) -> Iterator[tuple[str, str]]:
        """Name → query of the rows of a kind, and of what changed them."""
        orders = changes = None
        if snapshot is None:
            yield (
                kind,
                _nothing({column.name: TYPES[column.type] for column in CONTRACTS[kind].columns}, kind),
            )
        else:
            netted = net_orders(self._store, snapshot)
            if netted:
                orders, changes = (self._rows_of.file(path) for path in (netted.orders, netted.changes))
            yield kind, self._read(f"{kind}/{snapshot.sha256}", orders or self._rows_of.rows(snapshot), kind)
        if kind in CHANGES and changes and snapshot:
            yield CHANGES[kind], self._read(f"{CHANGES[kind]}/{snapshot.sha256}", changes, CHANGES[kind])
        elif kind in CHANGES:
            yield CHANGES[kind], _nothing(CHANGED[kind], CHANGES[kind])

    def _read(self, key: str, source: str, name: str) -> str:
        """The rows of a source with their times on the wall clock, less members that are left out."""
        if key not in self._described:
            told = self._client.query(
                f"DESCRIBE TABLE {source}", settings={"schema_inference_make_columns_nullable": 1}
            )
            self._described[key] = [(row[0], row[1]) for row in told.result_rows]
        listed = ", ".join(self._shown(column, type_) for column, type_ in self._described[key])
        wanted = ""
        if (
            self.left_out.members
            and any(column == "member_id" for column, _ in self._described[key])
            and name in CONTRACTS
        ):
            wanted = " WHERE NOT has({left_out_members:Array(String)}, coalesce(member_id, ''))"
        return f"SELECT {listed}{_gross(name)} FROM {source}{wanted}"  # noqa: S608

    def _shown(self, column: str, type_: str) -> str:
        if self.zone == "UTC" or "DateTime64" not in type_:
            return f"`{column}`"
        return f"addSeconds(`{column}`, timeZoneOffset(toTimeZone(`{column}`, '{self.zone}'))) AS `{column}`"


def _years(snapshot: Snapshot) -> set[int]:
    """The years of the first and the last time that its own statistics know."""
    ends = [at for at in (snapshot.window_start, snapshot.window_end) if at]
    for column in CONTRACTS[snapshot.kind].columns:
        if column.type is Type.TIMESTAMP:
            told = (snapshot.profile or {}).get(column.name, {})
            ends += [datetime.fromisoformat(told[end]) for end in ("minimum", "maximum") if told.get(end)]
    return {end.year for end in ends}


def _gross(kind: str) -> str:
    """The columns that ``netted_views.plain_view`` adds."""
    if kind not in GROSS:
        return ""
    gross = "".join(f", {name} AS gross_{name}" for name in GROSS[kind])
    return f"{gross}, CAST(0 AS Nullable(Bool)) AS undone, CAST(NULL AS Nullable({INSTANT})) AS undone_at"


def _nothing(columns: Mapping[str, str], kind: str) -> str:
    listed = ", ".join(f"CAST(NULL AS Nullable({type_})) AS `{name}`" for name, type_ in columns.items())
    return f"SELECT *{_gross(kind)} FROM (SELECT {listed} WHERE 0)"  # noqa: S608
