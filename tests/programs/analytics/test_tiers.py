import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.tiers import (
    DowngradePolicy,
    QualificationPeriod,
    assign_tiers,
    compare_policies,
    follow_tiers,
    points_by_policy,
    profile_tiers,
    project_annual_spend,
    spend_curve,
    spend_thresholds,
    upper_shares,
)

spends = st.lists(st.integers(0, 5000), min_size=1, max_size=80)
THRESHOLDS = (0.0, 120.0, 600.0)


def test_thresholds_are_the_quantiles_of_spend():
    assert spend_thresholds(np.arange(101.0), (0.2, 0.05)) == pytest.approx((0, 80, 95))


def test_thresholds_round_to_what_can_be_told_to_members():
    assert spend_thresholds([116.42, 116.42], (0.2,), digits=2) == (0, 120)


def test_spend_that_does_not_separate_tiers_is_refused():
    with pytest.raises(ValueError, match="use fewer"):
        spend_thresholds([10.0] * 50, (0.2, 0.05))


def test_each_tier_is_four_times_rarer_than_the_one_below():
    assert upper_shares(4) == (0.2, 0.05, 0.0125)
    assert upper_shares(1) == ()


def test_a_threshold_that_is_met_exactly_counts():
    assert assign_tiers([0, 119.99, 120, 600], THRESHOLDS).tolist() == [0, 0, 1, 2]


@given(spends)
def test_more_spend_never_means_a_lower_tier(spend):
    assert (np.diff(assign_tiers(np.sort(spend), THRESHOLDS)) >= 0).all()


@given(spends.filter(lambda values: sum(values) > 0))
def test_shares_of_members_and_spend_sum_to_one(spend):
    profiles = profile_tiers(spend, THRESHOLDS)
    assert sum(each.share_of_members for each in profiles) == pytest.approx(1)
    assert sum(each.share_of_spend for each in profiles) == pytest.approx(1)


@given(spends, st.randoms(use_true_random=False))
def test_row_order_changes_nothing(spend, random):
    shuffled = list(spend)
    random.shuffle(shuffled)
    assert profile_tiers(shuffled, THRESHOLDS) == profile_tiers(spend, THRESHOLDS)


def test_within_reach_means_a_fifth_of_the_next_threshold_is_missing_at_most():
    entry, silver, gold = profile_tiers([95, 96, 100, 500, 700], THRESHOLDS)
    assert (entry.within_reach_of_next, entry.spend_to_next) == (2, 44)
    assert (silver.within_reach_of_next, silver.spend_to_next) == (1, 100)
    assert gold.within_reach_of_next == 0


def orders_of_ten(ages):
    """Members who spend 10 every ten days from the first on: 370 in 365 days, 37 orders."""
    seen = np.minimum(np.asarray(ages), 365)
    by_age = np.zeros(365)
    for day in range(0, 365, 10):
        by_age[day] = 10.0 * (seen > day).sum()
    return seen, 10.0 * np.ceil(seen / 10), by_age


def test_constant_spenders_of_any_age_spend_370_a_year():
    seen, spend, by_age = orders_of_ten(np.arange(91, 800))
    curve = spend_curve(by_age, seen)
    assert curve[[0, 9, 10, 364]].tolist() == pytest.approx([10, 10, 20, 370])
    assert project_annual_spend(spend, seen, curve) == pytest.approx(np.full(seen.size, 370.0))


def test_where_nobody_was_seen_a_year_the_later_pace_goes_on():
    seen, spend, by_age = orders_of_ten(np.full(40, 240))
    curve = spend_curve(by_age, seen)
    assert curve[239] == pytest.approx(240)
    assert project_annual_spend(spend, seen, curve) == pytest.approx(np.full(40, 370.0), rel=0.03)


