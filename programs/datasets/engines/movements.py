"""Movements: what lowers or raises a row that was there. One rule places them, whatever the kind of data.

A row that is no sale changes one. With the key of a sale it changes that sale. Without one, or with a number
of its own, it lowers the latest sale of the same customer at or before it whose remaining net is not less; an
adjustment upwards raises the latest. What a sale itself says was taken back lowers it. Currencies never mix.
What fits nothing is *unplaced*: it stands in the account, and in no figure. A cancellation whose sale has no
other row is that sale, cancelled before it counted. What goes beyond a sale's amount leaves the sale at zero,
and is told in the account.

``settle`` reads the view ``lines``, a row each: id; kind, "sale" for what the others change; key; customer,
of whom it is looked for without a key; happened_at; currency; amount, null where a movement takes all;
effect, signed; own, whether a movement stands for itself; shown, what a movement of nothing is counted with;
of a sale refunded, what it says was taken back, undone, whether all of it was, and back_at, when.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from gtm.core.canonical import document
from gtm.core.money import Money
from programs.datasets.engines.session import hardened, one_row
from programs.datasets.loading.limits import Limits
from programs.datasets.movement_words import WORDS
from programs.datasets.snapshots.store import Snapshot, SnapshotStore

BATCH = 100_000
Place = Callable[[duckdb.DuckDBPyConnection], pa.Table]


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
    """What became of a kind's movements. ``orders`` are left of ``sales``, the first at ``first_at``."""

    sales: int
    orders: int
    first_at: datetime | None
    counts: tuple[MovementCount, ...]
    kind: str = "purchases"

    def of(self, placing: str) -> tuple[MovementCount, ...]:
        return tuple(count for count in self.counts if count.placing == placing)

    def words(self, placing: str) -> str:
        """ "2 refunds of 30.00 USD" placed in this way; "none" without any."""
        return in_words(self.of(placing)) or "none"

    def sentences(self) -> list[str]:
        """The account for people: what was netted, and what could not be."""
        words, said = WORDS[self.kind], []
        if placed := [c for c in self.counts if c.placing in ("order", "customer", "column")]:
            by_customer = sum(c.rows for c in self.of("customer"))
            how = f", of which {by_customer:,} by {words.latest}" if by_customer else ""
            said.append(
                f"{words.net} are net of {in_words(placed)}{how}. Brought to zero and {words.at_zero}: "
                f"{self.sales - self.orders:,} of {self.sales:,} {words.rows}. {words.period}"
            )
        if own := self.of("itself"):
            said.append(f"{words.itself}: {in_words(own)}.")
        if unplaced := self.of("unplaced"):
            article = "an" if words.one[0] in "aeiou" else "a"
            said.append(
                f"Unplaced, for want of {article} {words.one} in these data, and in no figure: "
                f"{in_words(unplaced)}. Load the {words.many} that belong to them, too; {article} "
                f"{words.one} in another currency is not lowered."
            )
        if beyond := self.of("beyond"):
            said.append(
                f"More than their {words.one} came to, and the excess in no figure: {in_words(beyond)}."
            )
        return said


def together(accounts: Iterable[MovementAccount]) -> MovementAccount | None:
    """The account of several owners' data of one kind; None without any."""
    found = list(accounts)
    if not found:
        return None
    sums: dict[tuple[str, str, str], tuple[int, Decimal]] = {}
    for count in (count for account in found for count in account.counts):
        key = count.movement, count.placing, count.currency
        rows, amount = sums.get(key, (0, Decimal(0)))
        sums[key] = rows + count.rows, amount + count.amount
    counts = tuple(MovementCount(*key, *told) for key, told in sorted(sums.items()))
    firsts = [account.first_at for account in found if account.first_at]
    return MovementAccount(
        sum(account.sales for account in found),
        sum(account.orders for account in found),
        min(firsts, default=None),
        counts,
        found[0].kind,
    )


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


def kept_beside(
    store: SnapshotStore,
    snapshot: Snapshot,
    folder: str,
    write: Callable[[duckdb.DuckDBPyConnection, Path, Path], MovementAccount],
    limits: Limits | None = None,
) -> tuple[Path, MovementAccount]:
    """The folder beside the rows of a snapshot that ``write`` filled, now or before, and its account."""
    rows = store.rows_path(snapshot)
    home = rows.parent / folder
    if not (home / "account.json").exists():
        with store.workspace() as directory:
            made = directory / folder
            made.mkdir()
            with hardened([rows.parent, directory], limits or Limits()) as connection:
                account = write(connection, rows, made)
            (made / "account.json").write_bytes(document(asdict(account)))
            _keep(made, home)
    return home, _read(home / "account.json")


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
    return MovementAccount(known["sales"], known["orders"], first, counts, known.get("kind", "purchases"))


