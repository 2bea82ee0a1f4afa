import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.liability import liability_chart, liability_trend, point_liability

RATE = Estimate(0.8, 0.75, 1.05, standard_error=0.05, method="chain ladder, Mack")


def growing(periods: int = 24, seed: int = 0) -> np.ndarray:
    return 100_000 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.02, 0.01, periods)))


def test_liability_is_points_times_cost_times_redemption_rate():
    found = point_liability(1_000_000, 0.01, RATE)
    assert (found.value, found.standard_error) == pytest.approx((8000, 500))
    assert (found.numerator, found.denominator) == (800_000, 1_000_000)


def test_liability_interval_stays_within_what_is_outstanding():
    assert (point_liability(1_000_000, 0.01, RATE).low, point_liability(1_000_000, 0.01, RATE).high) == (
        pytest.approx(7500),
        pytest.approx(10_000),
    )


def test_liability_of_a_stated_rate_has_no_interval():
    found = point_liability(100, 0.01, Estimate(0.8))
    assert (found.low, found.high, found.standard_error) == (None, None, None)


def test_without_a_redemption_rate_there_is_no_liability():
    assert point_liability(100, 0.01, Unavailable("No ledger.")).reason == "No ledger."
    with pytest.raises(ValueError):
        point_liability(-1, 0.01, RATE)


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 1))
def test_liability_adds_up_over_groups(first, second, rate):
    def money(points: float) -> float:
        return point_liability(points, 0.01, Estimate(rate)).value

    assert money(first) + money(second) == pytest.approx(money(first + second))


def test_trend_shrugs_off_one_odd_period():
    series = 100.0 + 3 * np.arange(12)
    series[6] = 900
    found = liability_trend(series)
    assert found.value == pytest.approx(3)
    assert found.low <= 3 <= found.high


@pytest.mark.parametrize("series", [[1, 2, 3], [1, 2, np.nan, 4, 5]])
def test_a_trend_needs_four_periods_without_gaps(series):
    assert isinstance(liability_trend(series), Unavailable)


def test_a_jump_is_a_spike_and_what_follows_is_judged_without_it():
    series = growing()
    series[15:] *= 1.2
    spikes = [point.period for point in liability_chart(series) if point.spike]
    assert spikes == [15]
    point = next(point for point in liability_chart(series) if point.period == 15)
    assert point.change > point.upper_limit


def test_an_outlier_in_the_first_baseline_hides_no_later_spike():
    series = growing()
    series[4:] *= 1.5
    series[18:] *= 1.2
    assert [point.period for point in liability_chart(series) if point.spike] == [18]


def test_steady_growth_and_a_fall_are_no_spikes():
    steady = 1000 * 1.05 ** np.arange(20)
    falling = np.append(growing(), growing()[-1] * 0.7)
    assert not any(point.spike for point in liability_chart(steady))
    assert not any(point.spike for point in liability_chart(falling))


def test_a_flat_history_makes_no_spike_of_cents_but_of_a_real_jump():
    flat = [50_000.0] * 15
    assert not any(point.spike for point in liability_chart([*flat, 50_020.0]))
    assert liability_chart([*flat, 52_000.0])[-1].spike


def test_false_alarms_keep_to_the_level():
    generator = np.random.default_rng(9)
    runs = np.exp(np.cumsum(generator.normal(0.01, 0.02, (1500, 14)), axis=1))
    alarms = sum(point.spike for run in runs for point in liability_chart(run, alpha=0.01))
    judged = sum(len(liability_chart(run)) for run in runs)
    assert judged == 1500 * 5
    assert alarms / judged < 0.02


@given(st.floats(0.01, 100))
def test_the_chart_does_not_depend_on_the_currency(rate):
    series = growing()
    forth, back = liability_chart(series), liability_chart(series * rate)
    assert [point.p_value for point in forth] == pytest.approx([point.p_value for point in back])


def test_a_new_period_changes_no_earlier_verdict():
    series = growing()
    assert liability_chart(series)[:-1] == liability_chart(series[:-1])


@pytest.mark.parametrize("series", [np.ones(9), [*np.ones(10), 0.0], [*np.ones(10), np.nan]])
def test_series_that_cannot_be_charted_say_why(series):
    assert isinstance(liability_chart(series), Unavailable)


def test_a_baseline_of_three_is_refused():
    with pytest.raises(ValueError):
        liability_chart(growing(), baseline=3)
