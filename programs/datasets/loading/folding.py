"""Lines of orders into orders: a file of lines is never read as a file of orders.

Tables: takes ``converted`` as it is, a row a line, and leaves it with a row an order; ``folded`` (file_no,
row) are the lines that stand in another line's row.
"""

from __future__ import annotations

import duckdb

from programs.datasets.contracts import Contract, Type

ANOTHER = "another line of the same order was not accepted"
DIFFERENT = "not the same in every line of the order"
ONE_OF_ALL = ("member_id", "currency")
ORDER = """CASE WHEN movement <> 'sale' THEN movement WHEN is_back THEN 'back ' || epoch_us(purchased_at)
        ELSE '' END || CASE
        WHEN order_id IS NOT NULL THEN 'n' || order_id
        WHEN member_id IS NOT NULL AND purchased_at IS NOT NULL
            THEN 'm' || epoch_us(purchased_at) || '@' || member_id
        ELSE 'r' || "row" END"""
"""SQL of what makes lines one order: its number, else the member and the moment. Its refund is apart."""


BACK = """sum(amount) OVER (PARTITION BY file_no, order_id, purchased_at) < 0 AND order_id IS NOT NULL
    AND purchased_at > min(purchased_at) OVER (PARTITION BY file_no, order_id)"""
"""SQL of whether what an order's lines of one moment come to was given back, later than it was bought."""


def fill_order_cells(
    connection: duckdb.DuckDBPyConnection, view: str, filled: str, order: int, cells: list[int]
) -> None:
    """A view of ``view`` in which what only one line of an order says stands in all its lines."""
    key = f"coalesce(nullif(trim(c{order}), ''), 'row ' || \"row\")"
    order_rows = f'PARTITION BY {key} ORDER BY "row" ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING'
    replaced = ", ".join(
        f"first_value(nullif(trim(c{cell}), '') IGNORE NULLS) OVER ({order_rows}) AS c{cell}"
        for cell in cells
    )
    connection.execute(f"CREATE VIEW {filled} AS SELECT * REPLACE ({replaced}) FROM {view}")  # noqa: S608


def fold(connection: duckdb.DuckDBPyConnection, contract: Contract, line_items: str) -> None:
    """Amounts of lines are added up, or are the same where each says the order's. Quantities are added up."""
    amounts = "max" if line_items == "order_total" else "sum"
    aggregates = {}
    for column in contract.columns:
        if column.name == "quantity":
            of = f"sum({column.name})"
        elif column.type is Type.MONEY:
            of = f"{amounts}({column.name})"
        elif column.type in (Type.TEXT, Type.CATEGORY) and column.name not in ("order_id", *ONE_OF_ALL):
            of = f"arg_max({column.name}, (amount, {column.name}))"  # of the largest line
        else:
            of = f"min({column.name})"
        aggregates[column.name] = f"try_cast({of} AS {column.type.sql}) AS {column.name}"
    same = [*ONE_OF_ALL, *(contract.money if amounts == "max" else ())]
    differing = ", ".join(
        f"CASE WHEN count(DISTINCT {name}) > 1 THEN '{name}: {DIFFERENT}' END" for name in same
    )
    too_large = f"try_cast(sum(amount) AS {Type.MONEY.sql}) IS NULL AND count(amount) > 0"
    differing += f", CASE WHEN {too_large} THEN 'amount: too large' END"
    names = ", ".join(aggregates)
    connection.execute(f"""
        ALTER TABLE converted RENAME TO unordered;
        CREATE TABLE lines AS SELECT *, {ORDER} AS of_order
        FROM (SELECT *, coalesce({BACK}, false) AS is_back FROM unordered);
        DROP TABLE unordered;
        CREATE TABLE orders AS
        SELECT file_no, of_order, min("row") AS first_row, {", ".join(aggregates.values())},
            bool_or(len(reasons) > 0) AS broken,
            list_filter([{differing}]::VARCHAR[], lambda x: x IS NOT NULL) AS differing
        FROM lines GROUP BY file_no, of_order;
        CREATE TABLE converted AS
        SELECT file_no, first_row AS "row", {names}, CAST([] AS VARCHAR[]) AS reasons
        FROM orders WHERE NOT broken AND len(differing) = 0
        UNION ALL
        SELECT file_no, "row", {", ".join(f"lines.{name}" for name in aggregates)},
            CASE WHEN len(lines.reasons) > 0 THEN lines.reasons WHEN len(differing) > 0 THEN differing
                ELSE ['{ANOTHER}'] END
        FROM lines JOIN orders USING (file_no, of_order) WHERE broken OR len(differing) > 0;
        INSERT INTO folded
        SELECT file_no, "row" FROM lines JOIN orders USING (file_no, of_order)
        WHERE NOT broken AND len(differing) = 0 AND "row" <> first_row;
        DROP TABLE lines; DROP TABLE orders;
    """)  # noqa: S608
