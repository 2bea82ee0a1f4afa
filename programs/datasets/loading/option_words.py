"""The options of a load for a person: where each belongs, what its values mean, when it says anything."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from programs.datasets.contracts import Contract, Type
from programs.datasets.loading.limits import CHOICES, LoadOption, Options
from programs.datasets.loading.said import out_of_place

GROUPS = {
    "How the file is written": (
        "header_row", "footer_rows", "delimiter", "encoding", "sheet", "file_in_zip", "records",
    ),
    "Dates, numbers and money": (
        "date_format", "time_column", "time_zone", "decimal_separator", "currency", "unit", "sign_rule",
    ),
    "Which rows to load, and what their words mean": (
        "filters", "value_map", "constants", "line_items", "add_columns", "subtract_columns",
        "original_column", "ignore_columns",
    ),
    "People, shops and rejected rows": ("id_rule", "nobody", "source", "most_rejected"),
}  # fmt: skip
TITLES = {
    "header_row": "Row with the names of the columns",
    "footer_rows": "Rows at the end that are not data",
    "delimiter": "Character between the columns",
    "encoding": "Encoding of the text",
    "file_in_zip": "Files inside the zip",
    "records": "Path to the rows in the JSON",
    "date_format": "Order in dates",
    "time_column": "Column with the time of day",
    "time_zone": "Time zone of the file",
    "decimal_separator": "Decimal separator",
    "unit": "Unit of the amounts",
    "sign_rule": "Meaning of a minus sign",
    "filters": "Rows to load",
    "value_map": "Words for status and kind",
    "constants": "Same value in every row",
    "line_items": "Lines of orders",
    "add_columns": "Add to the amount",
    "subtract_columns": "Subtract from the amount (refunds, discounts)",
    "original_column": "Column with the number of the order that a refund changes",
    "ignore_columns": "Columns to ignore",
    "id_rule": "How to compare identifiers",
    "nobody": "Identifiers that name nobody",
    "source": "Shop or system",
    "most_rejected": "Rejected rows, at most (percent)",
}
MEANINGS = {
    ("date_format", "dmy"): "day first: 31/12/2026",
    ("date_format", "mdy"): "month first: 12/31/2026",
    ("date_format", "ymd"): "year first: 2026/12/31",
    ("date_format", "dd/mm/yy"): "day first, years of two digits: 31/12/26",
    ("date_format", "mm/dd/yy"): "month first, years of two digits: 12/31/26",
    ("date_format", "excel"): "days of a spreadsheet: 46387",
    ("date_format", "unix"): "seconds since 1970: 1798675200",
    ("date_format", "unix_ms"): "milliseconds since 1970: 1798675200000",
    ("decimal_separator", "."): "a point: 1,234.50",
    ("decimal_separator", ","): "a comma: 1.234,50",
    ("line_items", "none"): "a row is an order",
    ("line_items", "price_each"): "a row is a line of an order; the amount is the price of one piece",
    ("line_items", "line_total"): "a row is a line of an order; the amount is of that line",
    ("line_items", "order_total"): "a row is a line of an order; the amount is of the whole order",
    ("unit", "units"): "as they are: 1050 is 1050.00",
    ("unit", "minor_units"): "cents: 1050 is 10.50",
    ("unit", "thousands"): "thousands: 1.05 is 1050",
    ("sign_rule", "negative_redeems"): "points below zero were redeemed",
    ("sign_rule", "flipped"): "every amount has the opposite sign",
    ("id_rule", "lower"): "capital letters do not count",
    ("id_rule", "digits"): "only digits count",
    ("id_rule", "no_leading_zeros"): "zeros at the front do not count",
}
FORMATS = {
    "delimiter": {"csv"},
    "header_row": {"csv", "xlsx"},
    "encoding": {"csv", "json", "jsonl"},
    "sheet": {"xlsx"},
    "records": {"json", "jsonl"},
}
DATED = {Type.TIMESTAMP, Type.DATE}
COUNTED = {Type.MONEY, Type.DECIMAL, Type.INTEGER}
WORDED = {Type.CATEGORY, Type.BOOLEAN, Type.CURRENCY}


@dataclass(frozen=True, slots=True)
class OfferedOption:
    """An option that says something about this kind and file; ``values`` with their meaning."""

    name: str
    title: str
    group: str
    help: str
    values: tuple[tuple[str, str], ...]
    example: str
    longest: int


def meaning(option: str, value: str) -> str:
    """A value in words, itself where it needs none."""
    return MEANINGS.get((option, value), value)


def title(option: str) -> str:
    return TITLES.get(option, option.replace("_", " ").capitalize())


def offered_options(contract: Contract, formats: Collection[str], *, packed: bool) -> list[OfferedOption]:
    """The options that can change anything, by group. ``packed``: the files came in a zip."""
    by_name = {choice.name: choice for choice in CHOICES}
    return [
        OfferedOption(
            name,
            title(name),
            group,
            by_name[name].help,
            tuple((value, meaning(name, value)) for value in _values(contract, by_name[name])),
            by_name[name].example,
            by_name[name].longest,
        )
        for group, names in GROUPS.items()
        for name in names
        if _matters(contract, by_name[name], formats, packed=packed)
    ]


def _values(contract: Contract, choice: LoadOption) -> tuple[str, ...]:
    return tuple(value for value in choice.allowed if not _refused(contract, choice.name, value))


def _matters(contract: Contract, choice: LoadOption, formats: Collection[str], *, packed: bool) -> bool:
    types = {column.type for column in contract.columns}
    needed = {"date_format": DATED, "time_zone": {Type.TIMESTAMP}, "time_column": {Type.TIMESTAMP},
              "decimal_separator": COUNTED, "currency": {Type.MONEY},
              "value_map": WORDED}.get(choice.name)  # fmt: skip
    if needed is not None and not types & needed:
        return False
    if choice.name == "file_in_zip":
        return packed
    if formats and choice.name in FORMATS and not FORMATS[choice.name] & {*formats}:
        return False
    if choice.allowed:
        return bool(_values(contract, choice))
    return not _refused(contract, choice.name, choice.example)


def _refused(contract: Contract, name: str, value: str) -> bool:
    return any(problem.field == name for problem in out_of_place(Options.of({name: value}), contract))