def test_projections_of_young_members_spread_as_whole_years_do_and_keep_their_mean():
    rng = np.random.default_rng(3)
    rate = rng.gamma(2.0, 1.0, 4000) * 8 / 365
    seen = np.where(np.arange(4000) < 2000, 365, 120)
    spend = 10.0 * (1 + rng.poisson(rate * seen))
    curve = 10 + 10 * 16 / 365 * np.arange(365)
    projected = project_annual_spend(spend, seen, curve)
    whole, young = projected[:2000], projected[2000:]
    assert young.mean() == pytest.approx(whole.mean(), rel=0.05)
    assert np.quantile(young, 0.9) == pytest.approx(np.quantile(whole, 0.9), rel=0.06)
    assert (projected >= spend - 1e-9).all()


def falling_spender():
    """50 a month for a year (600: top tier), then nothing for two."""
    return np.array([[50.0] * 12 + [0.0] * 24])


@pytest.mark.parametrize(
    ("policy", "period", "month_36"),
    [
        (DowngradePolicy.NONE, QualificationPeriod.ANNIVERSARY, 2),
        (DowngradePolicy.NONE, QualificationPeriod.ROLLING, 2),
        (DowngradePolicy.ONE_DOWN, QualificationPeriod.ANNIVERSARY, 0),
        (DowngradePolicy.ONE_DOWN, QualificationPeriod.ROLLING, 0),
        (DowngradePolicy.BALANCE_BASED, QualificationPeriod.ANNIVERSARY, 0),
        (DowngradePolicy.BALANCE_BASED, QualificationPeriod.ROLLING, 1),  # the rest pays for the tier below,
    ],
)
def test_who_stops_buying_keeps_the_tier_only_without_downgrades(policy, period, month_36):
    assert follow_tiers(falling_spender(), THRESHOLDS, policy, period).tier[0, -1] == month_36


def test_an_anniversary_review_takes_one_tier_a_year():
    path = follow_tiers(
        falling_spender(), THRESHOLDS, DowngradePolicy.ONE_DOWN, QualificationPeriod.ANNIVERSARY
    )
    assert path.tier[0, [0, 11, 12, 23, 24]].tolist() == [2, 2, 1, 1, 0]
    assert (path.upgrades, path.downgrades) == (0, 2)


def test_a_rolling_review_takes_the_tier_as_soon_as_the_window_falls_short():
    path = follow_tiers(falling_spender(), THRESHOLDS, DowngradePolicy.ONE_DOWN, QualificationPeriod.ROLLING)
    assert path.tier[0, :3].tolist() == [2, 1, 1]


def test_surplus_carries_over_only_with_a_balance():
    spend = np.array([[100.0] * 12 + [0.0] * 12])
    period = QualificationPeriod.ANNIVERSARY
    kept = follow_tiers(spend, THRESHOLDS, DowngradePolicy.BALANCE_BASED, period)
    lost = follow_tiers(spend, THRESHOLDS, DowngradePolicy.ONE_DOWN, period)
    assert (kept.tier[0, -1], lost.tier[0, -1]) == (2, 1)


@given(st.lists(st.lists(st.integers(0, 100), min_size=24, max_size=24), min_size=1, max_size=10))
def test_no_policy_leaves_members_higher_than_never_downgrading_by_spend(monthly):
    paths = compare_policies(monthly, THRESHOLDS)
    generous = paths[DowngradePolicy.NONE, QualificationPeriod.ROLLING].tier
    for period in QualificationPeriod:
        assert (paths[DowngradePolicy.ONE_DOWN, period].tier <= generous).all()
    assert {sum(path.members_at_end(3)) for path in paths.values()} == {len(monthly)}


def test_a_policy_that_keeps_tiers_longer_issues_more_points():
    """100 a month for a year, then 10 a month: the thirteenth month earns at the top tier under every
    policy."""
    spend = np.array([[100.0] * 12 + [10.0] * 12])
    issued = points_by_policy(spend, THRESHOLDS, [1.0, 1.25, 1.5])
    never = issued[DowngradePolicy.NONE, QualificationPeriod.ROLLING]
    stepwise = issued[DowngradePolicy.ONE_DOWN, QualificationPeriod.ROLLING]
    assert never == pytest.approx(12 * 10 * 1.5)
    assert 12 * 10 < stepwise < never
