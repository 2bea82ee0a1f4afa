from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.fx import RateBook, RateNotFound, convert

ECB = RateBook.from_ecb_csv(
    (Path(__file__).parents[2] / "data" / "ecb" / "eurofxref-2014.csv").read_text().splitlines()
)
FRIDAY, SATURDAY = date(2014, 3, 28), date(2014, 3, 29)


def test_hundred_euro_on_a_business_day():
    result = convert(Decimal(100), "EUR", "USD", FRIDAY, ECB)
    assert (result.amount, result.rate, result.rate_date, result.note) == (
        Decimal("137.59"), Decimal("1.3759"), FRIDAY, "",
    )  # fmt: skip


def test_weekend_uses_the_previous_business_day_and_says_so():
    result = convert(Decimal(100), "EUR", "USD", SATURDAY, ECB)
    assert (result.amount, result.rate_date, result.requested_date) == (Decimal("137.59"), FRIDAY, SATURDAY)
    assert result.note == "No rate on Sat 2014-03-29; rate of Fri 2014-03-28 used."


def test_easter_closing_uses_maundy_thursday():
    assert convert(Decimal(1), "USD", "EUR", date(2014, 4, 21), ECB).rate_date == date(2014, 4, 17)


def test_cross_rate_goes_over_the_euro():
    result = convert(Decimal(100), "USD", "GBP", FRIDAY, ECB)
    assert result.amount == Decimal("60.12")  # 100 / 1.3759 × .8272
    assert result.rate == Decimal("0.8272") / Decimal("1.3759")


def test_cross_rate_takes_both_legs_of_one_common_day():
    book = RateBook.from_ecb_csv(
        ["Date,USD,GBP", "2014-03-28,1.5,N/A", "2014-03-27,N/A,0.7", "2014-03-26,1.2,0.6"]
    )
    result = convert(Decimal(12), "USD", "GBP", FRIDAY, book)
    assert (result.amount, result.rate_date) == (Decimal("6.00"), date(2014, 3, 26))


@pytest.mark.parametrize(
    ("currency", "day", "reason"),
    [
        ("XXX", FRIDAY, "the currency is not quoted"),
        ("DEM", date(1998, 12, 31), "the currency is not quoted"),
        ("USD", date(2014, 3, 1), "the day lies before the first rate"),
        ("USD", date(2014, 6, 1), "the latest rate is of 2014-04-29"),
    ],
)
def test_missing_rate_is_an_error_with_its_reason(currency, day, reason):
    with pytest.raises(RateNotFound) as caught:
        convert(Decimal(1), currency, "EUR", day, ECB)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("currency", "day", "per_euro"),
    [
        ("CYP", FRIDAY, "0.585274"),
        ("DEM", date(1999, 1, 1), "1.95583"),
        ("HRK", date(2023, 1, 1), "7.53450"),  # a Sunday
        ("BGN", date(2026, 1, 1), "1.95583"),
        ("BGN", date(2090, 6, 30), "1.95583"),
    ],
)
def test_a_currency_that_became_the_euro_has_its_fixed_rate_on_every_day_since(currency, day, per_euro):
    result = convert(Decimal(1_000_000), currency, "EUR", day, ECB)
    assert result.amount == round(1_000_000 / Decimal(per_euro), 2)
    assert (result.rate_date, result.note) == (day, "")


def test_a_fixed_rate_crosses_to_a_quoted_currency_on_its_day():
    result = convert(Decimal(100), "CYP", "USD", SATURDAY, ECB)
    assert (result.rate, result.rate_date) == (Decimal("1.3759") / Decimal("0.585274"), FRIDAY)


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_same_currency_keeps_the_amount(amount):
    assert convert(amount, "USD", "USD", SATURDAY, ECB).amount == amount


@pytest.mark.parametrize("lines", [["Day,USD"], ["Date,USD", "2014-03-28,0"]])
def test_file_that_is_no_rate_file_is_refused(lines):
    with pytest.raises(ValueError, match="rate"):
        RateBook.from_ecb_csv(lines)
