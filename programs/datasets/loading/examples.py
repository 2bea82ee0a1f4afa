"""For every reason to reject a row: an example from the file, what is accepted instead, what to say."""

from __future__ import annotations

import duckdb

from programs.datasets.contracts import Contract, ContractColumn, Type
from programs.datasets.loading.staging import Staged

LONGEST = 40
DATES = (
    "2026-03-31, 2026-03-31 14:05 or 2026-03-31T14:05:00+02:00, and 31/03/2026 with date_format=dmy or mdy"
)
SHAPES = {
    Type.TIMESTAMP: DATES,
    Type.DATE: "2026-03-31, and 31/03/2026 with date_format=dmy or mdy",
    Type.INTEGER: "12 or 1,234, and 1.234 with decimal_separator=,",
    Type.DECIMAL: "1234.5 or 1,234.5, and 1.234,5 with decimal_separator=,",
    Type.MONEY: "1234.50, $1,234.50 or (12.50), and 1.234,50 with decimal_separator=,",
    Type.BOOLEAN: "yes, no, true, false, 1 or 0; other words by value_map",
    Type.CURRENCY: "codes such as EUR; names by value_map, as currency: Euro=EUR",
}


def examples(
    connection: duckdb.DuckDBPyConnection, staged: list[Staged], contract: Contract, reasons: dict[str, int]
) -> dict[str, str]:
    """Reason → where it is seen first, with the value: “never” in row 3 of orders.csv."""
    found = connection.execute("""
        SELECT reason, min((file_no, "row")) FROM (SELECT file_no, "row", unnest(reasons) AS reason FROM fate)
        GROUP BY reason
    """).fetchall()
    told = {}
    for reason, place in found:
        if reason in reasons:
            number, row = place.values() if isinstance(place, dict) else place
            told[reason] = _example(connection, staged[number], reason, row)
    return told


def _example(connection: duckdb.DuckDBPyConnection, file: Staged, reason: str, row: int) -> str:
    where = f"row {row:,} of {file.raw.name}"
    column = reason.partition(":")[0]
    if column not in file.columns:
        return where
    query = f'SELECT c{file.columns[column]} FROM {file.view} WHERE "row" = $row'  # noqa: S608
    cell = connection.execute(query, {"row": row}).fetchone()
    text = (cell[0] if cell else None) or ""
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return f"“{shown}” in {where}" if shown else where


def remedy(contract: Contract, reason: str, example: str) -> str:
    """What would be accepted in the place of what was rejected, and the option that settles it."""
    name, separator, words = reason.partition(": ")
    column = contract.by_name.get(name)
    if column is None or not separator:
        return ""
    if words == "missing":
        return f"Set another column, as {name}=… in the mapping, or one value for all, as constants={name}=…."
    if words == contract_sign(contract, name):
        return "Set sign_rule=negative_redeems if points below zero were redeemed."
    if words.startswith("stands for nobody"):
        return f"Set the column that names the buyer, such as an e-mail, as {name}=… in the mapping."
    return _accepted(column, example)


def contract_sign(contract: Contract, name: str) -> str:
    """The words of the rule about the sign of points."""
    return next((rule.reason for rule in contract.rules if rule.column == name == "points"), "")


def _accepted(column: ContractColumn, example: str) -> str:
    if column.type is Type.CATEGORY:
        theirs = example.partition("“")[2].partition("”")[0] or "theirs"
        allowed = ", ".join(column.allowed)
        return f"Set what it means, as value_map={column.name}: {theirs}=… with one of {allowed}."
    if column.type in SHAPES:
        return f"Accepted: {SHAPES[column.type]}."
    return ""
