"""How a file writes dates and decimals: found from the whole column, and never guessed where both fit."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from programs.datasets.contracts import Type
from programs.datasets.engines.session import one_row
from programs.datasets.loading.limits import Options
from programs.datasets.loading.problems import Problem

ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?)?$"
ISO_ZONED = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)? ?(Z|UTC|[+-]\d{2}(:?\d{2})?)$"
TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", "T%H:%M:%S")
DAYS = {
    "dmy": ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y"),
    "mdy": ("%m/%d/%Y", "%m.%d.%Y", "%m-%d-%Y", "%b %d, %Y", "%B %d, %Y"),
    "ymd": ("%Y%m%d", "%Y/%m/%d", "%Y.%m.%d"),
}
NAMES = {"dmy": "day, month, year", "mdy": "month, day, year", "ymd": "year, month, day"}
TIMES_AND_DATES = (Type.TIMESTAMP, Type.DATE)
NUMBERS = (Type.INTEGER, Type.DECIMAL, Type.MONEY)


def formats(order: str) -> list[str]:
    """The strptime formats of an order of day, month and year, with and without a time of day."""
    return [day + time for day in DAYS[order] for time in TIMES]


@dataclass(frozen=True, slots=True)
class Convention:
    """How one column of one file is written: ``date_order`` or ``decimal`` separator, as applies."""

    date_order: str = "ymd"
    decimal: str = "."


def detect_dates(
    connection: duckdb.DuckDBPyConnection, view: str, cell: str, where: str, options: Options
) -> tuple[Convention, list[Problem], list[str]]:
    """The order of day, month and year in ``cell`` of ``view``; ISO 8601 is always read."""
    if options.date_format:
        return Convention(date_order=options.date_format), [], []
    counts = ", ".join(f"count(try_strptime(value, ${order}))" for order in DAYS)
    query = f"""
        SELECT {counts}, any_value(value)
        FROM (SELECT trim({cell}) AS value FROM {view})
        WHERE value <> '' AND NOT regexp_matches(value, $iso) AND NOT regexp_matches(value, $zoned)
    """  # noqa: S608
    parameters = {order: formats(order) for order in DAYS} | {"iso": ISO, "zoned": ISO_ZONED}
    *found, example = one_row(connection, query, parameters)
    fits = dict(zip(DAYS, found, strict=True))
    most = max(found)
    if most == 0:
        return Convention(), [], []
    best = [order for order, count in fits.items() if count == most]
    if len(best) > 1:
        problem = Problem(
            where,
            f"Dates like “{example}” can be read as {' or as '.join(NAMES[order] for order in best)}; "
            "say date_format.",
            allowed=tuple(best),
            code="ambiguous_dates",
        )
        return Convention(), [problem], []
    return Convention(date_order=best[0]), [], [f"{where}: dates read as {NAMES[best[0]]}"]


def detect_decimals(
    connection: duckdb.DuckDBPyConnection, view: str, cell: str, where: str, options: Options
) -> tuple[Convention, list[Problem], list[str]]:
    """The decimal separator of ``cell`` in ``view``.

    A value with both separators, a separator twice, or one not followed by three digits tells. Where only
    values like 1,234 occur, both readings fit and the person loading must say.
    """
    if options.decimal_separator:
        return Convention(decimal=options.decimal_separator), [], []
    query = f"""
        SELECT
            count(*) FILTER (regexp_matches(value, '\\.\\d*$') AND NOT regexp_matches(value, '\\.\\d{{3}}$')
                OR regexp_matches(value, ',.*\\.') OR regexp_matches(value, ',.*,')
                OR regexp_matches(value, '^0\\.') OR regexp_matches(value, '\\d{{4,}}\\.')),
            count(*) FILTER (regexp_matches(value, ',\\d*$') AND NOT regexp_matches(value, ',\\d{{3}}$')
                OR regexp_matches(value, '\\..*,') OR regexp_matches(value, '\\..*\\.')
                OR regexp_matches(value, '^0,') OR regexp_matches(value, '\\d{{4,}},')),
            count(*) FILTER (regexp_matches(value, '[.,]')),
            any_value(value) FILTER (regexp_matches(value, '[.,]'))
        FROM (SELECT regexp_replace({cell}, '[^0-9.,]', '', 'g') AS value FROM {view})
    """  # noqa: S608
    points, commas, any_separator, example = one_row(connection, query)
    if not any_separator or points > commas:
        return Convention(), [], []
    if commas > points:
        return Convention(decimal=","), [], [f"{where}: the comma read as decimal separator"]
    problem = Problem(
        where,
        f"Numbers like “{example}” can be read with either decimal separator; say decimal_separator.",
        allowed=(".", ","),
        code="ambiguous_decimals",
    )
    return Convention(), [problem], []
