import numpy as np

from programs.analytics.estimate import Unavailable
from programs.analytics.fraud.spike import control_chart

WEEKS = [f"W{n}" for n in range(9)]


def test_a_spike_is_found_and_does_not_enter_the_baseline():
    chart = control_chart(WEEKS, [5, 4, 6, 5, 5, 4, 40, 6, 38], [200] * 9)
    assert [point.spike for point in chart] == [False, True, False, True]
    assert chart[1].p_value < 0.001
    assert chart[2].expected < 0.03


def test_weeks_that_vary_widely_anyway_raise_no_alarm():
    chart = control_chart(WEEKS, [2, 20, 5, 15, 1, 18, 22, 4, 25], [200] * 9)
    assert [point.spike for point in chart] == [False] * 4


def test_false_alarms_stay_rare():
    rng = np.random.default_rng(3)
    weeks = [f"w{n}" for n in range(500)]
    chart = control_chart(weeks, rng.binomial(300, 0.03, 500).tolist(), [300] * 500)
    assert sum(point.spike for point in chart) <= 4


def test_too_few_cohorts_give_a_reason():
    assert isinstance(control_chart(WEEKS[:5], [1] * 5, [9] * 5), Unavailable)
