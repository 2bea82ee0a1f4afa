"""Wilson's interval is statsmodels', to the last digit."""

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
