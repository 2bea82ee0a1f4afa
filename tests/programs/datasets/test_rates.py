"""The rates of the installed edition against what the ECB published."""

from datetime import date
from decimal import Decimal

import pytest

from programs.analytics.fx import RateNotFound, convert
from programs.datasets.rates import ecb_rates


def test_a_published_rate_converts_and_names_its_source():
    found = convert(Decimal(100), "EUR", "USD", date(2014, 3, 28), ecb_rates())
    assert (found.amount, found.rate_date) == (Decimal("137.59"), date(2014, 3, 28))
    assert found.source.startswith("ECB euro foreign exchange reference rates until 20")


def test_a_saturday_takes_fridays_rate_and_says_so():
    found = convert(Decimal(100), "EUR", "USD", date(2014, 3, 29), ecb_rates())
    assert (found.amount, found.rate_date) == (Decimal("137.59"), date(2014, 3, 28))
    assert found.note == "No rate on Sat 2014-03-29; rate of Fri 2014-03-28 used."


@pytest.mark.parametrize(
    ("currency", "day", "rate"),
    [
        ("HRK", date(2022, 12, 30), "7.5365"),  # the last that was quoted
        ("HRK", date(2023, 1, 2), "7.53450"),
        ("BGN", date(2025, 12, 31), "1.9558"),
        ("BGN", date(2026, 1, 2), "1.95583"),
        ("LTL", date(2015, 1, 1), "3.45280"),
    ],
)
def test_the_new_members_of_the_euro_are_quoted_up_to_their_day_and_fixed_from_then_on(currency, day, rate):
    found = convert(Decimal(1), "EUR", currency, day, ecb_rates())
    assert (found.rate, found.rate_date) == (Decimal(rate), day)


def test_a_day_beyond_the_edition_has_no_rate():
    with pytest.raises(RateNotFound, match="the latest rate is of"):
        convert(Decimal(100), "EUR", "USD", date(2090, 1, 1), ecb_rates())
