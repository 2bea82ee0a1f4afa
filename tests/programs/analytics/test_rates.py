import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.rates import ratio_of_sums, sample_mean, wilson_rate


def test_wilson_interval_of_81_in_263_matches_newcombe_1998():
    rate = wilson_rate(81, 263)
    assert isinstance(rate, Estimate)
    assert (round(rate.low, 4), round(rate.high, 4)) == (0.2553, 0.3662)


def test_a_rate_without_cases_is_unavailable():
    assert wilson_rate(0, 0) == Unavailable("No cases to compute a rate from.")


def test_more_successes_than_trials_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        wilson_rate(5, 4)


@given(st.integers(1, 500), st.data())
def test_a_rate_lies_inside_its_interval_and_the_interval_inside_zero_to_one(trials, data):
    rate = wilson_rate(data.draw(st.integers(0, trials)), trials)
    assert 0 <= rate.low <= rate.value + 1e-12
    assert rate.value - 1e-12 <= rate.high <= 1


def test_mean_of_sums_equals_the_mean_of_the_sample():
    values = np.array([3.0, 5.0, 8.0, 12.0])
    mean = sample_mean(4, values.sum(), (values**2).sum())
    assert mean.value == 7
    assert mean.standard_error == pytest.approx(values.std(ddof=1) / 2)


def test_ratio_of_constant_orders_has_no_error():
    ratio = ratio_of_sums(3, 60.0, 6.0, 400.0 + 900.0 + 100.0, 4.0 + 9.0 + 1.0, 40.0 + 90.0 + 10.0)
    assert (ratio.value, ratio.standard_error) == (10.0, 0.0)
