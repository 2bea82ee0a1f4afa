"""What is odd about rows that were accepted: said aloud with the load, because only a person knows better."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from gtm.core.money import MINOR_DIGITS
from programs.datasets.contracts import Contract
from programs.datasets.engines.session import one_row
from programs.datasets.loading.conversion import PEOPLE

FEWEST_ROWS = 100
LARGEST_SHARE = 0.1
"""Of the rows, for one person among at least a hundred rows."""


def cautions(connection: duckdb.DuckDBPyConnection, contract: Contract, identical: int) -> list[str]:
    """Sentences about the view ``accepted``; ``identical`` of its rows look like another and have no key."""
    return [
        *_identical(contract, identical),
        *_one_for_many(connection, contract),
        *_fractions(connection, contract),
    ]


def _identical(contract: Contract, identical: int) -> Iterator[str]:
    if identical:
        key = " and ".join(contract.key) or "number of their own"
        yield (
            f"Rows that say the same as another row of their file and have no {key}: {identical:,}. Each "
            "counts. If the file repeats its rows, load it with the column that numbers them."
        )


def _one_for_many(connection: duckdb.DuckDBPyConnection, contract: Contract) -> Iterator[str]:
    """An identifier that stands for everybody without an account would be the best customer of all."""
    for name in PEOPLE:
        if name not in contract.by_name or name in contract.key:
            continue
        query = f"SELECT count({name}), approx_count_distinct({name}) FROM accepted"  # noqa: S608
        rows, people = one_row(connection, query)
        if rows < FEWEST_ROWS or people > rows / 2:
            continue
        (most,) = one_row(
            connection,
            f"SELECT max(times) FROM (SELECT count(*) AS times FROM accepted WHERE {name} IS NOT NULL "  # noqa: S608
            f"GROUP BY {name})",
        )
        if most >= LARGEST_SHARE * rows and people * LARGEST_SHARE >= 2:
            yield (
                f"One {name} has {most:,} of the {rows:,} rows. If it stands for everybody without an "
                "account, load the file again with nobody=… and that identifier."
            )


def _fractions(connection: duckdb.DuckDBPyConnection, contract: Contract) -> Iterator[str]:
    """Yen have no decimals: such amounts are of another currency, or computed."""
    if "currency" not in contract.by_name:
        return
    for name in contract.money:
        for digits, codes in MINOR_DIGITS.items():
            found = connection.execute(
                f"SELECT currency, count(*), any_value({name}) FROM accepted "  # noqa: S608
                f"WHERE currency IN {tuple(codes)} AND {name} <> round({name}, {digits}) "
                "GROUP BY currency ORDER BY currency"
            ).fetchall()
            for currency, count, example in found:
                decimals = f"{digits} decimals" if digits else "no decimals"
                yield (
                    f"Rows with a “{name}” in {currency} that it cannot have, such as "
                    f"{example.normalize():f}: {count:,}. {currency} has {decimals}; check that this is "
                    "their currency."
                )
