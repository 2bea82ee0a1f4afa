"""How much an upload may cost before it is refused, and what the loader was told about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MEBIBYTE = 1 << 20
FIRST_ROWS = 5_000
"""Of a file that is only looked at."""
READING = ("delimiter", "encoding", "sheet", "header_row", "file_in_zip", "records")
"""Options without which a file cannot be looked at."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one source file; ``memory`` and ``threads`` bound the query engine.

    ``first_rows`` of a file are read, all where it is 0. ``sample_rows`` are shown as they were read.
    """

    file_bytes: int = 4096 * MEBIBYTE
    unpacked_bytes: int = 16384 * MEBIBYTE
    unpack_ratio: int = 200
    xlsx_bytes: int = 512 * MEBIBYTE
    rows: int = 50_000_000
    columns: int = 500
    text_length: int = 10_000
    first_rows: int = 0
    sample_rows: int = 3
    memory: str = "2GB"
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Options:
    """What the person loading says about the files, as text; what is left empty is found or asked about.

    ``CHOICES`` says what each means. ``home_currency`` is of amounts for which neither the file nor the
    person names one, and never of a cell left empty beside cells that do. ``home_zone`` is the program's: a
    date without a time is a day there, whatever zone the times of the file are in; empty: ``time_zone``.
    ``zone_is_said``: a person or profile named ``time_zone``; otherwise it is the program's.
    """

    currency: str = ""
    time_zone: str = "UTC"
    date_format: str = ""
    time_column: str = ""
    decimal_separator: str = ""
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    header_row: str = ""
    footer_rows: str = ""
    file_in_zip: str = ""
    records: str = ""
    constants: str = ""
    value_map: str = ""
    filters: str = ""
    ignore_columns: str = ""
    line_items: str = ""
    add_columns: str = ""
    subtract_columns: str = ""
    unit: str = ""
    sign_rule: str = ""
    original_column: str = ""
    id_rule: str = ""
    nobody: str = ""
    source: str = ""
    most_rejected: str = ""
    home_currency: str = ""
    home_zone: str = ""
    zone_is_said: bool = False
    now: datetime = field(default_factory=lambda: datetime.now(tz=UTC))

    @classmethod
    def of(cls, said: Mapping[str, str]) -> Options:
        """Options by their name, as every door says them."""
        named: dict[str, Any] = {**said}
        return cls(**named, now=datetime.now(tz=UTC))


@dataclass(frozen=True, slots=True)
class LoadOption:
    """An option as every door offers it: command line, upload page and REST."""

    name: str
    help: str
    allowed: tuple[str, ...] = ()
    example: str = ""
    longest: int = 60


LONG = 4000
CHOICES = (
    LoadOption(
        "currency", ("The currency of amounts that name none; empty: that of the program"), example="EUR"
    ),
    LoadOption(
        "time_zone",
        (
            "The time zone of times without an offset; empty: that of the program. A date without a time is "
            "a day of the program"
        ),
        example="Europe/Berlin",
    ),
    LoadOption(
        "date_format",
        "The order of day, month and year in dates such as 05/06/2026 or 05/06/26; or what dates that are "
        "numbers count: days of a spreadsheet, seconds or milliseconds since 1970; empty: detected",
        ("dmy", "mdy", "ymd", "dd/mm/yy", "mm/dd/yy", "excel", "unix", "unix_ms"),
    ),
    LoadOption(
        "time_column",
        "The column with the time of day, where the day stands in a column of its own",
        example="Time",
    ),
    LoadOption(
        "decimal_separator", ("The decimal separator in numbers such as 1,234; empty: detected"), (".", ",")
    ),
    LoadOption("delimiter", "The character between the columns of a CSV file; empty: detected", example=";"),
    LoadOption(
        "encoding", ("The encoding of a text file; empty: UTF-8 or UTF-16, as detected"), example="cp1252"
    ),
    LoadOption(
        "sheet", ("The sheet of an XLSX file; empty: the one whose columns are known"), example="Orders"
    ),
    LoadOption(
        "header_row", ("The number of the row that names the columns, from 1; empty: detected"), example="3"
    ),
    LoadOption(
        "footer_rows", "How many rows at the end are not data, such as totals; empty: none", example="1"
    ),
    LoadOption(
        "file_in_zip",
        ("Which files of a zip to load; * stands for any text; empty: all"),
        example="orders*.csv",
    ),
    LoadOption("records", "The path to the rows in a JSON document; empty: detected", example="data.orders"),
    LoadOption(
        "constants",
        "Our columns that have the same value in every row",
        example="survey=nps, region=EU",
        longest=LONG,
    ),
    LoadOption(
        "value_map",
        "Words in the file and our words for them, by our column",
        example="entry: earning=issue, spending=redeem; status: refunded=reversed",
        longest=LONG,
    ),
    LoadOption(
        "filters",
        "Which rows to load, by column of the file; ! before the column: all but these",
        example='Status: paid, shipped; !Type: test; Cancelled at: ""',
        longest=LONG,
    ),
    LoadOption(
        "ignore_columns",
        "Columns of the file that do not change what a row means; we then do not ask about them",
        example="Refund status",
        longest=LONG,
    ),
    LoadOption(
        "line_items",
        "Whether a row is a line of an order, and what its amount means; none: each row is an order",
        ("price_each", "line_total", "order_total", "none"),
    ),
    LoadOption(
        "add_columns", "Columns of the file to add to the amount", example="Tax, Shipping", longest=LONG
    ),
    LoadOption(
        "subtract_columns",
        "Columns of the file to subtract from the amount",
        example="Discount, Refunded amount",
        longest=LONG,
    ),
    LoadOption(
        "unit",
        "The unit of the amounts: 1050 minor units are 10.50 euros, 1.05 thousands are 1050",
        ("units", "minor_units", "thousands"),
    ),
    LoadOption(
        "sign_rule",
        "negative_redeems: points below zero are redeemed; flipped: every amount has the opposite sign",
        ("negative_redeems", "flipped"),
    ),
    LoadOption(
        "original_column",
        "The column with the number of the row that a refund or correction changes, where such rows have "
        "numbers of their own",
        example="Parent order",
    ),
    LoadOption(
        "id_rule",
        "How identifiers of people are compared; empty: as written, e-mails without case",
        ("lower", "digits", "no_leading_zeros"),
    ),
    LoadOption(
        "nobody",
        "Identifiers that do not name a person, in addition to 0, guest, unknown and the like",
        example="walk-in, 99999",
        longest=LONG,
    ),
    LoadOption(
        "source",
        (
            "The shop or system that the rows come from, so that its numbers are not mixed "
            "with another's; by_file: the name of the file"
        ),
        example="shop-de",
    ),
    LoadOption(
        "most_rejected",
        "The share of rows, in percent, that may be rejected; a load with more is not taken; empty: 10",
        example="25",
    ),
)
