"""What stored rows come to: how many, of which days, and their sums by status, kind of entry and the like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from gtm.core.money import exact_text
from programs.datasets.contracts import CONTRACTS, Contract, ContractColumn, Type
from programs.datasets.engines.session import hardened
from programs.datasets.loading.limits import Limits
from programs.datasets.local_time import on_wall_clock
from programs.datasets.snapshots.store import Snapshot

Sums = dict[str, dict[str, str]]
"""Column → currency or unit → sum, as text of a decimal."""


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """The rows with one value of a column such as ``status``; ``value`` is "" where it is empty."""

    column: str
    value: str
    rows: int
    sums: Sums


@dataclass(frozen=True, slots=True)
class SnapshotSummary:
    """``first_day`` and ``last_day`` are local days as ISO dates, "" for a kind without time."""

    rows: int
    first_day: str
    last_day: str
    sums: Sums
    groups: tuple[GroupSummary, ...]

    def sentence(self) -> str:
        """All of it but the groups, in a few words."""
        return summary_sentence(asdict(self))


def summary_sentence(summary: Mapping[str, Any]) -> str:
    """Rows, days and sums: “39 rows, 2024-01-01 to 2024-06-18, amount 820.50 USD”."""
    days = f", {summary['first_day']} to {summary['last_day']}" if summary["first_day"] else ""
    return f"{summary['rows']:,} rows{days}{sums_sentence(summary['sums'])}"


def sums_sentence(sums: Mapping[str, Mapping[str, str]]) -> str:
    """ ", amount 12.50 EUR and 7.00 USD, points 20 points"; empty where there is nothing to add."""
    parts = (
        f"{column} {' and '.join(f'{Decimal(value):,} {unit}'.rstrip() for unit, value in found.items())}"
        for column, found in sums.items()
    )
    return "".join(f", {part}" for part in parts)


def summarise(rows: Path, snapshot: Snapshot, zone: str, limits: Limits | None = None) -> SnapshotSummary:
    """The summary of a snapshot whose rows are at ``rows``; its days are those of ``zone``."""
    contract = CONTRACTS[snapshot.kind]
    with hardened([rows.parent], limits or Limits()) as connection:
        relation = connection.read_parquet(str(rows.resolve()))
        stored = set(relation.columns)
        relation.create_view("stored")
        measures = [c for c in contract.columns if _adds_up(c) and c.name in stored]
        totals = _grouped(connection, contract, stored, "NULL", measures)
        groups = [
            GroupSummary(column.name, value, count, sums)
            for column in contract.columns
            if column.type is Type.CATEGORY and column.name in stored
            for value, (count, sums) in _grouped(connection, contract, stored, column.name, measures).items()
            if value or count < snapshot.rows
        ]
    known = without_rows(snapshot, zone)
    return replace(known, sums=totals[""][1] if totals else {}, groups=tuple(groups))


def without_rows(snapshot: Snapshot, zone: str) -> SnapshotSummary:
    """What is known of a snapshot without its rows: their number and days."""
    ends = (snapshot.window_start, snapshot.window_end)
    first, last = (on_wall_clock(at, zone).date().isoformat() if at else "" for at in ends)
    return SnapshotSummary(snapshot.rows, first, last, {}, ())


def _adds_up(column: ContractColumn) -> bool:
    return column.type is Type.MONEY or (column.type is Type.DECIMAL and bool(column.unit))


def _grouped(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    stored: set[str],
    group: str,
    measures: list[ContractColumn],
) -> dict[str, tuple[int, Sums]]:
    """Value → (rows, sums). Rows of several currencies are never added."""
    currency = "currency" if "currency" in contract.by_name and "currency" in stored else "NULL"
    listed = "".join(f", sum({column.name})" for column in measures)
    query = f"""
        SELECT {group}::VARCHAR AS value, {currency}::VARCHAR AS currency, count(*){listed}
        FROM stored GROUP BY ALL ORDER BY ALL
    """  # noqa: S608
    found: dict[str, tuple[int, Sums]] = {}
    for value, code, count, *amounts in connection.execute(query).fetchall():
        rows, sums = found.get(value or "", (0, {}))
        for column, amount in zip(measures, amounts, strict=True):
            if amount is not None:
                _add(sums, column, code, amount)
        found[value or ""] = (rows + count, sums)
    return found


def _add(sums: Sums, column: ContractColumn, currency: str | None, amount: Any) -> None:
    unit = (currency or "") if column.type is Type.MONEY else column.unit
    units = sums.setdefault(column.name, {})
    total = Decimal(units.get(unit, 0)) + amount
    units[unit] = exact_text(total, unit) if column.type is Type.MONEY else f"{total.normalize():f}"
