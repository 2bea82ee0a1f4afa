"""Purchases net of refunds, cancellations and adjustments: the orders that are left, by ``movements``.

An order brought to zero or below is no purchase; a free order that nothing changed is one. The result is kept
beside the rows of the snapshot: orders that are left, changes, and the account of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from programs.datasets.engines.movements import (
    MovementAccount,
    account_of_settled,
    kept_beside,
    place_by_customer,
    settle,
)
from programs.datasets.loading.limits import Limits
from programs.datasets.snapshots.store import Snapshot, SnapshotStore

FOLDER = "netted-2"  # another number where the rule becomes another
NO_CHANGES = """
    SELECT NULL::VARCHAR AS member_id, NULL::TIMESTAMPTZ AS moved_at, NULL::TIMESTAMPTZ AS purchased_at,
        NULL::VARCHAR AS currency, NULL::DECIMAL(18, 4) AS lowered, NULL::DECIMAL(18, 4) AS refunded
    WHERE false
"""
KIND = "coalesce({movement}, CASE WHEN amount < 0 THEN 'refund' ELSE 'sale' END)"


@dataclass(frozen=True, slots=True)
class NettedOrders:
    """``orders`` has the columns of purchases, ``changes`` those of NO_CHANGES, one row a placed movement."""

    orders: Path
    changes: Path
    account: MovementAccount


def has_movements(snapshot: Snapshot) -> bool:
    """Whether a snapshot has rows that are no sales, as its own statistics say."""
    if snapshot.kind != "purchases":
        return False
    profile = snapshot.profile
    if profile is None:  # nothing is known of it: netting finds out
        return True
    if Decimal(profile.get("refunded_amount", {}).get("maximum") or 0) != 0:
        return True
    kinds = profile.get("movement")
    if kinds:
        return {kinds["minimum"], kinds["maximum"]} != {"sale"}
    lowest = profile.get("amount", {}).get("minimum")
    return lowest is not None and Decimal(lowest) < 0


def net_orders(store: SnapshotStore, snapshot: Snapshot, limits: Limits | None = None) -> NettedOrders | None:
    """The netted orders of purchases, made when they are first asked for; None without movements."""
    if not has_movements(snapshot):
        return None
    home, account = kept_beside(store, snapshot, FOLDER, _net, limits)
    return NettedOrders(home / "orders.parquet", home / "changes.parquet", account)


def _net(connection: duckdb.DuckDBPyConnection, rows: Path, made: Path) -> MovementAccount:
    stored = connection.read_parquet(str(rows.resolve()), file_row_number=True)
    kind = KIND.format(movement="movement" if "movement" in stored.columns else "NULL")
    refunded = "refunded_amount" if "refunded_amount" in stored.columns else "0"
    stored.create_view("stored")
    connection.execute(f"""
        CREATE TEMP VIEW lines AS
        SELECT file_row_number AS id, {kind} AS kind, order_id AS key, member_id AS customer,
            purchased_at AS happened_at, purchased_at AS back_at, currency, amount,
            CASE {kind} WHEN 'adjustment' THEN amount ELSE -abs(amount) END AS effect, NULL AS shown,
            {refunded} AS refunded, false AS undone,
            {kind} = 'cancellation' AND amount > 0 AND order_id IS NOT NULL AS own
        FROM stored
    """)  # noqa: S608
    settle(connection, place_by_customer)
    _write(connection, made, kind)
    left = connection.read_parquet(str(made / "orders.parquet"))
    orders, first = left.aggregate("count(*), min(purchased_at)").fetchone() or (0, None)
    return account_of_settled(connection, "purchases", orders=orders, first_at=first)


def _write(connection: duckdb.DuckDBPyConnection, made: Path, kind: str) -> None:
    """Orders that are left, and what was taken from which sale when. ``beyond`` gives back the excess."""
    connection.execute(
        f"""
        COPY (
            SELECT * EXCLUDE (file_row_number, sale, effect, last) REPLACE (
                CAST(amount + coalesce(effect, 0) AS DECIMAL(18, 4)) AS amount,
                -- What a refund does to the margin is not known.
                CASE WHEN sale IS NULL THEN margin END AS margin
            )
            FROM (FROM stored WHERE {kind} = 'sale') LEFT JOIN changed ON sale = file_row_number
            WHERE sale IS NULL OR amount + effect > 0
        ) TO $orders (FORMAT parquet, COMPRESSION zstd)
    """,  # noqa: S608
        {"orders": str(made / "orders.parquet")},
    )
    connection.execute(
        """
        COPY (
            SELECT customer AS member_id, moved_at, sold_at AS purchased_at, currency,
                CAST(lowered AS DECIMAL(18, 4)) AS lowered,
                CAST(lowered AS DECIMAL(18, 4)) AS refunded  -- the same, to be dated by the refund
            FROM told WHERE sold_at IS NOT NULL ORDER BY ALL
        ) TO $changes (FORMAT parquet, COMPRESSION zstd)
    """,
        {"changes": str(made / "changes.parquet")},
    )
