"""What is to come of points, against ledgers whose end is known."""

import numpy as np
import pytest

from programs.analytics.breakage import forecast_redemption
from programs.analytics.estimate import Unavailable
from programs.analytics.outlook import point_outlook

SHARES = np.array([0.05, 0.10, 0.15, 0.10, 0.05, 0.03, 0.02, 0.01])
"""Of what is issued, redeemed at each age."""
RATE = SHARES.sum()


def triangle(issued, steps=SHARES):
    vintages, ages = len(issued), len(steps)
    seen = np.add.outer(np.arange(vintages), np.arange(ages)) < vintages
    return np.where(seen, np.outer(issued, np.cumsum(steps)), np.nan)


def test_vintages_that_are_redeemed_alike_come_to_what_the_oldest_came_to():
    issued = np.arange(1, 9) * 1000.0
    found = point_outlook(issued, triangle(issued), np.zeros(8))
    ahead = [SHARES[8 - n :].sum() for n in range(8)]
    assert found.to_come == pytest.approx(issued * ahead)
    assert found.rate_of_new == pytest.approx(RATE)
    assert found.breakage().value == pytest.approx(1 - RATE)
    assert found.total_standard_error == pytest.approx(0, abs=1e-6)


def test_fresh_points_are_expected_to_be_redeemed_like_older_ones_where_chain_ladder_expects_nothing():
    issued = np.full(8, 1000.0)
    redeemed, campaign = triangle(issued), 3_200_000.0
    before = point_outlook(issued, redeemed, np.zeros(8)).to_come.sum()
    issued[-1] += campaign
    after = point_outlook(issued, redeemed, np.zeros(8)).to_come.sum()
    assert after - before == pytest.approx(campaign * (RATE - SHARES[0]))
    reserves = forecast_redemption(issued, redeemed).by_vintage.reserve.sum()
    assert reserves == pytest.approx(before)


def test_points_issued_after_the_last_month_count_in_full_and_redemptions_since_are_taken_off():
    issued = np.full(8, 1000.0)
    found = point_outlook(issued, triangle(issued), np.zeros(8))
    out = 8000 - found.redeemed.sum()
    rate = found.rate_of_outstanding(out + 500 - 90, fresh=500, redeemed_since=90)
    assert rate.numerator == pytest.approx(found.to_come.sum() + 500 * RATE - 90)
    assert rate.denominator == out + 410


def test_never_more_is_expected_of_a_month_than_is_out():
    issued = np.full(8, 1000.0)
    lapsed = np.zeros(8)
    lapsed[-1] = 950.0  # with the 50 redeemed nothing is left
    assert point_outlook(issued, triangle(issued), lapsed).to_come[-1] == 0


def test_on_ledgers_drawn_by_chance_it_is_right_on_average_and_says_how_sure_it_is():
    rng, months, basket = np.random.default_rng(13), 14, 200
    chances = np.append(np.append(SHARES, np.zeros(months - SHARES.size)), 1 - RATE)
    missed, inside, ladders = [], [], []
    for _ in range(150):
        issued = rng.integers(250, 750, months) * basket
        drawn = np.array([rng.multinomial(points // basket, chances)[:-1] * basket for points in issued])
        whole = np.cumsum(drawn, axis=1).astype(float)
        seen = np.add.outer(np.arange(months), np.arange(months)) < months
        known = np.where(seen, whole, np.nan)
        found = point_outlook(issued, known, np.zeros(months))
        truth = whole[:, -1].sum() - found.redeemed.sum()
        missed.append(found.to_come.sum() - truth)
        inside.append(abs(missed[-1]) < 1.96 * found.total_standard_error)
        ladders.append(forecast_redemption(issued, known).by_vintage.reserve.sum() - truth)
    error = np.array(missed)
    assert abs(error.mean()) < 3 * error.std() / np.sqrt(error.size)
    assert 0.9 < np.mean(inside) <= 1
    assert np.sqrt((error**2).mean()) < 0.6 * np.sqrt((np.array(ladders) ** 2).mean())


@pytest.mark.parametrize(
    ("issued", "redeemed", "reason"),
    [
        ([100.0], [[10.0, 20.0]], "two months of issue"),
        ([100.0, 100.0], [[0.0, 0.0], [0.0, np.nan]], "No point has been redeemed"),
        ([100.0, 100.0], [[50.0, 120.0], [10.0, np.nan]], "More points were redeemed"),
    ],
)
def test_what_tells_nothing_says_why(issued, redeemed, reason):
    found = point_outlook(issued, redeemed, np.zeros(len(issued)))
    assert isinstance(found, Unavailable)
    assert reason in found.reason


def test_without_points_there_is_no_rate():
    found = point_outlook([100.0, 100.0], [[10.0, 20.0], [10.0, np.nan]], [0.0, 0.0])
    assert isinstance(found.rate_of_outstanding(0), Unavailable)
