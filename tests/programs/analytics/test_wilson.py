"""Wilson's interval is statsmodels', to the last digit."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from programs.analytics.rates import wilson_rate


@given(st.integers(0, 10**7), st.integers(1, 10**7), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_statsmodels_says_the_same(successes, trials, level):
    assume(successes <= trials)
    rate = wilson_rate(successes, trials, level=level)
    low, high = proportion_confint(successes, trials, 1 - level, method="wilson")
    assert (rate.low, rate.high) == (low if successes else 0.0, high if successes < trials else 1.0)


def test_a_count_a_hair_below_a_whole_one_is_that_count():
    almost, whole = wilson_rate(0.58 * 50, 50), wilson_rate(29, 50)
    assert 0.58 * 50 < 29
    assert (almost.low, almost.high) == pytest.approx((whole.low, whole.high), abs=1e-12)
