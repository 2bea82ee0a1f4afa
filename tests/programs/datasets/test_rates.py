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


def test_a_day_beyond_the_edition_has_no_rate():
    with pytest.raises(RateNotFound, match="the latest rate is of"):
        convert(Decimal(100), "EUR", "USD", date(2090, 1, 1), ecb_rates())
