"""Which rows of a file are loaded: not its footer, and what the filters let through."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from programs.datasets.loading.folding import fill_order_cells
from programs.datasets.loading.limits import Options
from programs.datasets.loading.said import Said
from programs.datasets.loading.words import fold
from programs.datasets.readers import RawFile

FOOTER = "one of the last rows, which footer_rows leaves out"
SUMMED = ("quantity",)


def position(raw: RawFile, name: str) -> int | None:
    """Where a column is that an option names: as it is written, else without case and punctuation."""
    if name in raw.headers:
        return raw.headers.index(name)
    alike = [index for index, header in enumerate(raw.headers) if fold(header) == fold(name)]
    return alike[0] if len(alike) == 1 else None


def select_rows(
    connection: duckdb.DuckDBPyConnection,
    raw: RawFile,
    number: int,
    view: str,
    columns: dict[str, int],
    places: dict[str, int],
    options: Options,
    said: Said,
) -> RawFile:
    """Create ``view`` of the rows to load, note the others in ``left_out``; return the file without them."""
    rows = f"{view}_read"
    connection.read_parquet(str(raw.path)).create_view(rows)
    if options.line_items == "order_total" and "order_id" in columns:
        cells = {index for name, index in columns.items() if name not in (*SUMMED, "order_id")} | {
            *places.values()
        }
        filled = f"{view}_filled"
        fill_order_cells(connection, rows, filled, columns["order_id"], sorted(cells - {columns["order_id"]}))
        rows = filled
    conditions = []
    if said.footer_rows and not raw.is_cut:  # the last of the first rows are not the last of the file
        last = raw.rows - said.footer_rows
        conditions.append((f'"row" <= {last}', FOOTER))
        broken = [row for row in raw.broken if row.row > last]
        for row in broken:
            connection.execute("INSERT INTO left_out VALUES ($1, $2, $3)", [number, row.row, FOOTER])
        raw = replace(raw, broken=tuple(row for row in raw.broken if row.row <= last))
    for index, each in enumerate(said.filters):
        wanted = f"{view}_filter{index}"
        connection.execute(f"CREATE TABLE {wanted} (value VARCHAR)")
        connection.execute(f"INSERT INTO {wanted} SELECT unnest($1)", [list(each.values)])
        value = f"coalesce(lower(trim(c{places[each.column]})), '')"
        inside = f"{value} {'NOT IN' if each.but else 'IN'} (FROM {wanted})"
        conditions.append((inside, f"left out by filters: {each.sentence()}"))
    kept = " AND ".join(f"({condition})" for condition, _ in conditions) or "true"
    connection.execute(f"CREATE VIEW {view} AS SELECT * FROM {rows} WHERE {kept}")  # noqa: S608
    before = ""
    for condition, reason in conditions:
        connection.execute(
            f'INSERT INTO left_out SELECT {number}, "row", $1 FROM {rows} WHERE NOT ({condition}){before}',  # noqa: S608
            [reason],
        )
        before += f" AND ({condition})"
    return raw
