"""How much an upload may cost before it is refused, and what the loader was told about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one source file; ``memory`` and ``threads`` bound the query engine."""

    file_bytes: int = 4096 * MEBIBYTE
    unpacked_bytes: int = 16384 * MEBIBYTE
    unpack_ratio: int = 200
    xlsx_bytes: int = 512 * MEBIBYTE
    rows: int = 50_000_000
    columns: int = 500
    text_length: int = 10_000
    memory: str = "2GB"
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Options:
    """What the person loading says about the files; anything left empty is detected or refused.

    ``currency``: ISO 4217 code for amounts that do not name one. ``time_zone``: IANA name for times
    without an offset. ``date_format``: "dmy", "mdy" or "ymd". ``decimal_separator``: "." or ",".
    ``encoding``: of CSV and JSONL; without it a byte order mark decides, else UTF-8.
    ``delimiter``: of CSV. ``sheet``: of XLSX, else the first.
    """

    currency: str = ""
    time_zone: str = "UTC"
    date_format: str = ""
    decimal_separator: str = ""
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    now: datetime = field(default_factory=lambda: datetime.now(tz=UTC))


@dataclass(frozen=True, slots=True)
class LoadOption:
    """An option as every door offers it: command line, upload page and REST."""

    name: str
    help: str
    allowed: tuple[str, ...] = ()


CHOICES = (
    LoadOption("currency", "Of amounts that name none; empty: the program's"),
    LoadOption("time_zone", "Of times without an offset; empty: the program's"),
    LoadOption("date_format", "The order in dates such as 05/06/2026; empty: found", ("dmy", "mdy", "ymd")),
    LoadOption("decimal_separator", "Of numbers such as 1,234; empty: found", (".", ",")),
    LoadOption("delimiter", "Between the columns of a CSV file; empty: found"),
    LoadOption("encoding", "Of a text file, such as cp1252; empty: UTF-8 or what its mark says"),
    LoadOption("sheet", "Of an XLSX file; empty: the first"),
)
