"""New rows beside those that are current: months, sums, members. Nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from gtm.core.money import Money
from programs.datasets.contracts import Contract, Type, contract_of
from programs.datasets.engines.session import hardened, one_row
from programs.datasets.loading.addition import stored_rows
from programs.datasets.loading.limits import Limits

MOST_MONTHS = 36


@dataclass(frozen=True, slots=True)
class MonthComparison:
    """A local month, “2026-03”; the sums are amounts with their currency or unit, as text."""

    month: str
    rows_before: int
    rows_new: int
    sums_before: tuple[str, ...]
    sums_new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SnapshotComparison:
    """``measure`` is the column that the months sum, "" where the kind has none.

    Members are counted where the kind has them: ``members_both`` are in both. ``months`` are the last ones,
    ``months_before_these`` more are left out. ``same_keys`` new rows have the key of one that is there.
    """

    measure: str
    months: tuple[MonthComparison, ...]
    months_before_these: int
    members_before: int
    members_new: int
    members_both: int
    has_members: bool
    key: tuple[str, ...]
    same_keys: int


def compare(
    new: Path, there: Path | None, kind: str, zone: str, *, limits: Limits | None = None
) -> SnapshotComparison:
    """The rows at ``new`` beside those at ``there``, if any; months are those of ``zone``."""
    contract = contract_of(kind)
    folders = [path.parent for path in (new, there) if path]
    with hardened(folders, limits or Limits()) as connection:
        connection.execute(f"CREATE TEMP VIEW new AS {stored_rows(connection, contract, new, 'new_stored')}")
        nothing = "SELECT * FROM new WHERE false"
        rows = stored_rows(connection, contract, there, "there_stored") if there else nothing
        connection.execute(f"CREATE TEMP VIEW there AS {rows}")
        measure = _measure(contract)
        months = _months(connection, contract, measure, zone)
        has_members = "member_id" in contract.by_name
        before, now, both = _members(connection) if has_members else (0, 0, 0)
        same = _same_keys(connection, contract) if contract.key else 0
    return SnapshotComparison(
        measure,
        tuple(months[-MOST_MONTHS:]),
        max(0, len(months) - MOST_MONTHS),
        before,
        now,
        both,
        has_members,
        contract.key,
        same,
    )


def _measure(contract: Contract) -> str:
    """The first column of money, else of something else that adds up, such as points."""
    money = contract.money
    counted = [c.name for c in contract.columns if c.type is Type.DECIMAL and c.unit]
    return next(iter((*money, *counted)), "")


def _months(
    connection: duckdb.DuckDBPyConnection, contract: Contract, measure: str, zone: str
) -> list[MonthComparison]:
    if not contract.time:
        return []
    unit = "NULL"
    if measure and contract.by_name[measure].type is Type.MONEY and "currency" in contract.by_name:
        unit = "currency"
    time = contract.time
    if contract.by_name[time].type is Type.TIMESTAMP:
        time = f"{time} AT TIME ZONE $zone"
    query = " UNION ALL ".join(
        f"SELECT {is_new} AS is_new, strftime({time}, '%Y-%m') AS month, {unit} AS unit, count(*), "  # noqa: S608
        f"sum({measure or 'NULL'}) FROM {rows} GROUP BY ALL"
        for rows, is_new in (("there", 0), ("new", 1))
    )
    parameters = {"zone": zone} if "$zone" in query else {}
    found: dict[str, tuple[list[int], tuple[list[str], list[str]]]] = {}
    counted = connection.execute(f"SELECT * FROM ({query}) ORDER BY month, is_new, unit", parameters)  # noqa: S608
    for is_new, month, code, count, total in counted.fetchall():
        rows, sums = found.setdefault(month or "", ([0, 0], ([], [])))
        rows[is_new] += count
        if total is not None:
            shown = code or ("" if unit == "currency" else contract.by_name[measure].unit)
            sums[is_new].append(_amount(total, shown, is_money=unit == "currency"))
    return [
        MonthComparison(month, rows[0], rows[1], tuple(sums[0]), tuple(sums[1]))
        for month, (rows, sums) in found.items()
    ]


def _amount(total: Decimal, unit: str, *, is_money: bool) -> str:
    return str(Money(total, unit)) if is_money else f"{total.normalize():,f} {unit}".strip()


def _members(connection: duckdb.DuckDBPyConnection) -> tuple[int, int, int]:
    query = """
        SELECT
            (SELECT count(DISTINCT member_id) FROM there), (SELECT count(DISTINCT member_id) FROM new),
            (SELECT count(*) FROM (SELECT DISTINCT member_id FROM new) SEMI JOIN there USING (member_id))
    """
    before, now, both = one_row(connection, query)
    return before, now, both


def _same_keys(connection: duckdb.DuckDBPyConnection, contract: Contract) -> int:
    key, keyed = ", ".join(contract.key), contract.has_key
    query = f"""
        SELECT count(*) FROM (FROM new WHERE {keyed}) SEMI JOIN (FROM there WHERE {keyed}) USING ({key})
    """  # noqa: S608
    (count,) = one_row(connection, query)
    return int(count)
