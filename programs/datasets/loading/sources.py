"""Two shops both have an order 1001: a source name tells them apart, and where it is needed we ask."""

from __future__ import annotations

from pathlib import PurePosixPath

import duckdb

from programs.datasets.contracts import Contract, Type
from programs.datasets.loading.limits import Options
from programs.datasets.loading.problems import Problem
from programs.datasets.readers import RawFile

BY_FILE = "by_file"
REFERENCES = ("order_id", "referral_id")
ORIGINAL = "original_id"
"""The number of the row that a refund changes, as the file says it beside a number of the refund's own."""


def source_of(raw: RawFile, options: Options) -> str:
    """The name of the shop or system that a file is of."""
    return PurePosixPath(raw.name).name.split(".")[0] if options.source == BY_FILE else options.source


def of_source(values: dict[str, str], contract: Contract, source: str) -> None:
    """Put the source before every number that the shop gave; people stay who they are."""
    for column in contract.columns:
        is_number = column.type is Type.TEXT and not column.personal and column.name.endswith("_id")
        if column.name in values and is_number and column.name in (*contract.key, *REFERENCES):
            values[column.name] = f"{source} || ':' || ({values[column.name]})"
    if ORIGINAL in values:
        values[ORIGINAL] = f"{source} || ':' || ({values[ORIGINAL]})"


def ask_for_sources(
    connection: duckdb.DuckDBPyConnection, raws: list[RawFile], contract: Contract, options: Options
) -> list[Problem]:
    """The question whether files are of several shops: one order number has different members in them."""
    if options.source or len(raws) < 2 or "member_id" not in contract.by_name or len(contract.key) != 1:
        return []
    (key,) = contract.key
    if key == "member_id":
        return []
    row = connection.execute(f"""
        SELECT {key}, min(member_id), max(member_id), min_by(file_no, member_id), max_by(file_no, member_id)
        FROM good WHERE {key} IS NOT NULL GROUP BY {key}
        HAVING min(member_id) <> max(member_id) AND min_by(file_no, member_id) <> max_by(file_no, member_id)
        ORDER BY {key} LIMIT 1
    """).fetchone()  # noqa: S608
    if row is None:
        return []
    number, one, other, first, second = row
    return [
        Problem(
            f"{raws[first].name}, {raws[second].name}",
            f"{key} {number} is of {one} in {raws[first].name} and of {other} in {raws[second].name}. If "
            "these are two shops, set source=by_file, or load each with its own source.",
            allowed=(BY_FILE, "a name of the shop"),
            code="several_sources",
        )
    ]
