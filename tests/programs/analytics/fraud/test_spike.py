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


def test_flags_that_come_in_clusters_raise_no_alarm_and_a_flood_does():
    """A ring of twelve a month is the usual course; a hundred at once is not."""
    sizes = [[1], [12], [], [2, 1], [1], [11], [12], [110]]
    flagged = [sum(week) for week in sizes]
    alone = control_chart(WEEKS[:8], flagged, [300] * 8)
    chart = control_chart(WEEKS[:8], flagged, [300] * 8, clusters=sizes)
    assert [point.spike for point in chart] == [False, False, True]
    assert [a.upper_limit <= b.upper_limit for a, b in zip(alone, chart, strict=True)] == [True] * 3


def test_weeks_of_clusters_seldom_alarm():
    rng = np.random.default_rng(8)
    alarms = 0
    for _ in range(100):
        weeks = [rng.geometric(0.25, rng.poisson(1.2)).tolist() for _ in range(12)]
        counts = [sum(week) for week in weeks]
        names = [f"w{n}" for n in range(12)]
        alarms += any(point.spike for point in control_chart(names, counts, [250] * 12, clusters=weeks))
    assert alarms <= 3
