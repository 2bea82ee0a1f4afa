"""Columns that nobody has spoken of and that change what a row means: each is asked about."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

from tests.programs.datasets.loading.held_exports import Case

TEN, TWENTY, FIFTY = Decimal(10), Decimal(20), Decimal(50)
SALES = [("1", TEN), ("2", TWENTY)]
LEDGER = "Order,Customer,Date,Total,{header}\n1,a,2023-03-01,10.00,{first}\n2,b,2023-03-02,20.00,{second}\n"


def kind_of_row(header: str, sale: str, back: str) -> Case:
    """A refund of a positive amount, said to be one in a column of any name."""
    rows = LEDGER.format(header=header, first=sale, second=sale) + f"R3,b,2023-03-04,20.00,{back}\n"
    return Case(
        {"a.csv": rows},
        SALES,
        columns="order_id amount",
        asks="kinds_of_rows",
        shows=(f"{back} (1)", f"filters={header}: {sale}"),
        said={"filters": f"{header}: {sale}"},
        left_out=1,
    )


def unclear(header: str, sale: str, other: str) -> Case:
    """A column of kinds, in words that may mean anything."""
    found = kind_of_row(header, sale, other)
    return replace(found, shows=(f"{sale} (2), {other} (1)", f"movement={header}"))


def marked(header: str, value: str, said: dict[str, str], asks: str = "status") -> Case:
    """One order of two has something in a column that sounds like no sale."""
    taken = 1 if "filters" in said else 0
    return Case(
        {"a.csv": LEDGER.format(header=header, first="", second=value)},
        SALES[: 2 - taken] if asks == "status" else [("1", TEN), ("2", TWENTY - Decimal(value))],
        columns="order_id amount",
        asks=asks,
        shows=(f"1 rows have a “{header}”, such as {value}",),
        said=said,
        left_out=taken,
    )


INSIDE = json.dumps(
    [
        {"id": 1, "date": "2023-03-01", "customer": "a", "total": "50.00",
         "refunds": [{"id": 9, "total": "-50.00"}]},
        {"id": 2, "date": "2023-03-02", "customer": "b", "total": "51.00", "refunds": []},
        {"id": 3, "date": "2023-03-03", "customer": "c", "total": "52.00",
         "refunds": [{"id": 7, "total": "-2.00"}, {"id": 8, "total": "-1.50"}]},
    ]
)  # fmt: skip
DEEPER = json.dumps(
    [{"id": 1, "date": "2023-03-01", "customer": "a", "total": "50.00",
      "refunds": [{"id": 9, "transactions": [{"amount": "10.00"}, {"amount": "5.00"}]}]},
     {"id": 2, "date": "2023-03-02", "customer": "b", "total": "51.00", "refunds": []}]
)  # fmt: skip
INVOICES = (
    "Document No,Document Type,Customer No,Posting Date,Amount,Applies-to Doc. No\n"
    "I1,Invoice,C1,2023-01-05,100.00,\nI2,Invoice,C1,2023-02-05,120.00,\n"
    "CM1,Credit Memo,C1,2023-03-01,100.00,I1\n"
)
OURS = {"order_id": "Document No", "member_id": "Customer No", "purchased_at": "Posting Date"}

UNREAD: dict[str, Case] = {
    "a type that is Refund": kind_of_row("Type", "Sale", "Refund"),
    "a type that is Return": kind_of_row("Type", "Sale", "Return"),
    "a document that is a credit memo": kind_of_row("Document Type", "Invoice", "Credit Memo"),
    "a document that is a Gutschrift": kind_of_row("Belegart", "Rechnung", "Gutschrift"),
    "a document of Italy": kind_of_row("Tipo", "Vendita", "Reso"),
    "an exchange": kind_of_row("Sales Type", "Sale", "Exchange"),
    "a category that is a refund": kind_of_row("Category", "Shoes", "Refund"),
    "a reason that is a return": kind_of_row("Grund", "Kauf", "Retoure"),
    "a credit of the Netherlands": kind_of_row("Soort", "Factuur", "Creditfactuur"),
    "a return of Japan": kind_of_row("区分", "売上", "返品"),
    "debit and credit": unclear("D/C", "D", "C"),
    "kinds in words that nobody here knows": unclear("Typ", "Prodej", "Opravný doklad"),
    "payouts under a word that we do not know": Case(
        {"a.csv": "payout_id,referral_id,beneficiary_id,paid_at,amount,status\n1,r1,b,2023-03-01,10,paid\n"
                  "2,r2,b,2023-03-02,10,failed\n"},
        [("1", "paid"), ("2", "reversed")],
        columns="payout_id status",
        kind="referral_payouts",
        asks="unknown_words",
        shows=("“failed” (1)",),
        said={"value_map": "status: failed=reversed"},
    ),
    "refunds beside the order": marked("Refunds", "5.00", {"subtract_columns": "Refunds"}, "refunded"),
    "a returned amount": marked("Returned amount", "5", {"subtract_columns": "Returned amount"}, "refunded"),
    "the day of a refund": marked("Refund date", "2023-03-04", {"filters": 'Refund date: ""'}),
    "a mark of a refund": marked("Is refunded", "true", {"filters": 'Is refunded: ""'}),
    "a mark of a return": marked("Return", "X", {"filters": 'Return: ""'}),
    "a mark of a test": marked("Test order", "yes", {"filters": 'Test order: ""'}),
    "a void": marked("Void", "Y", {"ignore_columns": "Void"}),
    "refunds in a list inside the order": Case(
        {"a.json": INSIDE},
        [("1", Decimal(0)), ("2", Decimal(51)), ("3", Decimal("48.5"))],
        columns="order_id amount",
        asks="refunded",
        shows=("subtract_columns=refunds[].total",),
        mapping={"order_id": "id"},
        said={"subtract_columns": "refunds[].total"},
    ),
    "refunds two lists deep": Case(
        {"a.json": DEEPER},
        [("1", Decimal(35)), ("2", Decimal(51))],
        columns="order_id amount",
        asks="refunded",
        shows=("subtract_columns=refunds[].transactions[].amount",),
        mapping={"order_id": "id"},
        said={"subtract_columns": "refunds[].transactions[].amount"},
    ),
    "a word for a row that we do not know": Case(
        {"a.csv": INVOICES},
        [("I1", Decimal(100)), ("I2", Decimal(120)), ("I1", Decimal(-100))],
        columns="order_id amount",
        asks="unknown_words original",
        shows=("value_map=movement: Credit Memo=…", "original_column=Applies-to Doc. No"),
        mapping=OURS | {"movement": "Document Type"},
        said={"value_map": "movement: Credit Memo=refund", "original_column": "Applies-to Doc. No"},
    ),
    "two shops in one file": Case(
        {"a.csv": "Shop,Order,Customer,Date,Total\nDE,1001,a,2023-03-01,10\nAT,1001,a,2023-03-01,10\n"
                  "DE,1002,a,2023-03-05,10\nAT,1002,b,2023-03-06,20\n"},
        [("DE:1001", TEN), ("AT:1001", TEN), ("DE:1002", TEN), ("AT:1002", TWENTY)],
        columns="order_id amount",
        asks="several_sources",
        shows=("order_id 1001 is of AT and of DE", "source=Shop"),
        said={"source": "Shop"},
    ),
    "a list of refunds": Case(
        {"a.csv": "order_id,customer,refund date,refund amount\n1,a,2023-02-10,80.00\n"},
        [("1", Decimal(-80))],
        columns="order_id amount",
        asks="refunds_for_sales",
        shows=("constants=movement=refund",),
        mapping={"purchased_at": "refund date", "amount": "refund amount"},
        said={"constants": "movement=refund"},
    ),
    "a currency in a header without brackets": Case(
        {"a.csv": "Order,Customer,Date,Total USD\n1,a,2023-03-01,10.00\n"},
        [("1", "USD")],
        columns="order_id currency",
        mapping={"amount": "Total USD"},
        said={"home_currency": "EUR"},
    ),
    "a sign in a header": Case(
        {"a.csv": "Order,Customer,Date,Amount £\n1,a,2023-03-01,10.00\n"},
        [("1", "GBP")],
        columns="order_id currency",
        mapping={"amount": "Amount £"},
        asks="no_currency",
        said={"currency": "GBP"},
    ),
    "thousands": Case(
        {"a.csv": "Order,Customer,Date,Amount (k€)\n1,a,2023-03-01,1.25\n"},
        [("1", Decimal(1250))],
        columns="order_id amount",
        mapping={"amount": "Amount (k€)"},
        asks="unit",
        shows=("thousands",),
        said={"unit": "thousands", "home_currency": "EUR"},
    ),
    "cents of an interface": Case(
        {"a.json": json.dumps([{"order_id": "1", "customer": "a", "date": "2023-03-01", "amount": 5000}])},
        [("1", FIFTY)],
        columns="order_id amount",
        asks="unit",
        shows=("such as 5000",),
        said={"unit": "minor_units"},
    ),
    "cents with what was refunded beside them": Case(
        {"a.csv": "order_id,customer,date,total,amount_refunded\n1,a,2023-03-01,5000,1000\n"},
        [("1", Decimal(40))],
        columns="order_id amount",
        said={"unit": "minor_units", "subtract_columns": "amount_refunded"},
    ),
    "subtotals with words": Case(
        {"a.csv": "Customer,Date,Total\na,2023-01-05,10\nSubtotal January,2023-01-31,10\n"
                  "Total February 2023,2023-02-28,0\nTotal Wine Ltd,2023-02-01,5\n"},
        [("a", TEN), ("Total Wine Ltd", Decimal(5))],
        rejected=2,
    ),
    "addresses as programs write them": Case(
        {"a.csv": "customer,date,total\nann@ex.com,2023-01-05,1\nmailto:ann@ex.com,2023-01-06,1\n"
                  "Ann <Ann@ex.com>,2023-01-07,1\nann@ex.com\u200b,2023-01-08,1\n"},
        [("ann@ex.com", Decimal(1))] * 4,
    ),
    "a credit behind the number": Case(
        {"a.csv": "customer,date,total\na,2023-01-05,10.00\na,2023-01-06,7.00 CR\n"},
        [("a", TEN), ("a", Decimal(-7))],
    ),
    "midnight on a day without one": Case(
        {"a.csv": "order_id,customer,date,total\n1,a,2023-09-02 00:00:00,10\n2,a,2023-09-03 00:00:00,20\n"
                  "3,b,2023-09-03 00:30:00,20\n"},
        SALES,
        columns="order_id amount",
        said={"time_zone": "America/Santiago"},
        rejected=1,
    ),
    "lines of an order that came back later": Case(
        {"a.csv": "Order,Customer,Date,SKU,Qty,Price\n1,a,2023-01-05,X,1,50.00\n1,a,2023-01-05,Y,2,10.00\n"
                  "2,b,2023-02-06,X,1,50.00\n1,a,2023-03-09,X,-1,50.00\n1,a,2023-03-09,Y,-2,10.00\n"
                  "2,b,2023-03-10,X,-1,20.00\n"},
        [("1", Decimal(70), "sale"), ("1", Decimal(-70), "refund"), ("2", FIFTY, "sale"),
         ("2", -TWENTY, "refund")],
        columns="order_id amount movement",
        said={"line_items": "price_each"},
        folded=2,
    ),
}  # fmt: skip
