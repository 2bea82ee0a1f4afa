"""How each file of a load was read, shown by its first accepted rows: the cell and what became of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb

from gtm.core.money import exact_text
from programs.datasets.contracts import Contract, Type
from programs.datasets.loading.staging import Staged


@dataclass(frozen=True, slots=True)
class SampleCell:
    """What the file says, "" where it has no such column, and how we read it."""

    written: str
    read: str


@dataclass(frozen=True, slots=True)
class SampleRow:
    row: int
    cells: dict[str, SampleCell]


@dataclass(frozen=True, slots=True)
class FileReading:
    """``conventions``: our column → how it is written. ``currency``: of the rows that name none."""

    conventions: dict[str, dict[str, Any]]
    currency: str
    samples: tuple[SampleRow, ...]


def readings(
    connection: duckdb.DuckDBPyConnection, staged: list[Staged], contract: Contract, first: int
) -> dict[str, FileReading]:
    """File → how it was read, with its ``first`` rows. Asked when every row has its fate."""
    found = {}
    for number, file in enumerate(staged):
        how = {name: asdict(file.conventions[name]) for name in file.columns}
        samples = _samples(connection, number, file, contract, first)
        found[file.raw.name] = FileReading(how, file.currency, samples)
    return found


def _samples(
    connection: duckdb.DuckDBPyConnection, number: int, file: Staged, contract: Contract, first: int
) -> tuple[SampleRow, ...]:
    names = [column.name for column in contract.columns]
    good = connection.execute(f"""
        SELECT "row", {", ".join(names)} FROM good ANTI JOIN fate USING (file_no, "row")
        WHERE file_no = {number} ORDER BY "row" LIMIT {first}
    """)  # noqa: S608
    read = {row: dict(zip(names, values, strict=True)) for row, *values in _rows(good)}
    if not read:
        return ()
    cells = ", ".join(f"c{index}" for index in file.columns.values())
    listed = ", ".join(str(int(row)) for row in read)
    query = f'SELECT "row", {cells} FROM {file.view} WHERE "row" IN ({listed}) ORDER BY "row"'  # noqa: S608
    raw = connection.execute(query)
    written = {row: dict(zip(file.columns, values, strict=True)) for row, *values in _rows(raw)}
    return tuple(
        SampleRow(
            row,
            {
                name: SampleCell(str(written[row].get(name) or ""), _read(contract, name, values))
                for name, value in values.items()
                if value is not None or name in file.columns
            },
        )
        for row, values in read.items()
    )


def _rows(answer: duckdb.DuckDBPyConnection) -> list[list[Any]]:
    return [list(row.values()) for row in answer.to_arrow_table().to_pylist()]


def _read(contract: Contract, name: str, values: dict[str, Any]) -> str:
    """A value as it was read; an amount with the decimals of its row's currency."""
    value = values[name]
    if value is not None and contract.by_name[name].type is Type.MONEY:
        return exact_text(value, values.get("currency") or "")
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
