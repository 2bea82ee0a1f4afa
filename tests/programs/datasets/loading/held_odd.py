"""More exports as people hold them: zones by name, numbers for dates, refunds with numbers of their own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

from tests.programs.datasets.loading.held_exports import Case

HEAD = "customer,date,amount,order\n"
PAYPAL = (
    '"Date","Time","TimeZone","Name","Type","Status","Currency","Gross","Fee","Net","From Email Address",'
    '"Transaction ID","Reference Txn ID"\n'
    '"03/14/2023","10:30:00","PDT","Ada","Website Payment","Completed","USD","1,050.00","-1.76","1,048.24",'
    '"ada@example.com","T1",""\n'
    '"03/20/2023","11:30:00","PDT","Ada","Payment Refund","Completed","USD","-1,050.00","0.00","-1,050.00",'
    '"ada@example.com","T3","T1"\n'
)
MADE = "\n".join(
    json.dumps({"customer": f"c{n}", "created_at": 1_677_305_600_000 + n * 86_400_000, "total": 5})
    for n in range(2)
)


def at(*told):
    return datetime(*told, tzinfo=UTC)


ODD: dict[str, Case] = {
    "short names of zones": Case(
        {"a.csv": f"{HEAD}a,2023-03-14 10:30:00 EST,10,1\n"
                  'b,"Mar 15, 2023 10:30:00 PM PDT",20,2\nc,"Mar 16, 2023 9:00:00 AM +0530",20,3\n'
                  "d,2023-03-14 10:30 CST,1,4\n"},
        [("a", at(2023, 3, 14, 15, 30)), ("b", at(2023, 3, 16, 5, 30)), ("c", at(2023, 3, 16, 3, 30))],
        columns="member_id purchased_at",
        rejected=1,  # CST is Chicago, and Shanghai
    ),
    "zones of Europe, day first": Case(
        {"a.csv": f"{HEAD}a,14/03/2023 10:30 CET,10,1\nb,15.07.2023 23:30:00 CEST,20,2\n"},
        [("a", at(2023, 3, 14, 9, 30)), ("b", at(2023, 7, 15, 21, 30))],
        columns="member_id purchased_at",
    ),
    "a header with the short name of a zone": Case(
        {"a.csv": "customer,date (PST),amount\na,2023-07-14 10:30:00,10\n"},
        [("a", at(2023, 7, 14, 17, 30))],
        columns="member_id purchased_at",
        asks="unclear_zone",
        shows=("date (PST)", "America/Los_Angeles"),
        said={"time_zone": "America/Los_Angeles", "zone_is_said": "yes"},
    ),
    "milliseconds since 1970": Case(
        {"a.jsonl": MADE},
        [("c0", at(2023, 2, 25, 6, 13, 20)), ("c1", at(2023, 2, 26, 6, 13, 20))],
        columns="member_id purchased_at",
        asks="numbers_for_dates",
        shows=("1677305600000", "unix_ms"),
        said={"date_format": "unix_ms", "time_zone": "Asia/Tokyo"},
    ),
    "seconds since 1970": Case(
        {"a.csv": f"{HEAD}a,1677305600,10,1\n"},
        [("a", at(2023, 2, 25, 6, 13, 20))],
        columns="member_id purchased_at",
        asks="numbers_for_dates",
        said={"date_format": "unix"},
    ),
    "days of a spreadsheet": Case(
        {"a.csv": f"{HEAD}a,44986,10,1\nb,44987.5,20,2\n"},
        [("a", at(2023, 2, 28, 23)), ("b", at(2023, 3, 2, 11))],
        columns="member_id purchased_at",
        asks="numbers_for_dates",
        shows=("44986", "excel"),
        said={"date_format": "excel", "time_zone": "Europe/Berlin", "home_zone": "Europe/Berlin"},
    ),
    "no date at all": Case(
        {"a.csv": f"{HEAD}a,1970-01-01,1,1\na,1900-01-01,1,2\n"
                  "a,1970-01-01 00:00:00,1,3\nb,2023-03-01,5,4\n"},
        [("b", Decimal(5))],
        rejected=3,
    ),
    "refunds with numbers of their own": Case(
        {"a.csv": "customer,date,amount,order_id,parent_order_id\n"
                  "a,2023-03-01,10,1,\na,2023-03-05,20,2,\na,2023-03-08,-10,3,1\n"},
        [("1", Decimal(10)), ("2", Decimal(20)), ("1", Decimal(-10))],
        columns="order_id amount",
        asks="original",
        shows=("parent_order_id", "1 beside 3"),
        said={"original_column": "parent_order_id"},
    ),
    "activity of a payment service": Case(
        {"a.csv": PAYPAL},
        [("T1", Decimal(1050)), ("T1", Decimal(-1050))],
        columns="order_id amount",
        asks="original",
        mapping={"member_id": "From Email Address", "amount": "Gross"},
        said={"original_column": "Reference Txn ID", "ignore_columns": "TimeZone"},
    ),
    "refunds of two shops": Case(
        {"a.csv": "customer,date,amount,order_id,original_order\na,2023-03-01,10,1,\na,2023-03-08,-4,3,1\n"},
        [("de:1", Decimal(10)), ("de:1", Decimal(-4))],
        columns="order_id amount",
        said={"original_column": "original_order", "source": "de"},
    ),
    "a reference that is no order": Case(
        {"a.csv": "customer,date,amount,order_id,reference\na,2023-03-01,10,1,spring\n"},
        [("1", Decimal(10))],
        columns="order_id amount",
    ),
    "identifiers shortened by a spreadsheet": Case(
        {"a.csv": f"{HEAD}1.23457E+12,2023-03-01,10,1\n1.23457E+12,2023-03-02,10,2\nb,2023-03-02,1,3\n"},
        [("b", Decimal(1))],
        rejected=2,
    ),
    "words for nobody": Case(
        {"a.csv": f"{HEAD}anonymous,2023-03-02,10,4\nWalk-in,2023-03-02,10,5\n"
                  "-1,2023-03-03,10,7\nb,2023-03-03,1,8\n"},
        [("b", Decimal(1))],
        rejected=3,
    ),
    "titles over groups of columns": Case(
        {"a.csv": "Customer,,Order,,\nid,name,date,amount,no\na,Ada,2023-03-01,10,1\n"},
        [("a", Decimal(10), "1")],
        columns="member_id amount order_id",
        asks="missing_column",
        shows=("Did you mean “id”",),
        mapping={"member_id": "id", "order_id": "no"},
    ),
    "orders that are refunded in part": Case(
        {"a.csv": "customer,date,amount,status\na,2023-03-01,10,completed\nb,2023-03-02,20,refunded\n"
                  "c,2023-03-02,30,partially refunded\n"},
        [("a", Decimal(10)), ("c", Decimal(30))],
        asks="status",
        shows=("partially refunded counts with all of its amount",),
        said={"filters": "status: completed, partially refunded"},
        left_out=1,
    ),
    "points that are pending": Case(
        {"a.csv": "id,customer,date,points,type,status\n1,a,2023-03-01,100,issue,approved\n"
                  "2,a,2023-03-02,50,issue,pending\n3,b,2023-03-05,20,issue,cancelled\n"},
        [("a", Decimal(100))],
        columns="member_id points",
        kind="point_ledger",
        asks="status",
        shows=("Not every row moved points", "cancelled (1), pending (1)"),
        said={"filters": "status: approved"},
        left_out=2,
    ),
    "a referral that was refunded": Case(
        {"a.csv": "id,referrer,invited_at,won_at,revenue,status\n1,a,2023-01-01,2023-02-01,100,converted\n"
                  "2,a,2023-01-02,,0,pending\n3,b,2023-01-03,2023-02-03,50,refunded\n"},
        [("1",), ("2",)],
        columns="referral_id",
        kind="referrals",
        asks="status",
        shows=("a referral that stands", "refunded (1)"),
        said={"filters": "!status: refunded"},
        left_out=1,
    ),
    "a deal that was deleted": Case(
        {"a.csv": "opportunity_id,person_id,stage,created_at,amount,Deleted at\n"
                  "1,p1,open,2023-01-05,1000,\n2,p2,open,2023-01-05,500,2023-02-01\n"},
        [("1", Decimal(1000))],
        columns="opportunity_id amount",
        kind="opportunities",
        asks="status",
        shows=("1 rows have a “Deleted at”",),
        said={"filters": 'Deleted at: ""'},
        left_out=1,
    ),
    "a time and its zone beside the day": Case(
        {"a.csv": "customer,Date,Time,Time Zone,total\na,2023-03-31,22:30:00,Pacific Time (US & Canada),10\n"
                  "b,2023-03-31,9:15 PM,Pacific Time (US & Canada),20\n"},
        [("a", at(2023, 4, 1, 5, 30)), ("b", at(2023, 4, 1, 4, 15))],
        columns="member_id purchased_at",
        asks="zone_column",
        shows=("Pacific Time (US & Canada) (2)", "time_column"),
        said={"time_column": "Time", "time_zone": "America/Los_Angeles", "zone_is_said": "yes"},
    ),
}  # fmt: skip
