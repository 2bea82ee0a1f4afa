"""The files of ``tests/data/cases``: each is read right, or asked about by a question that options answer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from programs.datasets.loading.ingest import ingest
from programs.datasets.loading.limits import CHOICES, Options
from programs.datasets.loading.problems import DatasetProblems

CASES = Path(__file__).parents[3] / "data" / "cases"
NOW = datetime(2026, 11, 29, tzinfo=UTC)
KINDS = {
    "targets_2digit.csv": "targets",
    "smile.csv": "point_ledger",
    "nps.csv": "survey_responses",
    "dub.csv": "referral_payouts",
    "hubspot.csv": "opportunities",
}
GUESTS = 2  # “guest” and 0
MISSING = 8


def load(store, *names, mapping=None, **said):
    options = Options(**{"home_currency": "USD", "now": NOW, **said})
    files = [CASES / name for name in names]
    kind = KINDS.get(names[0], "purchases")
    return ingest(files, kind, store=store, mapping=mapping or {}, options=options)


def rows(store, result, *columns):
    found = pq.read_table(store.root / result.snapshot.path).to_pylist()
    return sorted((tuple(row[name] for name in columns) for row in found), key=str)


def asked(store, *names, mapping=None, **said):
    """The problems of a load that is refused, the last of each code; nothing is stored then."""
    with pytest.raises(DatasetProblems) as caught:
        load(store, *names, mapping=mapping, **said)
    assert [path for path in store.root.rglob("*") if path.is_file()] == []
    return {problem.code: problem for problem in caught.value.problems}


def day(*told):
    return datetime(*told, tzinfo=UTC)


# ---------------------------------------------------------------- times


def test_an_offset_behind_a_space_is_read(store):
    result = load(store, "offset_with_space.csv")
    assert rows(store, result, "member_id", "purchased_at") == [
        ("m1", day(2026, 3, 1, 15, 30)),
        ("m2", day(2026, 3, 2, 3, 30)),
    ]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Pago_Pago", "Pacific/Kiritimati"])
@pytest.mark.parametrize("said", ["", "Asia/Tokyo"])
def test_days_are_days_of_the_program_whatever_zone_the_times_are_in(store, zone, said):
    result = load(store, "tz_dates_berlin.csv", home_zone=zone, time_zone=said or zone)
    same = load(store, "tz_dates_berlin.csv", home_zone=zone, time_zone=zone)
    assert result.snapshot.sha256 == same.snapshot.sha256


def test_years_of_two_digits_are_asked_about_and_never_of_the_first_century(store):
    problem = asked(store, "targets_2digit.csv")["short_years"]
    assert "“03/31/24” and the others have years of two digits" in problem.message
    assert "mm/dd/yy" in problem.allowed
    result = load(store, "targets_2digit.csv", date_format="mm/dd/yy")
    assert rows(store, result, "starts_on", "ends_on") == [(date(2024, 1, 15), date(2024, 3, 31))]


def test_dates_that_contradict_each_other_are_asked_about_with_one_of_each(store):
    problem = asked(store, "mixed_dates.csv")["contradicting_dates"]
    assert "“13/05/2024”" in problem.message
    assert "“05/13/2024”" in problem.message
    assert load(store, "mixed_dates.csv", date_format="mdy").snapshot.rows == 5


def test_dates_that_a_spreadsheet_half_converted_are_asked_about(store):
    problem = asked(store, "halfconv.csv")["half_converted_dates"]
    assert "“2024-03-02”" in problem.message
    assert "“13/05/2024”" in problem.message
    assert load(store, "halfconv.csv", date_format="dmy").snapshot.rows == 6


# ---------------------------------------------------------------- numbers


def test_a_decimal_comma_beside_a_decimal_point_is_asked_about(store):
    problem = asked(store, "mixdec.csv")["contradicting_decimals"]
    assert "“12.50”" in problem.message
    assert "“45,90”" in problem.message
    result = load(store, "mixdec.csv", decimal_separator=".")
    assert (result.snapshot.rows, result.rejected_rows) == (5, 1)


def test_thousands_or_decimals_are_asked_about(store):
    assert "“1.234”" in asked(store, "de2.csv")["ambiguous_decimals"].message
    result = load(store, "de2.csv", decimal_separator=",")
    assert rows(store, result, "amount") == [(Decimal(1234),), (Decimal(2500),)]


def test_amounts_of_india_and_europe_with_every_sign_of_a_refund(store):
    assert rows(store, load(store, "in.csv"), "amount") == [(Decimal("123456.5"),), (Decimal("99.5"),)]
    result = load(store, "space.csv")
    assert result.snapshot.currencies == ("EUR",)
    assert rows(store, result, "member_id", "amount", "movement") == [
        ("m1", Decimal("1234.5"), "sale"),
        ("m2", Decimal("1234.5"), "sale"),
        ("m3", Decimal(-5), "refund"),
        ("m4", Decimal(-7), "refund"),
        ("m5", Decimal(-8), "refund"),
        ("m6", Decimal(-9), "refund"),
    ]


def test_names_of_currencies_and_cells_without_one_are_one_question(store):
    problems = asked(store, "cur.csv")
    assert set(problems) == {"currency_names"}
    for words in ("“Euro” in row 2", "“RMB” in row 4", "nothing in row 3"):
        assert words in problems["currency_names"].message
    told = {"value_map": "currency: Euro=EUR, RMB=CNY", "currency": "USD"}
    found = rows(store, load(store, "cur.csv", **told), "currency")
    assert found == [("CNY",), ("EUR",), ("USD",), ("USD",)]


# ---------------------------------------------------------------- shapes of files


@pytest.mark.parametrize(
    ("name", "said", "accepted", "rejected"),
    [
        ("sep.csv", {}, 1, 0),
        ("preamble.csv", {}, 1, 1),
        ("preamble.xlsx", {}, 1, 1),
        ("orders.zip", {}, 1, 0),
        ("arr.json", {}, 2, 0),
        ("nested.jsonl", {}, 2, 0),
        ("tot.csv", {}, 2, 1),
        ("cp1252.csv", {"encoding": "cp1252"}, 1, 0),
    ],
)
def test_a_shape_that_exports_have_is_read(store, name, said, accepted, rejected):
    result = load(store, name, **said)
    assert (result.snapshot.rows, result.rejected_rows) == (accepted, rejected)


def test_an_encoding_that_is_asked_about_names_the_option_and_shows_the_text(store):
    problem = asked(store, "cp1252.csv")["encoding"]
    assert "“5,10.50,o1,Köln” in cp1252" in problem.message
    assert "encoding=cp1252" in problem.message
    assert rows(store, load(store, "cp1252.csv", encoding="cp1252"), "region") == [("Köln",)]


def test_two_headers_the_same_are_asked_about(store):
    problem = asked(store, "duphdr.csv")["ambiguous_column"]
    assert problem.allowed == ("Amount (column 3)", "Amount (column 5)")
    result = load(store, "duphdr.csv", mapping={"amount": "Amount (column 5)"})
    assert rows(store, result, "amount") == [(Decimal("9.5"),)]


def test_an_object_in_an_object_is_reached_by_its_path(store):
    result = load(store, "nested.jsonl", mapping={"member_id": "customer.id"})
    assert rows(store, result, "member_id", "currency") == [("7", "USD"), ("8", "USD")]


# ---------------------------------------------------------------- who, and what of


def test_what_stands_for_nobody_is_no_member_and_an_id_is_one_however_it_is_written(store):
    result = load(store, "nulls.csv")
    assert rows(store, result, "member_id", "order_id") == [("17850", "o10"), ("17850", "o11")]
    assert result.reasons == {
        "member_id: missing": MISSING,
        "member_id: stands for nobody in particular": GUESTS,
    }


def test_a_line_of_totals_is_questioned(store):
    result = load(store, "tot.csv")
    assert result.examples == {
        "member_id: looks like a line of totals, not like somebody": "“Grand Total” in row 3 of tot.csv"
    }


def test_numbers_of_two_shops_are_told_apart(store):
    problem = asked(store, "shopA.csv", "shopB.csv")["several_sources"]
    assert "order_id #1001 is of ann@x.com in shopA.csv and of cat@x.com in shopB.csv" in problem.message
    result = load(store, "shopA.csv", "shopB.csv", source="by_file")
    assert (result.snapshot.rows, result.rejected_rows) == (4, 0)


def test_two_people_of_one_deal_stay_two(store):
    found = rows(store, load(store, "hubspot.csv"), "opportunity_id", "person_id", "amount")
    assert found == [("9001", "51;77", Decimal(12500)), ("9002", None, None)]


@pytest.mark.parametrize(
    ("name", "orders", "folded"),
    [
        ("items_key.csv", [("c1", Decimal(40)), ("c2", Decimal(40))], 1),
        ("items_nokey.csv", [("c1", Decimal(40)), ("c2", Decimal(10))], 1),
    ],
)
def test_a_price_beside_a_quantity_is_a_question_and_lines_become_orders(store, name, orders, folded):
    problem = asked(store, name)["line_items"]
    assert all(words in problem.message for words in ("“price”", "“quantity”", "3 at 10.00", "line_items"))
    result = load(store, name, line_items="price_each")
    assert rows(store, result, "member_id", "amount") == orders
    assert (result.folded_rows, result.rejected_rows) == (folded, 0)


def test_a_cancellation_among_lines_is_negative_and_nobody_buys_nothing(store):
    assert set(asked(store, "uci.csv")) == {"line_items"}
    result = load(store, "uci.csv", line_items="price_each", currency="GBP")
    assert rows(store, result, "order_id", "member_id", "amount", "movement") == [
        ("536365", "17850", Decimal("35.64"), "sale"),
        ("C536379", "14527", Decimal("-27.5"), "refund"),
    ]
    assert result.rejected_rows == 1


def test_guests_are_not_one_customer_and_failed_and_refunded_orders_are_none(store):
    problems = asked(store, "woo.csv")
    assert "wc-failed (1), wc-refunded (1)" in problems["status"].message
    assert "subtract_columns=Order Refund Amount" in problems["refunded"].message
    result = load(
        store,
        "woo.csv",
        mapping={"member_id": "Email (Billing)"},
        filters="Order Status: wc-completed, wc-refunded",
        subtract_columns="Order Refund Amount",
    )
    assert rows(store, result, "member_id", "amount", "refunded_amount") == [
        ("a@x.com", Decimal(49), Decimal(0)),
        ("b@x.com", Decimal(59), Decimal(59)),
    ]
    assert result.left_out_rows == 1


def test_signed_points_and_words_are_read_by_what_was_said(store):
    problems = asked(store, "smile.csv")
    assert "value_map=entry: earning=issue" in problems["every_row_rejected"].message or (
        "sign_rule=negative_redeems" in problems["every_row_rejected"].message
    )
    told = {"value_map": "entry: earning=issue, spending=redeem", "sign_rule": "negative_redeems"}
    found = rows(store, load(store, "smile.csv", **told), "member_id", "entry", "points")
    assert found == [("a@x.com", "issue", Decimal(100)), ("a@x.com", "redeem", Decimal(50))]


def test_which_survey_it_is_is_said_once(store):
    assert "constants=survey=nps" in asked(store, "nps.csv")["missing_column"].message
    found = rows(store, load(store, "nps.csv", constants="survey=nps"), "survey", "score")
    assert found == [("nps", 3), ("nps", 9)]


DUB = {"referral_id": "customer", "beneficiary_id": "partner", "paid_at": "createdAt", "amount": "earnings"}


def test_a_commission_that_was_refunded_is_reversed_and_cents_are_cents(store):
    told = {"unit": "minor_units", "value_map": "status: refunded=reversed", "ignore_columns": "amount"}
    result = load(store, "dub.csv", mapping=DUB, **told)
    assert rows(store, result, "payout_id", "status", "amount") == [
        ("cm_1", "paid", Decimal(5)),
        ("cm_2", "reversed", Decimal("19.8")),
    ]


@pytest.mark.parametrize(("amount", "rejected"), [("$5.00", 1), ("500", 0)])
def test_an_amount_with_its_sign_is_not_taken_for_cents(store, write, amount, rejected):
    text = f'member_id,purchased_at,amount\nann,2024-01-05,"{amount}"\nbob,2024-01-06,100\n'
    options = Options(currency="USD", unit="minor_units", now=NOW)
    result = ingest([write("a.csv", text)], "purchases", store=store, options=options)
    assert result.rejected_rows == rejected


def test_every_answer_of_this_module_is_an_option_of_every_door():
    said = {"encoding", "date_format", "decimal_separator", "value_map", "currency", "source", "line_items"}
    said |= {"filters", "subtract_columns", "sign_rule", "constants", "unit", "ignore_columns"}
    assert said <= {choice.name for choice in CHOICES}
