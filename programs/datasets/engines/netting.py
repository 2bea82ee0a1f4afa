"""Orders net of refunds, cancellations and adjustments: the one rule of every question about purchases.

A row that is no sale changes an order. With the order's key it changes that order. Without one, or with a
number of its own, it lowers the member's latest order at or before it whose remaining net is not less; an
adjustment upwards raises the latest. What a sale itself says was refunded lowers it. Currencies never mix.
What fits no order is *unplaced*: it stands in the account, and in no figure. A cancellation whose order has
no other row is that order, cancelled before it counted. What goes beyond an order's amount leaves the order
at zero, and is told in the account. An order brought to zero or below is no purchase; a free order that
nothing changed is one.

The result is kept beside the rows of the snapshot: orders that are left, changes, and the account of both.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from gtm.core.canonical import document
from gtm.core.money import Money
from programs.datasets.contracts import CONTRACTS
from programs.datasets.engines.session import hardened, one_row
from programs.datasets.loading.limits import Limits
from programs.datasets.snapshots.store import Snapshot, SnapshotStore

FOLDER = "netted-2"  # another number where the rule becomes another
BATCH = 100_000
NO_CHANGES = """
    SELECT NULL::VARCHAR AS member_id, NULL::TIMESTAMPTZ AS moved_at, NULL::TIMESTAMPTZ AS purchased_at,
        NULL::VARCHAR AS currency, NULL::DECIMAL(18, 4) AS lowered, NULL::DECIMAL(18, 4) AS refunded
    WHERE false
"""
KIND = "coalesce({movement}, CASE WHEN amount < 0 THEN 'refund' ELSE 'sale' END)"


@dataclass(frozen=True, slots=True)
class MovementCount:
    """Movements of one kind that found their order in one way. ``amount`` is what they move, unsigned.

    ``placing``: "order" by the order's key, "customer" by the member's latest order that it fits, "column"
    where the sale itself says it, "itself" for an order cancelled in its own row, "unplaced", and "beyond"
    for what exceeds the order it belongs to.
    """

    movement: str
    placing: str
    currency: str
    rows: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class MovementAccount:
    """What became of a snapshot's movements. ``orders`` are left of ``sales``, the first at ``first_at``."""

    sales: int
    orders: int
    first_at: datetime | None
    counts: tuple[MovementCount, ...]

    def of(self, placing: str) -> tuple[MovementCount, ...]:
        return tuple(count for count in self.counts if count.placing == placing)

    def sentences(self) -> list[str]:
        """The account for people: what was netted, and what could not be."""
        said = []
        if placed := [c for c in self.counts if c.placing in ("order", "customer", "column")]:
            by_customer = sum(c.rows for c in self.of("customer"))
            how = (
                f", of which {by_customer:,} by the customer's latest earlier order that fits"
                if by_customer
                else ""
            )
            said.append(
                f"Orders are net of {in_words(placed)}{how}. Brought to zero and no purchases: "
                f"{self.sales - self.orders:,} of {self.sales:,} sales. Revenue is net in the period of the "
                "sale."
            )
        if own := self.of("itself"):
            said.append(f"No purchases, because cancelled in the order's own row: {in_words(own)}.")
        if unplaced := self.of("unplaced"):
            said.append(
                f"Unplaced, for want of an order in these data, and in no figure: {in_words(unplaced)}. Load "
                "the orders that belong to them, too."
            )
        if beyond := self.of("beyond"):
            said.append(f"More than their order came to, and the excess in no figure: {in_words(beyond)}.")
        return said


def in_words(counts: Any) -> str:
    """ "2 refunds of 30.00 USD and 1 cancellation of 5.00 USD"."""
    parts = [
        f"{c.rows:,} {c.movement}{'' if c.rows == 1 else 's'} of {Money(c.amount, c.currency)}"
        for c in _by_kind(counts)
    ]
    return " and ".join(parts)


