import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from programs.analytics.estimate import Unavailable
from programs.analytics.partner_health import PartnerCounts, partner_health
from programs.analytics.retention import (
    average_order_value,
    cohort_matrix,
    customer_satisfaction,
    life_table,
    net_promoter_score,
    purchase_frequency,
    repeat_rate,
)

NAN = float("nan")


def test_unfinished_ages_count_neither_as_retained_nor_as_lost():
    matrix = cohort_matrix([100, 50], [[100, 40], [50, NAN]], [[1000, 200], [600, NAN]])
    assert matrix.retention[0, 1] == 0.4
    assert np.isnan(matrix.retention[1, 1])
    assert (matrix.pooled_retention[1].numerator, matrix.pooled_retention[1].denominator) == (40, 100)
    assert matrix.cumulative_revenue.tolist() == pytest.approx([1600 / 150, 1600 / 150 + 2])


def test_an_age_no_cohort_reached_is_unavailable():
    matrix = cohort_matrix([10], [[10, NAN]], [[5, NAN]])
    assert isinstance(matrix.pooled_retention[1], Unavailable)


def test_more_active_members_than_the_cohort_has_are_refused():
    with pytest.raises(ValueError, match="cannot have more active"):
        cohort_matrix([10], [[11]], [[5]])


def test_repeat_rate_names_its_counts():
    rate = repeat_rate(40, 31)
    assert (rate.value, rate.numerator, rate.denominator) == (0.775, 31, 40)


def test_purchase_frequency_is_per_year():
    assert purchase_frequency(4, 12.0, 40.0, years=0.5).value == 6.0


def test_order_value_error_is_clustered_by_member():
    revenue, orders = np.array([10.0, 90.0, 40.0, 30.0]), np.array([1.0, 3.0, 2.0, 2.0])
    estimate = average_order_value(
        4, revenue.sum(), orders.sum(), (revenue**2).sum(), (orders**2).sum(), (revenue * orders).sum()
    )
    residual = revenue - estimate.value * orders
    assert estimate.value == 21.25
    assert estimate.standard_error == pytest.approx(residual.std(ddof=1) / 2 / orders.mean())


def test_life_table_agrees_with_kaplan_meier_of_statsmodels():
    durations = np.array([1, 1, 2, 3, 3, 3, 4, 5, 5, 6])
    happened = np.array([1, 0, 1, 1, 1, 0, 0, 1, 0, 1])
    table = life_table(
        np.bincount(durations[happened == 1], minlength=7)[1:],
        np.bincount(durations[happened == 0], minlength=7)[1:],
    )
    oracle = SurvfuncRight(durations, happened)
    at = oracle.surv_times.astype(int) - 1
    assert table.survival[at] == pytest.approx(oracle.surv_prob)
    assert table.standard_error[at[:-1]] == pytest.approx(oracle.surv_prob_se[:-1])


counts = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=20)


@given(counts)
def test_survival_falls_and_stays_inside_its_interval(periods):
    table = life_table([events for events, _ in periods], [censored for _, censored in periods])
    assert (np.diff(table.survival) <= 1e-12).all()
    assert (table.low <= table.survival + 1e-12).all()
    assert (table.survival <= table.high + 1e-12).all()


def test_lapse_is_the_silence_after_which_most_returns_have_happened():
    table = life_table([50, 30, 10, 10], [0, 0, 0, 100])
    assert table.lapse_after(0.9) == 3
    assert life_table([0, 0], [1, 1]).lapse_after() is None


def test_net_promoter_score_with_its_multinomial_error():
    score = net_promoter_score(50, 30, 20)
    assert score.value == 30
    assert score.standard_error == pytest.approx(100 * np.sqrt((0.7 - 0.09) / 100))


def test_unanimous_promoters_do_not_read_like_certainty():
    score = net_promoter_score(10, 0, 0)
    assert (score.value, score.high) == (100, 100)
    assert score.low < 70


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200))
def test_swapping_promoters_and_detractors_mirrors_the_score(promoters, passives, detractors):
    score = net_promoter_score(promoters, passives, detractors + 1)
    mirrored = net_promoter_score(detractors + 1, passives, promoters)
    assert (score.value, score.low) == pytest.approx((-mirrored.value, -mirrored.high))


def test_satisfaction_counts_the_top_two_of_five():
    satisfaction = customer_satisfaction([5, 5, 10, 30, 50])
    assert (satisfaction.numerator, satisfaction.denominator) == (80, 100)


@given(*[st.integers(0, 300)] * 3)
def test_nps_stays_within_its_scale_and_its_interval(promoters, passives, detractors):
    found = net_promoter_score(promoters, passives + 1, detractors)
    assert -100 <= found.low <= found.value <= found.high <= 100


def test_a_partner_is_scored_by_the_same_estimator_as_members():
    counts = PartnerCounts("p", "gold", 1, 10, 3, 100.0, None, 60.0, 10.0, 5.0, 14, 3, 2)
    (health,) = partner_health([counts], np.random.default_rng(1))
    assert health.nps == net_promoter_score(14, 3, 2)
