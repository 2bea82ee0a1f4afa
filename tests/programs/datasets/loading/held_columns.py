"""What exports mean by their columns: as in ``held_exports``, each the smallest of its kind."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from tests.programs.datasets.loading.held_exports import PLAIN, Case

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

MEANINGS: dict[str, Case] = {
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
        shows=(
            "“earning” in row 1 of a.csv", "value_map=entry: earning=… with one of issue",
            "sign_rule=negative_redeems",
        ),
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
        shows=("“price” is next to “quantity”", "3 at 4.00"),
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