def _by_kind(counts: Any) -> Iterator[MovementCount]:
    sums: dict[tuple[str, str], tuple[int, Decimal]] = {}
    for count in counts:
        rows, amount = sums.get((count.movement, count.currency), (0, Decimal(0)))
        sums[count.movement, count.currency] = rows + count.rows, amount + count.amount
    for (movement, currency), (rows, amount) in sorted(sums.items()):
        yield MovementCount(movement, "", currency, rows, amount)


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
    rows = store.rows_path(snapshot)
    home = rows.parent / FOLDER
    if not (home / "account.json").exists():
        with store.workspace() as directory:
            made = directory / FOLDER
            made.mkdir()
            with hardened([rows.parent, directory], limits or Limits()) as connection:
                account = _net(connection, rows, made)
            (made / "account.json").write_bytes(document(asdict(account)))
            _keep(made, home)
    return NettedOrders(home / "orders.parquet", home / "changes.parquet", _read(home / "account.json"))


def _keep(made: Path, home: Path) -> None:
    for file in made.iterdir():
        file.chmod(0o444)
    try:
        made.rename(home)
    except OSError:
        if not (home / "account.json").exists():
            raise
        shutil.rmtree(made)  # somebody else netted the same rows meanwhile


def _read(file: Path) -> MovementAccount:
    known = json.loads(file.read_bytes())
    counts = tuple(MovementCount(**c | {"amount": Decimal(c["amount"])}) for c in known["counts"])
    first = known["first_at"] and datetime.fromisoformat(known["first_at"])
    return MovementAccount(known["sales"], known["orders"], first, counts)


def _net(connection: duckdb.DuckDBPyConnection, rows: Path, made: Path) -> MovementAccount:
    stored = connection.read_parquet(str(rows.resolve()), file_row_number=True)
    kind = KIND.format(movement="movement" if "movement" in stored.columns else "NULL")
    refunded = "refunded_amount" if "refunded_amount" in stored.columns else "0"
    key = " AND ".join(f"moves.{name} = sales.{name}" for name in CONTRACTS["purchases"].key)
    has_key = " AND ".join(f"{name} IS NOT NULL" for name in CONTRACTS["purchases"].key)
    stored.create_view("stored")
    connection.execute(f"""
        CREATE TEMP VIEW sales AS SELECT * FROM stored WHERE {kind} = 'sale';
        CREATE TEMP TABLE moves AS
        SELECT file_row_number AS id, * EXCLUDE (file_row_number), {kind} AS kind,
            CASE {kind} WHEN 'adjustment' THEN amount ELSE -abs(amount) END AS effect
        FROM stored WHERE {kind} <> 'sale';
        CREATE TEMP TABLE placed AS
        SELECT moves.id, sales.file_row_number AS sale, 'order' AS how,
            -- A cancellation that names no amount cancels all of its order.
            CASE WHEN moves.kind = 'cancellation' AND moves.amount = 0 THEN -sales.amount
                ELSE moves.effect END AS effect
        FROM moves JOIN sales ON {key} AND moves.currency IS NOT DISTINCT FROM sales.currency;
        INSERT INTO placed
        SELECT -1 - file_row_number, file_row_number, 'column', -abs({refunded})
        FROM sales WHERE {refunded} <> 0;
        CREATE TEMP TABLE own AS
        SELECT id FROM moves ANTI JOIN placed USING (id)
        WHERE kind = 'cancellation' AND amount > 0 AND {has_key};
        CREATE TEMP TABLE free AS
        SELECT id, member_id, purchased_at, currency, effect
        FROM moves ANTI JOIN placed USING (id) ANTI JOIN own USING (id) WHERE effect <> 0;
    """)  # noqa: S608
    found = _place_by_customer(connection)
    connection.register("by_customer", found)
    connection.execute("""
        INSERT INTO placed SELECT id, sale, 'customer', effect FROM by_customer JOIN free USING (id);
        CREATE TEMP TABLE changed AS
        SELECT sale, sum(effect) AS effect, max(id) AS last FROM placed GROUP BY sale;
    """)
    _write(connection, made)
    return _account(connection, made)


