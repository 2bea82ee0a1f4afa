"""Exports as people hold them, each the smallest of its kind: read right, or asked about in one question.

A case that ``asks`` is refused with that one question until ``said`` and ``mapping`` answer it.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from programs.datasets.loading.ingest import ingest
from programs.datasets.loading.limits import CHOICES, Options
from programs.datasets.loading.problems import DatasetProblems
from tests.programs.datasets.conftest import NOW

OPTIONS = {choice.name for choice in CHOICES}


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
MISSING = ("NULL", "nan", "N/A", "None", "-", "\\N", "#N/A")
SALES = "Order Status: wc-completed, wc-processing"
SHOPIFY = (
    "Name,Email,Financial Status,Created at,Currency,Total,Lineitem quantity,Lineitem name,Cancelled at\n"
    "#1,A@x.com,paid,2024-01-05 10:30:00 -0500,EUR,30.00,2,Cup,\n"
    "#1,A@x.com,,,,,1,Plate,\n"
    "#2,b@x.com,voided,2024-01-06 10:30:00 -0500,EUR,12.00,1,Cup,2024-01-07\n"
)
LINES = "order_id,customer_id,date,sku,quantity,price\n7,ann,2024-02-01,A,3,4.00\n7,ann,2024-02-01,B,2,1.50\n"
INVOICES = (
    "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
    "500,AA,6,1/13/2012 8:26,2.50,14.0\n500,BB,1,1/13/2012 8:26,5,14.0\n"
    "C501,AA,-1,1/14/2012 9:00,2.50,14.0\n502,CC,1,1/14/2012 9:00,2.50,\n"
)
WOO = (
    "Order Number,Order Status,Order Date,Customer User,Email (Billing),Order Total Amount,"
    "Order Refund Amount\n"
    "1,wc-completed,2024-01-05 10:00,0,A@x.com,49.00,9.00\n2,wc-failed,2024-01-06 10:00,0,b@x.com,59.00,0\n"
    "3,wc-processing,2024-01-07 10:00,0,b@x.com,19.00,0\n"
)
POINTS = (
    "Date,Customer email,Points change,Type\n"
    "2024-01-05,a@x.com,100,earning\n2024-01-09,A@x.com,-50,spending\n"
)
PAYOUTS = (
    "id,amount,earnings,status,currency,createdAt,partner,customer\n"
    "c1,9900,1980,paid,usd,2024-01-05T10:00:00.000Z,p1,k1\n"
    "c2,9900,1980,refunded,jpy,2024-01-07T10:00:00.000Z,p1,k2\n"
)
PAYOUT_COLUMNS = {
    "referral_id": "customer",
    "beneficiary_id": "partner",
    "paid_at": "createdAt",
    "amount": "earnings",
}
CURRENCIES = (
    "member_id,purchased_at,amount,currency\n"
    "a,2024-01-05,1,usd\nb,2024-01-05,2,Euro\nc,2024-01-05,3,\nd,2024-01-05,4,RMB\n"
)
SHOPS = {
    "north.csv": "member_id,purchased_at,amount,order_id\nann,2024-01-05,1,#1\nbob,2024-01-06,2,#2\n",
    "south.csv": "member_id,purchased_at,amount,order_id\ncat,2024-01-05,3,#1\nbob,2024-01-06,2,#2\n",
}

CASES = {
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
    "survey that says not which": Case(
        {"a.csv": "Response ID,Score,Comment,Date\n1,9,good,2024-01-05\n2,3,bad,2024-01-06\n"},
        [("nps", 9), ("nps", 3)],
        columns="survey score",
        kind="survey_responses",
        asks="missing_column",
        shows=("survey", "constants=survey=nps"),
        said={"constants": "survey=nps"},
    ),
    "signed points in other words": Case(
        {"a.csv": POINTS},
        [("a@x.com", "issue", Decimal(100)), ("a@x.com", "redeem", Decimal(50))],
        columns="member_id entry points",
        kind="point_ledger",
        asks="every_row_rejected every_row_rejected",
        shows=("“earning” in row 1 of a.csv", "value_map=entry: earning=issue", "sign_rule=negative_redeems"),
        said={"value_map": "earning=issue, spending=redeem", "sign_rule": "negative_redeems"},
    ),
    "signed points without words": Case(
        {"a.csv": "Date,Customer email,Points change\n2024-01-05,a@x.com,100\n2024-01-09,a@x.com,-50\n"},
        [("issue", Decimal(100)), ("redeem", Decimal(50))],
        columns="entry points",
        kind="point_ledger",
        said={"sign_rule": "negative_redeems"},
    ),
    "payouts in cents with one taken back": Case(
        {"a.csv": PAYOUTS},
        [("paid", Decimal("19.8"), "USD"), ("reversed", Decimal(1980), "JPY")],
        columns="status amount currency",
        kind="referral_payouts",
        mapping=PAYOUT_COLUMNS,
        said={"unit": "minor_units", "value_map": "status: refunded=reversed"},
    ),
    "a header that says cents": Case(
        {"a.csv": "member_id,purchased_at,amount_cents\nann,2024-02-01,150\n"},
        [("ann", Decimal("1.5"))],
        asks="unit",
        shows=("amount_cents", "150"),
        mapping={"amount": "amount_cents"},
        said={"unit": "minor_units"},
    ),
    "failed and refunded orders of guests": Case(
        {"a.csv": WOO},
        [("a@x.com", Decimal(40)), ("b@x.com", Decimal(19))],
        mapping={"member_id": "Email (Billing)"},
        asks="status refunded",
        shows=("wc-failed (1)", f"filters={SALES}", "subtract_columns=Order Refund Amount"),
        said={"filters": SALES, "subtract_columns": "Order Refund Amount"},
        left_out=1,
    ),
    "guests": Case(
        {"a.csv": PLAIN + "0,2024-02-01,2\nGuest,2024-02-01,3\nwalk-in,2024-02-01,3\n"},
        [("ann", Decimal("1.5"))],
        said={"nobody": "walk-in"},
        rejected=3,
    ),
    "missing in many words, and one id written twice": Case(
        {"a.csv": "member_id,purchased_at,amount\n"
                  + "".join(f"{word},2024-02-01,1\n" for word in MISSING)
                  + "17850.0,2024-02-02,1\n17850,2024-02-03,1\n"},
        [("17850", Decimal(1)), ("17850", Decimal(1))],
        rejected=7,
    ),
    "ids by a rule": Case(
        {"a.csv": PLAIN.replace("ann", "No. 0017") + "17,2024-02-03,1\n0017,2024-02-04,1\n"},
        [("0017", Decimal("1.5")), ("0017", Decimal(1)), ("17", Decimal(1))],
        said={"id_rule": "digits"},
    ),
    "ids with zeros in front": Case(
        {"a.csv": "member_id,purchased_at,amount\n0017,2024-02-02,1\n17,2024-02-03,1\n"},
        [("17", Decimal(1)), ("17", Decimal(1))],
        said={"id_rule": "no_leading_zeros"},
    ),
    "lines of orders": Case(
        {"a.csv": LINES},
        [("7", "ann", 5, Decimal(15))],
        columns="order_id member_id quantity amount",
        asks="line_items",
        shows=("“price” stands beside “quantity”", "3 at 4.00"),
        said={"line_items": "price_each"},
        folded=1,
    ),
    "lines without an order number": Case(
        {"a.csv": "\n".join(line.partition(",")[2] for line in LINES.splitlines())},
        [("ann", 5, Decimal(15))],
        columns="member_id quantity amount",
        asks="line_items",
        shows=("price of one",),
        said={"line_items": "price_each"},
        folded=1,
    ),
    "lines with their totals": Case(
        {"a.csv": LINES.replace("price", "total")},
        [("ann", Decimal("5.5"))],
        asks="line_items",
        shows=("7 has 2 of them",),
        said={"line_items": "line_total"},
        folded=1,
    ),
    "invoices with cancellations": Case(
        {"a.csv": INVOICES},
        [("500", "14", Decimal(20)), ("C501", "14", Decimal("-2.5"))],
        columns="order_id member_id amount",
        asks="line_items",
        shows=("6 at 2.50",),
        said={"line_items": "price_each"},
        folded=1,
        rejected=1,
    ),
    "orders whose first line says everything": Case(
        {"a.csv": SHOPIFY},
        [("#1", "a@x.com", 3, Decimal(30))],
        columns="order_id member_id quantity amount",
        asks="line_items status status",
        shows=("voided (1)", 'filters=Cancelled at: ""'),
        mapping={"order_id": "Name", "member_id": "Email", "quantity": "Lineitem quantity"},
        said={"line_items": "order_total", "filters": 'Financial Status: paid; Cancelled at: ""'},
        folded=1,
        left_out=1,
    ),
    "two shops with the same numbers": Case(
        SHOPS,
        [("north:#1", "ann"), ("north:#2", "bob"), ("south:#1", "cat"), ("south:#2", "bob")],
        columns="order_id member_id",
        asks="several_sources",
        shows=("order_id #1 is of ann in north.csv and of cat in south.csv", "source=by_file"),
        said={"source": "by_file"},
    ),
    "two people of one deal": Case(
        {
            "a.csv": '"Record ID","Deal Stage","Create Date","Amount","Currency","Associated Contact IDs"\n'
                     '"9","Closed won","2024-01-05 09:12","12,500.00","USD","77; 51.0"\n'
        },
        [("9", "51;77", Decimal(12500))],
        columns="opportunity_id person_id amount",
        kind="opportunities",
    ),
    "names of currencies and none": Case(
        {"a.csv": CURRENCIES},
        [("a", "USD"), ("b", "EUR"), ("c", "GBP"), ("d", "CNY")],
        columns="member_id currency",
        asks="currency_names",
        shows=("“Euro” in row 2", "nothing in row 3", "value_map=currency: Euro=EUR, RMB=CNY"),
        said={"value_map": "currency: Euro=EUR, RMB=CNY", "currency": "GBP"},
    ),
    "a currency column of another name": Case(
        {"a.csv": "member_id,purchased_at,amount,Settled Ccy Code\nann,2024-02-01,1,EUR\n"},
        [("ann", "EUR")],
        columns="member_id currency",
        asks="currency_column",
        shows=("Settled Ccy Code",),
        mapping={"currency": "Settled Ccy Code"},
    ),
    "a header that says the currency": Case(
        {"a.csv": "member_id,purchased_at,Total (EUR)\nann,2024-02-01,1\n"},
        [("ann", "EUR")],
        columns="member_id currency",
        mapping={"amount": "Total (EUR)"},
    ),
    "a header that says the zone": Case(
        {"a.csv": "member_id,Created (UTC),amount\nann,2024-02-01 23:30,1\n"},
        [("ann", datetime(2024, 2, 1, 23, 30, tzinfo=UTC))],
        columns="member_id purchased_at",
        said={"time_zone": "Asia/Tokyo"},
    ),
    "years of two digits": Case(
        {"a.csv": "metric,member,starts_on,ends_on,target\npipeline,north,01/15/24,03/31/24,5\n"},
        [(date(2024, 1, 15), date(2024, 3, 31))],
        columns="starts_on ends_on",
        kind="targets",
        asks="short_years short_years",
        shows=("“01/15/24”", "mm/dd/yy"),
        said={"date_format": "mm/dd/yy"},
    ),
    "amounts of India": Case(
        {"a.csv": 'member_id,purchased_at,amount\nann,2024-02-01,"1,23,456.50"\nbob,2024-02-01,99.50\n'},
        [("ann", Decimal("123456.5")), ("bob", Decimal("99.5"))],
    ),
    "amounts of Europe": Case(
        {"a.csv": "member_id;purchased_at;amount\n"
                  "a;15.02.2024;1\u00a0234,50 €\nb;15.02.2024;−7,00 €\nc;15.02.2024;9,00-\n"},
        [("a", Decimal("1234.5")), ("b", Decimal(-7)), ("c", Decimal(-9))],
        said={"currency": "EUR"},
    ),
    "amounts of the other sign": Case(
        {"a.csv": "member_id,purchased_at,amount\nann,2024-02-01,-12.50\n"},
        [("ann", Decimal("12.5"))],
        said={"sign_rule": "flipped"},
    ),
    "tax and shipping beside the amount": Case(
        {"a.csv": "member_id,purchased_at,amount,Tax,Shipping,Discount\nann,2024-02-01,10,2,3,\n"},
        [("ann", Decimal(15))],
        said={"add_columns": "Tax, Shipping", "subtract_columns": "Discount"},
    ),
}  # fmt: skip


def load(case: Case, write, store, mapping: dict[str, str], said: dict[str, str]):
    files = [write(name, content) for name, content in case.files.items()]
    options = Options(**{"home_currency": "USD", "now": NOW, **said})
    return ingest(files, case.kind, store=store, mapping=mapping, options=options)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_an_export_is_read_right_or_asked_about(case, write, store):
    if case.asks:
        # A column of theirs that has to be named first is no answer to a question about what it holds.
        named = case.mapping if "column" not in case.asks else {}
        with pytest.raises(DatasetProblems) as asked:
            load(case, write, store, named, {})
        assert (
            " ".join(problem.code for problem in asked.value.problems[:1] if " " not in case.asks)
            in case.asks
        )
        assert set(case.asks.split()) <= {problem.code for problem in asked.value.problems}
        for shown in case.shows:
            assert shown in str(asked.value)
        assert [path for path in store.root.rglob("*") if path.is_file()] == []
    result = load(case, write, store, case.mapping, case.said)
    rows = pq.read_table(store.root / result.snapshot.path).to_pylist()
    for row in rows:  # what was refunded beside an order stays known, see test_netting
        row["amount"] = row["amount"] - (row.get("refunded_amount") or 0) if row.get("amount") else None
    found = [tuple(row[name] for name in case.columns.split()) for row in rows]
    assert sorted(found, key=str) == sorted(case.rows, key=str)
    told = (result.rejected_rows, result.left_out_rows, result.folded_rows)
    assert told == (case.rejected, case.left_out, case.folded)
    accounted = result.snapshot.rows + sum(told) + result.duplicate_rows
    assert result.input_rows == accounted


@pytest.mark.parametrize("case", [pytest.param(case, id=key) for key, case in CASES.items() if case.said])
def test_the_answers_are_options_that_exist(case):
    assert case.said.keys() <= OPTIONS | {"time_zone"}


def bomb() -> bytes:
    return packed(a__csv=b"1" * 30_000_000)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (bomb(), "unpacks_too_large"),
        (packed(**{f"f{n}__csv": "x" for n in range(201)}), "too_many_files"),
        (packed(inner__zip=packed(a__csv=PLAIN)), "nested_archive"),
        (packed(__MACOSX="x"), "no_file"),
        (packed(a__csv=PLAIN)[:-30], "damaged"),
    ],
)
def test_a_hostile_zip_is_refused_in_bounds(content, code, write, store, options):
    with pytest.raises(DatasetProblems) as refused:
        ingest([write("a.zip", content)], "purchases", store=store, options=options)
    assert [problem.code for problem in refused.value.problems] == [code]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"header_row": "9"}, "header_row is 9"),
        ({"header_row": "first"}, "counts from 1"),
        ({"footer_rows": "some"}, "is not a number of rows"),
        ({"constants": "colour=red"}, "have no column “colour”"),
        ({"constants": "red"}, "constants=survey=nps"),
        ({"value_map": "region=x"}, "have no column"),
        ({"filters": "Status"}, "names no values"),
        ({"filters": "Stat: paid"}, "a column “Stat”"),
        ({"subtract_columns": "amuont"}, "Did you mean “amount”"),
        ({"line_items": "yes"}, "price_each"),
        ({"sign_rule": "negative_redeems"}, "no points to redeem"),
        ({"time_zone": "Berlin"}, "not an IANA time zone"),
        ({"filters": "member_id: bob"}, "leave out all of the 1 rows"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused_with_what_can(said, words, write, store):
    with pytest.raises(DatasetProblems, match=words):
        options = Options(**{"home_currency": "USD", "now": NOW, **said})
        ingest([write("a.csv", PLAIN)], "purchases", store=store, options=options)


def test_a_line_that_is_not_accepted_takes_its_order_with_it(write, store):
    text = LINES + "8,bob,2024-02-01,A,1,4.00\n8,bob,2024-02-01,B,many,1.00\n"
    case = Case({"a.csv": text}, [])
    result = load(case, write, store, {}, {"line_items": "price_each"})
    assert (result.snapshot.rows, result.rejected_rows, result.folded_rows) == (1, 2, 1)
    assert "another line of the same order was not accepted" in result.reasons


def test_a_rejected_row_is_shown_by_example(write, store):
    result = load(Case({"a.csv": PLAIN + "bob,never,2\n"}, []), write, store, {}, {})
    assert result.examples == {"purchased_at: not a date or time": "“never” in row 2 of a.csv"}


def test_when_every_row_is_rejected_the_shapes_that_are_read_are_named(write, store):
    with pytest.raises(
        DatasetProblems, match=r"“never” in row 1 of a.csv\. Accepted: 2026-03-31, .*date_format"
    ):
        load(Case({"a.csv": PLAIN.replace("2024-02-01", "never")}, []), write, store, {}, {})


def test_the_zone_of_a_header_wins_over_the_program_s_and_is_said(write, store):
    result = load(CASES["a header that says the zone"], write, store, {}, {"time_zone": "Asia/Tokyo"})
    assert any("times read in UTC, as the header says" in note for note in result.notes)
