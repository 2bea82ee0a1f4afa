"""How a file writes dates and decimals: found from the whole column, and never guessed where both fit."""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

from programs.datasets.contracts import Type
from programs.datasets.engines.session import one_row
from programs.datasets.loading.limits import Options
from programs.datasets.loading.problems import Problem

ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?)?$"
ISO_ZONED = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)? ?(Z|UTC|[+-]\d{2}(:?\d{2})?)$"
ZONES = {
    "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "GMT": 0, "UTC": 0, "Z": 0,
}  # fmt: skip
"""Short names of zones after a time, in hours from UTC: those of RFC 822 and of Europe. CST is none of them:
it is Chicago and Shanghai."""
CLOCK = r"\d:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?: ?[AaPp][Mm])?"
ZONED = rf"^(.*{CLOCK}) ?({'|'.join(ZONES)}|[+-]\d{{2}}:?\d{{2}})$"
"""A time with its zone, however its day is written: the time, the zone."""
TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", "T%H:%M:%S")
DAYS = {
    "dmy": ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y"),
    "mdy": ("%m/%d/%Y", "%m.%d.%Y", "%m-%d-%Y", "%b %d, %Y", "%B %d, %Y"),
    "ymd": ("%Y%m%d", "%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d"),
}
SHORT_YEARS = {
    "dd/mm/yy": ("%d/%m/%y", "%d.%m.%y", "%d-%m-%y", "%d %b %y", "%d-%b-%y"),
    "mm/dd/yy": ("%m/%d/%y", "%m.%d.%y", "%m-%d-%y", "%b %d, %y"),
}
"""Read only where it is said: 68 is 2068 and 69 is 1969, as POSIX has it."""
COUNTED_DAYS = {
    "excel": ("days since 1899-12-30, as a spreadsheet counts them", r"^\d{5}(\.\d+)?$"),
    "unix": ("seconds since 1970-01-01 UTC", r"^\d{9,10}(\.\d+)?$"),
    "unix_ms": ("milliseconds since 1970-01-01 UTC", r"^\d{12,13}(\.\d+)?$"),
}
"""Dates that are numbers: what they count, and their shape. Read only where it is said."""
SHORT = r"^\d{1,2}[./-](\d{1,2}|[A-Za-z]{3})[./-]\d{2}([ ,T]|$)"
NAMES = {"dmy": "day, month, year", "mdy": "month, day, year", "ymd": "year, month, day"}
TIMES_AND_DATES = (Type.TIMESTAMP, Type.DATE)
FEWEST_TO_DOUBT = 3  # of either kind: days up to 12 three times over happen by chance once in 15
NUMBERS = (Type.INTEGER, Type.DECIMAL, Type.MONEY)


def formats(order: str) -> list[str]:
    """The strptime formats of an order of day, month and year, with and without a time of day."""
    if order in COUNTED_DAYS:
        return []
    return [day + time for day in (DAYS | SHORT_YEARS)[order] for time in TIMES]


@dataclass(frozen=True, slots=True)
class Convention:
    """How one column of one file is written: ``date_order`` and ``zone``, or ``decimal`` separator.

    ``zone`` is what the header says: “Created date (UTC)”.
    """

    date_order: str = "ymd"
    decimal: str = "."
    zone: str = ""


def detect_dates(
    connection: duckdb.DuckDBPyConnection, view: str, cell: str, where: str, options: Options
) -> tuple[Convention, list[Problem], list[str]]:
    """The order of day, month and year in ``cell`` of ``view``; ISO 8601 is always read."""
    if options.date_format:
        return Convention(date_order=options.date_format), [], []
    problem = _short_years(connection, view, cell, where)
    problem = problem or _numbers_for_dates(connection, view, cell, where)
    problem = problem or _contradicting_dates(connection, view, cell, where)
    if problem:
        return Convention(), [problem], []
    counts = ", ".join(
        f"coalesce(sum(times) FILTER (try_strptime(value, ${order}) IS NOT NULL), 0)" for order in DAYS
    )
    query = f"""
        {_distinct_dates(view, cell)}
        SELECT {counts}, (SELECT value FROM ({_other_dates(view, cell)}) LIMIT 1) FROM other
    """  # noqa: S608
    *found, example = one_row(connection, query, _orders())
    fits = dict(zip(DAYS, found, strict=True))
    most = max(found)
    if most == 0:
        return Convention(), [], []
    best = [order for order, count in fits.items() if count == most]
    if len(best) > 1:
        problem = Problem(
            where,
            f"Dates like “{example}” can be read as {' or as '.join(NAMES[order] for order in best)}; "
            "set date_format.",
            allowed=tuple(best),
            code="ambiguous_dates",
        )
        return Convention(), [problem], []
    return Convention(date_order=best[0]), [], [f"{where}: dates read as {NAMES[best[0]]}"]


def _other_dates(view: str, cell: str) -> str:
    """SQL of the values that are not ISO 8601, which is always read."""
    return f"""
        SELECT regexp_replace(value, '{ZONED}', '\\1') AS value
        FROM (SELECT trim({cell}) AS value FROM {view})
        WHERE value <> '' AND NOT regexp_matches(value, $iso) AND NOT regexp_matches(value, $zoned)
    """  # noqa: S608


def _distinct_dates(view: str, cell: str) -> str:
    """SQL of the tables ``other`` and ``iso``: each value that occurs, and how many times.

    Two years of purchases have 730 dates, however many rows. Materialised, or DuckDB tries a hundred formats
    on every row, and again for every question, before it asks whether the row is ISO 8601.
    """
    return f"""
        WITH iso AS MATERIALIZED (
            SELECT trim({cell}) AS value, count(*) AS times FROM {view}
            WHERE regexp_matches(trim({cell}), $iso) OR regexp_matches(trim({cell}), $zoned) GROUP BY ALL
        ), other AS MATERIALIZED (
            SELECT value, count(*) AS times FROM ({_other_dates(view, cell)}) GROUP BY ALL
        )
    """  # noqa: S608