def _place_by_customer(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """id, sale of the movements without an order: one pass over the orders of their members, in time.

    Whether an order still fits depends on what was taken from it before, so this cannot be one query.
    """
    reader = connection.execute("""
        SELECT member_id, id, currency, CAST(units AS BIGINT) AS units, is_move FROM (
            SELECT member_id, purchased_at, file_row_number AS id, currency,
                10000 * (amount + coalesce(lowered, 0)) AS units, false AS is_move
            FROM (FROM sales SEMI JOIN free USING (member_id))
            LEFT JOIN (SELECT sale, sum(effect) AS lowered FROM placed GROUP BY sale)
                ON sale = file_row_number
            UNION ALL
            SELECT member_id, purchased_at, id, currency, 10000 * effect, true FROM free
        ) ORDER BY member_id, purchased_at, is_move, CASE WHEN is_move THEN units END, id
    """).to_arrow_reader(BATCH)
    ids: list[int] = []
    sales: list[int] = []
    current, open_orders = None, []  # type: ignore[var-annotated]
    for batch in reader:
        for member, id_, currency, units, is_move in zip(
            *(c.to_pylist() for c in batch.columns), strict=True
        ):
            if member != current:
                current, open_orders = member, []
            if not is_move:
                open_orders.append([id_, currency, units])
                continue
            for order in reversed(open_orders):
                if order[1] == currency and order[2] + units >= 0:
                    order[2] += units
                    ids.append(id_)
                    sales.append(order[0])
                    break
    return pa.table({"id": pa.array(ids, pa.int64()), "sale": pa.array(sales, pa.int64())})


def _write(connection: duckdb.DuckDBPyConnection, made: Path) -> None:
    """Orders that are left, and what was taken from which sale when. ``beyond`` gives back the excess."""
    connection.execute(
        """
        COPY (
            SELECT * EXCLUDE (file_row_number, sale, effect, last) REPLACE (
                CAST(amount + coalesce(effect, 0) AS DECIMAL(18, 4)) AS amount,
                -- What a refund does to the margin is not known.
                CASE WHEN sale IS NULL THEN margin END AS margin
            )
            FROM sales LEFT JOIN changed ON sale = file_row_number
            WHERE sale IS NULL OR amount + effect > 0
        ) TO $orders (FORMAT parquet, COMPRESSION zstd)
    """,
        {"orders": str(made / "orders.parquet")},
    )
    connection.execute("""
        CREATE TEMP TABLE beyond AS
        SELECT last AS id, sale, -(amount + effect) AS amount
        FROM changed JOIN sales ON sale = file_row_number WHERE amount + effect < 0;
        CREATE TEMP TABLE told AS
        SELECT m.member_id, m.purchased_at AS moved_at, s.purchased_at, m.currency, m.kind, p.how,
            -p.effect AS lowered
        FROM placed p JOIN moves m USING (id) JOIN sales s ON s.file_row_number = p.sale
        UNION ALL
        SELECT s.member_id, s.purchased_at, s.purchased_at, s.currency, 'refund', 'column', -p.effect
        FROM placed p JOIN sales s ON s.file_row_number = p.sale WHERE p.id < 0
        UNION ALL
        SELECT s.member_id, coalesce(m.purchased_at, s.purchased_at), s.purchased_at, s.currency,
            coalesce(m.kind, 'refund'), 'beyond', -b.amount
        FROM beyond b JOIN sales s ON s.file_row_number = b.sale LEFT JOIN moves m USING (id)
        UNION ALL
        SELECT member_id, purchased_at, NULL, currency, kind,
            CASE WHEN id IN (FROM own) THEN 'itself' ELSE 'unplaced' END, -effect
        FROM moves ANTI JOIN placed USING (id);
    """)
    connection.execute(
        """
        COPY (
            SELECT member_id, moved_at, purchased_at, currency, CAST(lowered AS DECIMAL(18, 4)) AS lowered,
                CAST(lowered AS DECIMAL(18, 4)) AS refunded  -- the same, to be dated by the refund
            FROM told WHERE purchased_at IS NOT NULL ORDER BY ALL
        ) TO $changes (FORMAT parquet, COMPRESSION zstd)
    """,
        {"changes": str(made / "changes.parquet")},
    )


def _account(connection: duckdb.DuckDBPyConnection, made: Path) -> MovementAccount:
    counts = connection.execute("""
        SELECT kind, how, coalesce(currency, ''), count(*), sum(abs(lowered))
        FROM told GROUP BY ALL ORDER BY ALL
    """).fetchall()
    (sales,) = one_row(connection, "SELECT count(*) FROM sales")
    left = connection.read_parquet(str(made / "orders.parquet"))
    orders, first = left.aggregate("count(*), min(purchased_at)").fetchone() or (0, None)
    return MovementAccount(sales, orders, first, tuple(MovementCount(*count) for count in counts))
