"""What comes after the oldest month of issue, and small triangles, in ledgers whose end is known."""

import numpy as np
import pytest

from programs.analytics.breakage import bootstrap_reserve, chain_ladder, forecast_redemption
from programs.analytics.outlook import point_outlook
from programs.analytics.redemption_tail import redemption_tail


def ledger(rng, shares, vintages):
    """Blocks of 100 points, each redeemed at an age or never: what was issued, the triangle, and its end."""
    chances = np.append(shares, 1 - sum(shares))
    issued = rng.integers(600, 1400, vintages) * 100.0
    triangle, end = np.full((vintages, vintages), np.nan), 0.0
    for vintage, points in enumerate(issued):
        redeemed = np.cumsum(rng.multinomial(int(points / 100), chances)[:-1]) * 100.0
        seen = vintages - vintage
        triangle[vintage, :seen] = redeemed[:seen]
        end += redeemed[-1]
    return issued, triangle, end


LATE = 0.06 * 0.85 ** np.arange(200)
"""Of the points redeemed at each age: 40 % in the end, a tenth of it after fourteen months."""


def test_late_redemptions_are_forecast_without_bias_and_with_an_interval_that_holds():
    rng, off, without, inside, worlds = np.random.default_rng(5), [], [], 0, 300
    for _ in range(worlds):
        issued, triangle, end = ledger(rng, LATE, 14)
        truth = end / issued.sum()
        found = forecast_redemption(issued, triangle, tail=redemption_tail(issued, triangle)).rate_of_issued
        off.append(found.value - truth)
        without.append(forecast_redemption(issued, triangle).rate_of_issued.value - truth)
        inside += found.low <= truth <= found.high
    assert abs(np.mean(off)) < 0.005
    assert np.mean(without) < -0.03
    assert 0.9 <= inside / worlds <= 0.99


def test_the_points_still_out_are_expected_to_be_redeemed_late_too():
    issued, triangle, _ = ledger(np.random.default_rng(6), LATE, 14)
    tail = redemption_tail(issued, triangle)
    plain, late = (point_outlook(issued, triangle, np.zeros(14), tail=each) for each in (None, tail))
    assert late.to_come.sum() - plain.to_come.sum() == pytest.approx(tail.rate * issued.sum())
    assert late.rate_of_new == pytest.approx(0.4, abs=0.03)
    assert late.total_standard_error > plain.total_standard_error


def test_where_redemptions_have_ended_there_is_no_tail():
    shares = np.array([0.1, 0.2, 0.1, 0.05, 0.02, 0, 0, 0, 0, 0])
    issued, triangle, _ = ledger(np.random.default_rng(1), shares, 10)
    tail = redemption_tail(issued, triangle)
    assert (tail.rate, tail.error) == (0.0, 0.0)
    assert tail.sentence == "none is seen to be redeemed after 10 months"
    assert forecast_redemption(issued, triangle, tail=tail).rate_of_issued == (
        forecast_redemption(issued, triangle).rate_of_issued
    )


def test_where_redemptions_do_not_fall_yet_the_tail_is_said_and_not_made_up():
    issued = np.full(8, 1000.0)
    triangle = np.where(
        np.add.outer(np.arange(8), np.arange(8)) < 8, np.outer(issued, 0.03 * np.arange(1, 9)), np.nan
    )
    tail = redemption_tail(issued, triangle)
    assert tail.rate is None
    assert "3.00 % of the points a month after 8 months and do not fall yet" in tail.sentence


def test_no_more_comes_late_than_points_are_left():
    issued, triangle, _ = ledger(np.random.default_rng(2), LATE, 14)
    plain = forecast_redemption(issued, triangle)
    expired = issued.sum() - plain.by_vintage.ultimate.sum() - 500.0
    found = forecast_redemption(issued, triangle, expired, tail=redemption_tail(issued, triangle))
    assert found.by_vintage.ultimate.sum() == pytest.approx(plain.by_vintage.ultimate.sum() + 500)
    assert found.rate_of_outstanding.high <= 1


def small(rng, vintages, shares=(0.2, 0.15, 0.1, 0.06), scatter=0.25):
    """Months of issue whose redemptions scatter by a quarter from month to month."""
    issued = 3000 * rng.uniform(0.7, 1.3, vintages)
    steps = np.zeros((vintages, vintages))
    for age, share in enumerate(shares):
        steps[:, age] = issued * share * rng.gamma(1 / scatter**2, scatter**2, vintages)
    whole = np.cumsum(steps, axis=1)
    seen = np.add.outer(np.arange(vintages), np.arange(vintages)) < vintages
    return issued, np.where(seen, whole, np.nan), whole[:, -1].sum()


def test_of_small_triangles_the_bootstrap_widens_what_mack_makes_too_narrow():
    rng, mack, shipped, worlds = np.random.default_rng(3), 0, 0, 80
    for _ in range(worlds):
        issued, triangle, end = small(rng, 5)
        ladder = chain_ladder(triangle)
        half = 1.96 * ladder.total_standard_error
        mack += abs(ladder.ultimate.sum() - end) <= half
        rate = forecast_redemption(issued, triangle).rate_of_issued
        shipped += rate.low <= end / issued.sum() <= rate.high
        assert rate.method == "chain ladder, Mack and bootstrap"
    assert mack / worlds < 0.9 <= shipped / worlds


def test_bootstrapped_reserves_lie_around_those_of_the_chain_ladder():
    _, triangle, _ = small(np.random.default_rng(7), 8)
    drawn = bootstrap_reserve(triangle, np.random.default_rng(1))
    assert np.median(drawn) == pytest.approx(chain_ladder(triangle).reserve.sum(), rel=0.1)
    assert bootstrap_reserve(np.array([[100, 150], [120, np.nan]]), np.random.default_rng(1)) is None
