import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.breakage import RedemptionForecast, chain_ladder, forecast_redemption
from programs.analytics.estimate import Unavailable

# RAA, cumulative: Reinsurance Association of America, Historical Loss Development Study (1991),
# as used in Mack (1993) and shipped with the chainladder package.
RAA = [
    [5012, 8269, 10907, 11805, 13539, 16181, 18009, 18608, 18662, 18834],
    [106, 4285, 5396, 10666, 13782, 15599, 15496, 16169, 16704],
    [3410, 8992, 13873, 16141, 18735, 22214, 22863, 23466],
    [5655, 11555, 15766, 21266, 23425, 26083, 27067],
    [1092, 9565, 15836, 22169, 25955, 26180],
    [1513, 6445, 11702, 12935, 15852],
    [557, 4020, 10946, 12314],
    [1351, 6947, 13112],
    [3133, 5395],
    [2063],
]


def triangle(rows):
    width = len(rows[0])
    return np.array([list(row) + [np.nan] * (width - len(row)) for row in rows], dtype=float)


def test_chain_ladder_reproduces_the_raa_ultimates_and_mack_errors():
    ladder = chain_ladder(triangle(RAA))
    assert round(ladder.ultimate.sum(), 2) == 213122.23
    assert round(ladder.reserve.sum(), 2) == 52135.23
    assert round(ladder.total_standard_error) == 26909
    assert ladder.standard_error.round().tolist() == [0, 206, 623, 747, 1469, 2002, 2209, 5358, 6333, 24566]


def test_the_last_sigma_follows_macks_rule():
    sigma = chain_ladder(triangle(RAA)).sigma
    assert sigma[[0, 6, 7, 8]].round(4).tolist() == [166.9835, 1.1591, 2.8077, 1.1591]


VINTAGES = triangle([[100, 300, 400], [120, 330], [90]])
ISSUED = [500.0, 500.0, 500.0]


def test_rates_of_issued_and_of_outstanding_points_differ():
    forecast = forecast_redemption(ISSUED, VINTAGES)
    assert isinstance(forecast, RedemptionForecast)
    ultimate = 400 + 330 * 4 / 3 + 90 * (630 / 220) * 4 / 3
    assert forecast.rate_of_issued.value == pytest.approx(ultimate / 1500)
    assert forecast.rate_of_outstanding.value == pytest.approx((ultimate - 820) / (1500 - 820))
    assert forecast.breakage_rate.value == pytest.approx(1 - ultimate / 1500)


def test_expired_points_are_no_longer_outstanding():
    with_expiry = forecast_redemption(ISSUED, VINTAGES, expired=80.0)
    assert with_expiry.rate_of_outstanding.denominator == 600


def test_cape_cod_leans_on_points_issued():
    forecast = forecast_redemption(ISSUED, VINTAGES)
    used = 500 + 500 / (4 / 3) + 500 / (630 / 220 * 4 / 3)
    prior = 820 / used
    expected = 820 + prior * (1500 - used)
    assert forecast.cape_cod_rate == pytest.approx(expected / 1500)


def test_more_redeemed_than_issued_in_the_end_is_unavailable_with_the_numbers():
    forecast = forecast_redemption([400.0, 350.0, 100.0], VINTAGES)
    assert isinstance(forecast, Unavailable)
    assert "projects 1,184 redeemed of 850" in forecast.reason


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 2], [3, 4], [np.nan, 5]], "without gaps"),
        ([[1, np.nan], [3, 4]], "oldest vintage"),
        ([[0, 2], [3, np.nan]], "Nothing was redeemed"),
        ([[1, 2]], "two vintages"),
    ],
)
def test_what_is_no_run_off_triangle_is_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        chain_ladder(rows)


@given(st.lists(st.lists(st.floats(0.01, 0.2), min_size=4, max_size=4), min_size=4, max_size=4))
def test_the_rate_of_outstanding_points_stays_between_zero_and_one(increments):
    shares = np.cumsum(increments, axis=1)
    seen = np.add.outer(np.arange(4), np.arange(4)) < 4
    issued = np.full(4, 1000.0)
    forecast = forecast_redemption(issued * 30, np.where(seen, shares * 1000, np.nan))
    outstanding = forecast.rate_of_outstanding
    assert 0 <= outstanding.low <= outstanding.value <= outstanding.high <= 1
    assert forecast.rate_of_issued.value >= outstanding.value


@given(st.floats(0.5, 100))
def test_rates_do_not_depend_on_the_unit_of_points(scale):
    plain = forecast_redemption(ISSUED, VINTAGES)
    scaled = forecast_redemption(np.array(ISSUED) * scale, VINTAGES * scale)
    assert scaled.rate_of_issued.value == pytest.approx(plain.rate_of_issued.value)


HELD = [0.0, 0.0, 0.2, 0.3, 0.35]
"""Of points issued, redeemed by each age: none in the first two months."""


def held(issued, shares=HELD):
    rows = [[points * share for share in shares[: len(shares) - n]] for n, points in enumerate(issued)]
    return triangle(rows)


def test_the_triangle_starts_at_the_first_age_with_redemptions():
    issued = [1000.0, 3000.0, 2000.0, 500.0, 4000.0]
    forecast = forecast_redemption(issued, held(issued))
    assert forecast.rate_of_issued.value == pytest.approx(0.35)
    assert forecast.by_vintage.ultimate == pytest.approx(np.array(issued) * 0.35)
    redeemed = 350 + 900 + 400
    assert forecast.by_vintage.latest.sum() == pytest.approx(redeemed)
    outstanding = sum(issued) - redeemed
    assert forecast.rate_of_outstanding.value == pytest.approx((0.35 * sum(issued) - redeemed) / outstanding)
    assert forecast.cape_cod_rate == pytest.approx(0.35)


def test_what_is_first_redeemed_is_uncertain_as_the_vintages_differ():
    issued = np.full(5, 1000.0)
    redeemed = held(issued)
    redeemed[1] *= 1.5
    forecast = forecast_redemption(issued, redeemed)
    assert forecast.rate_of_issued.standard_error > 0
    assert forecast.rate_of_issued.low < forecast.rate_of_issued.value < forecast.rate_of_issued.high


@pytest.mark.parametrize(
    ("shares", "reason"),
    [
        ([0.0, 0.0, 0.0, 0.0, 0.1], "from age 5 on, which 1 month"),
        ([0.0, 0.0, 0.0, 0.0, 0.0], "No point has been redeemed yet"),
    ],
)
def test_too_few_vintages_at_the_first_age_with_redemptions_tell_nothing(shares, reason):
    forecast = forecast_redemption(np.full(5, 1000.0), held(np.full(5, 1000.0), shares))
    assert isinstance(forecast, Unavailable)
    assert reason in forecast.reason