def _orders() -> dict[str, object]:
    return {order: formats(order) for order in DAYS} | {"iso": ISO, "zoned": ISO_ZONED}


def _short_years(connection: duckdb.DuckDBPyConnection, view: str, cell: str, where: str) -> Problem | None:
    """A column whose years all have two digits. Nothing is ever stored in the year 24."""
    values = f"SELECT trim({cell}) AS value FROM {view} WHERE value <> ''"  # noqa: S608
    first = connection.execute(f"{values} LIMIT 1").fetchone()
    if first is None or not re.search(SHORT, first[0]):
        return None
    query = f"SELECT count(*) FROM ({values}) WHERE NOT regexp_matches(value, $short)"  # noqa: S608
    if one_row(connection, query, {"short": SHORT})[0]:
        return None
    return Problem(
        where,
        f"“{first[0]}” and the others have years of two digits; a year needs four digits: set date_format.",
        allowed=tuple(SHORT_YEARS),
        code="short_years",
    )


def _numbers_for_dates(
    connection: duckdb.DuckDBPyConnection, view: str, cell: str, where: str
) -> Problem | None:
    """A column of numbers that count days, seconds or milliseconds."""
    values = f"SELECT trim({cell}) AS value FROM {view} WHERE value <> ''"  # noqa: S608
    first = connection.execute(f"{values} LIMIT 1").fetchone()
    for name, (counts, shape) in COUNTED_DAYS.items():
        if first is None or not re.search(shape, first[0]):
            continue
        query = f"SELECT count(*) FROM ({values}) WHERE NOT regexp_matches(value, $shape)"  # noqa: S608
        if one_row(connection, query, {"shape": shape})[0]:
            continue
        return Problem(
            where,
            f"“{first[0]}” and the others are numbers, perhaps {counts}: set date_format.",
            allowed=(name,),
            code="numbers_for_dates",
        )
    return None


def _contradicting_dates(
    connection: duckdb.DuckDBPyConnection, view: str, cell: str, where: str
) -> Problem | None:
    """What no order of day and month explains. It is never settled by what most of the rows say.

    Either a date that has its day first stands beside one that has its month first; or a spreadsheet has
    turned the dates it could read (days up to 12) into real ones, day and month swapped, and left the others
    as text.
    """
    query = f"""
        {_distinct_dates(view, cell)}, read AS MATERIALIZED (
            SELECT value, times,
                try_strptime(value, $dmy) IS NOT NULL AS dmy, try_strptime(value, $mdy) IS NOT NULL AS mdy
            FROM other
        )
        SELECT
            min(value) FILTER (dmy AND NOT mdy), min(value) FILTER (mdy AND NOT dmy),
            coalesce(sum(times) FILTER (dmy AND mdy), 0), coalesce(sum(times) FILTER (dmy <> mdy), 0),
            (SELECT coalesce(sum(times), 0) FROM iso), (SELECT min(value) FROM iso),
            (SELECT coalesce(max(try_cast(value[9:10] AS INTEGER)), 0) FROM iso)
        FROM read
    """  # noqa: S608
    day_first, month_first, either, one_way, real, example, latest = one_row(
        connection, query, {name: value for name, value in _orders().items() if name != "ymd"}
    )
    if day_first and month_first:
        return Problem(
            where,
            f"“{day_first}” has its day first and “{month_first}” its month first. Write the dates of one "
            "file in one way, or set date_format and get the others back as rejected rows.",
            allowed=("dmy", "mdy"),
            code="contradicting_dates",
        )
    text = day_first or month_first
    if text and not either and min(one_way, real) >= FEWEST_TO_DOUBT and latest <= 12:
        order = "dmy" if day_first else "mdy"
        return Problem(
            where,
            f"Dates like “{example}” all have a day up to 12 and those like “{text}” all have one above: a "
            "spreadsheet may have swapped day and month of the first kind. Export them as text; or set "
            f"date_format={order} if “{example}” is year, month, day.",
            allowed=(order,),
            code="half_converted_dates",
        )
    return None


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
            any_value(value) FILTER (regexp_matches(value, '[.,]')),
            min(value) FILTER (regexp_matches(value, '^\\d+\\.(\\d{{1,2}}|\\d{{4,}})$')
                OR regexp_matches(value, ',.*\\.')),
            min(value) FILTER (regexp_matches(value, '^\\d+,(\\d{{1,2}}|\\d{{4,}})$')
                OR regexp_matches(value, '\\..*,'))
        FROM (SELECT regexp_replace({cell}, '[^0-9.,]', '', 'g') AS value FROM {view})
    """  # noqa: S608
    points, commas, any_separator, example, with_point, with_comma = one_row(connection, query)
    if with_point and with_comma:
        problem = Problem(
            where,
            f"“{with_point}” has a decimal point and “{with_comma}” a decimal comma. Write the numbers of "
            "one file in one way, or set decimal_separator and get the others back as rejected rows.",
            allowed=(".", ","),
            code="contradicting_decimals",
        )
        return Convention(), [problem], []
    if not any_separator or points > commas:
        return Convention(), [], []
    if commas > points:
        return Convention(decimal=","), [], [f"{where}: the comma read as decimal separator"]
    problem = Problem(
        where,
        f"Numbers like “{example}” can be read with either decimal separator; set decimal_separator.",
        allowed=(".", ","),
        code="ambiguous_decimals",
    )
    return Convention(), [problem], []