def settle(connection: duckdb.DuckDBPyConnection, place: Place, column_kind: str = "refund") -> None:
    """Place every movement of ``lines``: tables moves, placed, own, changed, beyond and told, view sales.

    ``place`` answers id, sale for the table ``free``: movements that name nothing that is there.
    ``column_kind`` is what is told of a sale that says itself what was taken back.
    """
    connection.execute("""
        CREATE TEMP VIEW sales AS FROM lines WHERE kind = 'sale';
        CREATE TEMP TABLE moves AS FROM lines WHERE kind <> 'sale';
        CREATE TEMP TABLE placed AS
        SELECT moves.id, sales.id AS sale, 'order' AS how,
            -- A cancellation that names no amount cancels all of its order.
            moves.amount IS NULL OR (moves.kind = 'cancellation' AND moves.amount = 0) AS whole,
            CASE WHEN whole THEN -coalesce(sales.amount, 0) ELSE moves.effect END AS effect
        FROM moves JOIN sales ON moves.key = sales.key
            -- A movement that names no amount has no currency either.
            AND coalesce(moves.currency, sales.currency) IS NOT DISTINCT FROM sales.currency
        WHERE NOT moves.own OR moves.kind = 'cancellation';
        INSERT INTO placed
        SELECT -1 - id, id, 'column', undone,
            CASE WHEN undone THEN -coalesce(amount, 0) ELSE -abs(refunded) END
        FROM sales
        -- Rows that name the sale say how much: the day beside it is then only theirs.
        WHERE refunded <> 0 OR (undone AND id NOT IN (SELECT sale FROM placed));
        CREATE TEMP TABLE own AS SELECT id FROM moves ANTI JOIN placed USING (id) WHERE own;
        CREATE TEMP TABLE free AS
        FROM moves ANTI JOIN placed USING (id) ANTI JOIN own USING (id) WHERE effect <> 0;
    """)
    connection.register("by_customer", place(connection))
    connection.execute(f"""
        INSERT INTO placed
        SELECT id, sale, 'customer', false, effect FROM by_customer JOIN free USING (id);
        CREATE TEMP TABLE changed AS
        SELECT sale, sum(effect) AS effect, max(id) AS last FROM placed GROUP BY sale;
        CREATE TEMP TABLE beyond AS
        SELECT last AS id, sale, -(coalesce(sales.amount, 0) + changed.effect) AS amount
        FROM changed JOIN sales ON sales.id = sale
        WHERE coalesce(sales.amount, 0) + changed.effect < 0;
        CREATE TEMP TABLE told AS
        SELECT p.sale, m.customer, m.happened_at AS moved_at, s.happened_at AS sold_at,
            coalesce(m.currency, s.currency) AS currency, m.kind, p.how, -p.effect AS lowered,
            CASE WHEN p.effect = 0 THEN coalesce(m.shown, 0) ELSE p.effect END AS counted
        FROM placed p JOIN moves m USING (id) JOIN sales s ON s.id = p.sale
        UNION ALL
        SELECT p.sale, s.customer, s.back_at, s.happened_at, s.currency, '{column_kind}', 'column',
            -p.effect, p.effect
        FROM placed p JOIN sales s ON s.id = p.sale WHERE p.id < 0
        UNION ALL
        SELECT b.sale, s.customer, coalesce(m.happened_at, s.back_at), s.happened_at, s.currency,
            coalesce(m.kind, '{column_kind}'), 'beyond', -b.amount, b.amount
        FROM beyond b JOIN sales s ON s.id = b.sale LEFT JOIN moves m ON m.id = b.id
        UNION ALL
        SELECT NULL, customer, happened_at, NULL, currency, kind,
            CASE WHEN id IN (FROM own) THEN 'itself' ELSE 'unplaced' END,
            -effect, CASE WHEN effect = 0 THEN coalesce(shown, 0) ELSE effect END
        FROM moves ANTI JOIN placed USING (id);
    """)  # noqa: S608


def place_by_customer(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """id, sale of the movements without an order: one pass over the orders of their customers, in time.

    Whether an order still fits depends on what was taken from it before, so this cannot be one query.
    """
    reader = connection.execute("""
        SELECT customer, id, currency, CAST(units AS BIGINT) AS units, is_move FROM (
            SELECT customer, happened_at, id, currency, false AS is_move,
                10000 * (coalesce(amount, 0) + coalesce(lowered, 0)) AS units
            FROM (FROM sales SEMI JOIN free USING (customer))
            LEFT JOIN (SELECT sale, sum(effect) AS lowered FROM placed GROUP BY sale) ON sale = id
            UNION ALL
            SELECT customer, happened_at, id, currency, true, 10000 * effect FROM free
        ) ORDER BY customer, happened_at, is_move, CASE WHEN is_move THEN units END, id
    """).to_arrow_reader(BATCH)
    pairs: list[tuple[int, int]] = []
    current, open_orders = None, []  # type: ignore[var-annotated]
    for batch in reader:
        for customer, id_, currency, units, is_move in zip(
            *(c.to_pylist() for c in batch.columns), strict=True
        ):
            if customer is None:
                continue
            if customer != current:
                current, open_orders = customer, []
            if not is_move:
                open_orders.append([id_, currency, units])
                continue
            for order in reversed(open_orders):
                if order[1] == currency and order[2] + units >= 0:
                    order[2] += units
                    pairs.append((id_, order[0]))
                    break
    return pair_table(pairs)


def pair_table(pairs: Iterable[tuple[int, int]]) -> pa.Table:
    """id, sale."""
    ids, sales = [], []
    for id_, sale in pairs:
        ids.append(id_)
        sales.append(sale)
    return pa.table({"id": pa.array(ids, pa.int64()), "sale": pa.array(sales, pa.int64())})


def account_of_settled(
    connection: duckdb.DuckDBPyConnection, kind: str, *, orders: int, first_at: datetime | None = None
) -> MovementAccount:
    """The account after ``settle``."""
    counts = connection.execute("""
        SELECT kind, how, coalesce(currency, ''), count(*), sum(abs(counted))
        FROM told GROUP BY ALL ORDER BY ALL
    """).fetchall()
    (sales,) = one_row(connection, "SELECT count(*) FROM sales")
    return MovementAccount(sales, orders, first_at, tuple(MovementCount(*count) for count in counts), kind)
