"""Exports as people hold them, each the smallest of its kind, with what becomes of it.

A case that ``asks`` is refused with that one question until ``said`` and ``mapping`` answer it.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook


@dataclass(frozen=True)
class Case:
    files: dict[str, str | bytes]
    rows: list[tuple[Any, ...]]
    columns: str = "member_id amount"
    kind: str = "purchases"
    asks: str = ""
    shows: tuple[str, ...] = ()
    said: dict[str, str] = field(default_factory=dict)
    mapping: dict[str, str] = field(default_factory=dict)
    rejected: int = 0
    left_out: int = 0
    folded: int = 0


def book(**sheets: list[list[Any]]) -> bytes:
    made, out = Workbook(), io.BytesIO()
    made.remove(made.active)
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    made.save(out)
    return out.getvalue()


def packed(**files: str | bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return out.getvalue()


def parquet(**columns: list[Any]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


PLAIN = "member_id,purchased_at,amount\nann,2024-02-01,1.50\n"
NESTED = {
    "customer": {"id": 7},
    "date": "2024-02-01T10:00:00-05:00",
    "total": "1.5",
    "note": 'a 5" cup',
}

SHAPES: dict[str, Case] = {
    "preamble": Case(
        {"a.csv": f'Orders\n"Feb 1, 2024 - Feb 9, 2024"\n\n{PLAIN}Total,,1.50\n'},
        [("ann", Decimal("1.5"))],
        rejected=1,
    ),
    "a footer left out": Case(
        {"a.csv": "Orders\n" + PLAIN + "Total,,1.50\nmade by us\n"},
        [("ann", Decimal("1.5"))],
        said={"header_row": "2", "footer_rows": "2"},
        left_out=2,
    ),
    "header of two levels": Case(
        {"a.csv": "Who,When,How much\nmember_id,purchased_at,amount\nann,2024-02-01,1.50\n"},
        [("ann", Decimal("1.5"))],
    ),
    "header nobody knows": Case(
        {"a.csv": "who,when,how much\nann,2024-02-01,1.50\n"},
        [("ann", Decimal("1.5"))],
        mapping={"member_id": "who", "purchased_at": "when", "amount": "how much"},
    ),
    "grand total": Case(
        {"a.csv": PLAIN + "Grand Total,2024-02-09,1.50\n"}, [("ann", Decimal("1.5"))], rejected=1
    ),
    "two headers the same": Case(
        {"a.csv": "member_id,purchased_at,Amount,Amount\nann,2024-02-01,1.50,9\n"},
        [("ann", Decimal("1.5"))],
        asks="ambiguous_column",
        shows=("2 columns are called “Amount”", "Amount (column 3)", "Amount (column 4)"),
        mapping={"amount": "Amount (column 3)"},
    ),
    "cp1252": Case(
        {"a.csv": "member_id,purchased_at,amount,region\nann,2024-02-01,1.50,Köln\n".encode("cp1252")},
        [("ann", "Köln")],
        columns="member_id region",
        asks="encoding",
        shows=("Line 2", "Köln” in cp1252", "encoding=cp1252"),
        said={"encoding": "cp1252"},
    ),
    "utf-16 without a mark": Case({"a.csv": PLAIN.encode("utf-16-le")}, [("ann", Decimal("1.5"))]),
    "a line that says the separator": Case(
        {"a.csv": "sep=;\r\nmember_id;purchased_at;amount\r\nann;2024-02-01;10,50\r\n"},
        [("ann", Decimal("10.5"))],
    ),
    "semicolons and thousands or decimals": Case(
        {"a.csv": "member_id;purchased_at;amount\nann;15.02.2024;1.234\n"},
        [("ann", Decimal(1234))],
        asks="ambiguous_decimals",
        shows=("1.234", "decimal_separator"),
        said={"decimal_separator": ","},
    ),
    "delimiter of one's own": Case(
        {"a.csv": "member_id^purchased_at^amount\nann^2024-02-01^1.50\n"},
        [("ann", Decimal("1.5"))],
        said={"delimiter": "^"},
    ),
    "workbook with a cover and a preamble": Case(
        {
            "a.xlsx": book(
                About=[["Made by us"]],
                Data=[["Orders"], [], ["Customer", "Order date", "Total"], ["ann", date(2024, 2, 1), 1.5]],
            )
        },
        [("ann", Decimal("1.5"))],
    ),
    "workbook with a sheet a month": Case(
        {
            "a.xlsx": book(
                January=[["Customer", "Order date", "Total"], ["ann", "2024-01-01", 1.5]],
                February=[["Customer", "Order date", "Total"], ["bob", "2024-02-01", 2.5]],
            )
        },
        [("bob", Decimal("2.5"))],
        asks="ambiguous_sheet",
        shows=("sheet=January", "February"),
        said={"sheet": "February"},
    ),
    "zip": Case({"a.zip": packed(orders__csv=PLAIN)}, [("ann", Decimal("1.5"))]),
    "zip of several files": Case(
        {"a.zip": packed(feb__csv=PLAIN, mar__csv=PLAIN.replace("ann", "bob"), readme__txt="hello")},
        [("ann", Decimal("1.5")), ("bob", Decimal("1.5"))],
        said={"file_in_zip": "*.csv"},
    ),
    "JSON array": Case(
        {"a.json": '[{"member_id":"ann","purchased_at":"2024-02-01","amount":1.5},\n {"member_id":"bob",'
                   '"purchased_at":"2024-02-01","amount":2}]'},
        [("ann", Decimal("1.5")), ("bob", Decimal(2))],
    ),
    "JSON document": Case(
        {
            "a.json": json.dumps(
                {"page": 1, "data": {"orders": [NESTED]}},
                indent=1,
            )
        },
        [("7", Decimal("1.5"))],
    ),
    "JSON document of two lists": Case(
        {"a.json": json.dumps({"orders": [NESTED], "notes": [{"x": 1}]})},
        [("7", Decimal("1.5"))],
        asks="ambiguous_records",
        shows=("orders", "notes", "records"),
        said={"records": "orders"},
    ),
    "nested objects": Case(
        {"a.jsonl": json.dumps(NESTED) + "\n"},
        [("7", Decimal("1.5"))],
    ),
    "a list where one value belongs": Case(
        {"a.jsonl": '{"customer":["ann","bob"],"date":"2024-01-05","total":"1.50"}\n'},
        [("ann", Decimal("1.5"))],
        asks="column_type",
        shows=("a list", "member_id=customer.0"),
        mapping={"member_id": "customer.0"},
    ),
    "structs in Parquet": Case(
        {"a.parquet": parquet(user=[{"id": "ann"}], date=["2024-02-01"], total=[1.5], items=[[1, 2]])},
        [("ann", Decimal("1.5"))],
        mapping={"member_id": "user.id"},
    ),
}  # fmt: skip
