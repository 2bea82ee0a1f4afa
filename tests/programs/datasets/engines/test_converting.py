"""Amounts in other currencies than the program's: converted by dated rates, or refused; never relabelled."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from gtm.core.money import Money, minor_units
from programs.analytics.fx import convert
from programs.datasets import OpenData, Options, SnapshotStore
from programs.datasets.engines.converting import MixedCurrencies
from programs.datasets.engines.netting import net_orders
from programs.datasets.loading.ingest import ingest
from programs.datasets.rates import ecb_rates

OPTIONS = Options(currency="USD", now=datetime(2030, 1, 1, tzinfo=UTC))
HEADER = "member_id,purchased_at,amount,currency,order_id"


def open_in(tmp_path, currency, lines, zone="UTC", kind="purchases", header=HEADER):
    file = tmp_path / "rows.csv"
    file.write_text("\n".join([header, *lines]) + "\n")
    taken = ingest([file], kind, store=SnapshotStore(tmp_path / "store"), options=OPTIONS)
    assert taken.rejected_rows == 0
    described = [{"kind": kind, "sha256": taken.snapshot.sha256, "partner": ""}]
    return OpenData(tmp_path / "store", described, zone, currency)


def months(data):
    rows = data.engine.revenue_by_period(data.snapshot("purchases")).to_pylist()
    return {row["period"].month: row for row in rows}


@pytest.mark.parametrize("target", ["USD", "EUR", "JPY", "GBP"])
def test_each_amount_takes_the_rate_of_its_own_day(tmp_path, target):
    """Every day of a year, weekends and holidays among them, in three currencies."""
    first = date(2024, 1, 1)
    rows = [(first + timedelta(days=n), Decimal(100 + n), ("EUR", "USD", "JPY")[n % 3]) for n in range(366)]
    lines = [f"m{n},{day},{amount},{code},o{n}" for n, (day, amount, code) in enumerate(rows)]
    exponent = Decimal(1).scaleb(-minor_units(target))
    wanted = sum(
        convert(amount, code, target, day, ecb_rates(), exponent=exponent).amount
        for day, amount, code in rows
    )
    found = sum(row["revenue"] for row in months(open_in(tmp_path, target, lines)).values())
    assert found == wanted


def test_the_currency_of_the_program_is_left_as_it_is(tmp_path):
    data = open_in(tmp_path, "EUR", ["a,2024-01-05,10.01,EUR,o1"])
    assert data.conversions("purchases") == []
    assert months(data)[1]["revenue"] == Decimal("10.01")


def test_what_was_converted_is_told_with_its_rates(tmp_path):
    (found,) = open_in(tmp_path, "USD", ["a,2024-01-05,10,EUR,o1", "b,2024-01-05,10,USD,o2"]).conversions(
        "purchases"
    )
    assert "purchases in EUR are converted to USD" in found.sentence()
    assert "ECB euro foreign exchange reference rates until" in found.sentence()


def test_the_day_is_that_of_the_program(tmp_path):
    """Late on Tuesday in New York is Wednesday in Tokyo, which has another rate."""
    line = ["a,2024-03-05T22:00-05:00,1000000,EUR,o1"]
    found = {
        zone: months(open_in(tmp_path, "USD", line, zone))[3]["revenue"]
        for zone in ("America/New_York", "Asia/Tokyo")
    }
    rates = {
        day: convert(Decimal(1_000_000), "EUR", "USD", date(2024, 3, day), ecb_rates()).amount
        for day in (5, 6)
    }
    assert list(found.values()) == [rates[5], rates[6]]
    assert rates[5] != rates[6]


@pytest.mark.parametrize(
    ("line", "target", "said"),
    [
        (
            "a,2024-01-05,10,KWD,o1",
            "USD",
            "in KWD and the program counts in USD: 1 amounts in KWD on 2024-01-05",
        ),
        ("a,2024-01-05,10,EUR,o1", "KWD", "in EUR, USD and the program counts in KWD"),
        ("a,2024-01-05,10,RUB,o1", "EUR", "have no rate in the ECB"),  # not quoted since 2022
    ],
)
def test_an_amount_without_a_rate_is_refused_and_not_relabelled(tmp_path, line, target, said):
    data = open_in(tmp_path, target, [line, "b,2024-01-05,5,USD,o2"])
    with pytest.raises(MixedCurrencies, match=said) as refused:
        months(data)
    assert f"Load them in {target}" in refused.value.hint


def test_an_edition_of_rates_that_ends_too_early_is_refused(tmp_path):
    after = ecb_rates().dates["USD"][-1] + timedelta(days=8)
    with pytest.raises(MixedCurrencies, match=f"on {after}"):
        months(open_in(tmp_path, "USD", [f"a,{after},10,EUR,o1"]))


def test_revenue_takes_the_rate_of_the_sale_and_a_refund_by_day_that_of_the_refund(tmp_path):
    data = open_in(
        tmp_path, "USD", ["a,2024-01-05,1000,EUR,o1", "b,2024-01-05,10,USD,o2", "a,2024-02-05,-400,EUR,o1"]
    )
    at = {
        month: convert(Decimal(1), "EUR", "USD", date(2024, month, 5), ecb_rates()).rate for month in (1, 2)
    }
    found = months(data)
    assert found[1]["revenue"] == 10 + round(600 * at[1], 2)
    assert found[1]["gross"] == 10 + round(600 * at[1], 2) + round(400 * at[1], 2)
    assert found[2]["refunded"] == round(400 * at[2], 2)


def test_a_refund_is_netted_in_the_currency_of_its_order(tmp_path):
    lines = ["a,2024-01-05,100,EUR,o1", "a,2024-02-05,-100,EUR,o1", "b,2024-02-05,7,USD,o2"]
    data = open_in(tmp_path, "USD", lines)
    snapshot = data.snapshot("purchases")
    assert net_orders(SnapshotStore(tmp_path / "store"), snapshot).account.orders == 1
    assert [
        row["member_id"]
        for row in data.engine.member_rfm(snapshot, as_of=data.as_of("purchases")).to_pylist()
    ] == ["b"]


def test_money_of_a_referral_takes_the_rate_of_the_day_it_was_won(tmp_path):
    data = open_in(
        tmp_path,
        "USD",
        ["r1,p,2024-01-05,2024-03-05,1000,EUR"],
        kind="referrals",
        header="referral_id,referrer_id,invited_at,won_at,revenue,currency",
    )
    start, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
    (row,) = data.engine.referral_flows(data.snapshot("referrals"), start=start, end=end).to_pylist()
    assert row["revenue"] == convert(Decimal(1000), "EUR", "USD", date(2024, 3, 5), ecb_rates()).amount


@pytest.mark.parametrize(
    ("money", "text"),
    [(("1234.5", "USD"), "1,234.50 USD"), (("1234", "JPY"), "1,234 JPY"), (("1.5", "KWD"), "1.500 KWD")],
)
def test_money_is_written_with_the_digits_of_its_currency(money, text):
    assert str(Money(Decimal(money[0]), money[1])) == text
