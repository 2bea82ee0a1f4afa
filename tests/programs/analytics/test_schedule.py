"""Launch schedules: the published three-point network, real calendars, laws, and a simulated date."""

from datetime import date, timedelta
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import beta

from gtm.core.places.calendars import ALWAYS_OPEN, WorkingCalendar
from programs.analytics.schedule import forecast, recovery, schedule
from programs.analytics.task_network import NetworkTask, ScheduleError

US = WorkingCalendar(country="US")
GERMANY = WorkingCalendar(country="DE", subdivision="BY")
GULF = WorkingCalendar(weekdays=frozenset({6, 0, 1, 2, 3}))
LAUNCH = date(2025, 12, 10)
START = date(2025, 11, 3)

# Wikipedia, "Program evaluation and review technique": optimistic, normal, pessimistic and what comes before.
PUBLISHED = {
    "a": ((2, 4, 6), ""),
    "b": ((3, 5, 9), ""),
    "c": ((4, 5, 7), "a"),
    "d": ((4, 6, 10), "a"),
    "e": ((4, 5, 7), "bc"),
    "f": ((3, 4, 8), "d"),
    "g": ((3, 5, 8), "e"),
}
THREE_POINT = [NetworkTask(key, *days, ALWAYS_OPEN, tuple(needs)) for key, (days, needs) in PUBLISHED.items()]


def fixed(key, days, needs="", calendar=US):
    return NetworkTask(key, days, days, days, calendar, tuple(needs))


def planned(tasks, start=START, launch=LAUNCH, calendar=US):
    return schedule(tasks, start=start, launch=launch, calendar=calendar)


def by_key(result):
    return {task.key: task for task in result.tasks}


# ------------------------------------------------------------------ published


def test_published_network_takes_its_days_along_its_critical_path():
    result = planned(THREE_POINT, calendar=ALWAYS_OPEN)
    assert result.working_days == pytest.approx(19.51, abs=0.015)
    assert result.critical_path == ("a", "c", "e", "g")
    assert [task.key for task in result.tasks if task.is_critical] == ["a", "c", "e", "g"]
    slack = {key: task.total_slack for key, task in by_key(result).items()}
    assert [slack[key] for key in "bdf"] == pytest.approx([3.84, 4.68, 4.68], abs=0.015)


def test_published_network_is_exact_on_the_rounded_days_of_its_source():
    rounded = {"a": 4, "b": 5.33, "c": 5.17, "d": 6.33, "e": 5.17, "f": 4.5, "g": 5.17}
    result = planned(
        [fixed(k, d, PUBLISHED[k][1], ALWAYS_OPEN) for k, d in rounded.items()], calendar=ALWAYS_OPEN
    )
    slack = {key: task.total_slack for key, task in by_key(result).items()}
    assert result.working_days == pytest.approx(19.51, abs=1e-9)
    assert [slack[key] for key in "bdf"] == [3.84, 4.68, 4.68]
    assert [by_key(result)[key].free_slack for key in "bdf"] == [3.84, 0, 4.68]


def test_ten_us_business_days_before_the_launch_are_the_latest_start():
    task = planned([fixed("review", 10)]).tasks[0]
    assert (task.latest_start, task.latest_finish) == (date(2025, 11, 25), date(2025, 12, 9))
    assert (task.earliest_start, task.earliest_finish) == (
        START,
        date(2025, 11, 17),
    )  # 11 November is a holiday


# ------------------------------------------------------------------ calendars


def test_every_owner_works_on_their_own_days():
    tasks = [fixed("legal", 2, calendar=GERMANY), fixed("build", 2, ["legal"], calendar=GULF)]
    result = by_key(planned(tasks, start=date(2025, 11, 27)))
    assert (result["legal"].earliest_start, result["legal"].earliest_finish) == (
        date(2025, 11, 27),  # Thanksgiving, and a Thursday like any other in Germany
        date(2025, 11, 28),
    )
    assert (result["build"].earliest_start, result["build"].earliest_finish) == (
        date(2025, 11, 30),  # a Sunday
        date(2025, 12, 1),
    )
    assert (result["build"].latest_start, result["legal"].latest_finish) == (
        date(2025, 12, 8),
        date(2025, 12, 5),
    )


def test_half_days_share_a_day():
    tasks = [fixed("copy", 0.5), fixed("proof", 0.5, ["copy"]), fixed("send", 1, ["proof"])]
    result = by_key(planned(tasks))
    assert [result[key].earliest_finish for key in ("copy", "proof", "send")] == [
        START,
        START,
        date(2025, 11, 4),
    ]


def test_a_milestone_falls_on_the_day_whose_work_it_ends():
    friday = date(2025, 11, 7)
    result = by_key(planned([fixed("work", 5), fixed("done", 0, ["work"])]))
    assert (result["done"].earliest_start, result["done"].earliest_finish) == (friday, friday)


def test_late_says_by_how_many_business_days_and_when_a_launch_is_possible():
    result = planned([fixed("build", 8)], start=date(2025, 12, 4))
    assert (result.late_by, result.earliest_launch) == (4, date(2025, 12, 16))
    assert (result.tasks[0].margin, result.tasks[0].latest_start) == (-4, date(2025, 11, 28))
    assert result.tasks[0].total_slack == 0


def test_a_date_that_holds_exactly_is_not_late():
    result = planned([fixed("build", 4)], start=date(2025, 12, 4))
    assert (result.late_by, result.earliest_launch, result.tasks[0].margin) == (0, LAUNCH, 0)


def test_no_tasks_can_launch_on_the_first_business_day():
    result = planned([], start=date(2025, 11, 27))
    assert (result.tasks, result.critical_path, result.earliest_launch) == ((), (), date(2025, 11, 28))


# ------------------------------------------------------------------ problems


def test_everything_wrong_is_told_at_once():
    tasks = [
        fixed("a", 1, "b"),
        fixed("b", 1, "a"),
        fixed("c", 1, "c"),
        fixed("d", 1, "x"),
        fixed("d", 1),
        NetworkTask("e", 3, 2, 5, US),
        fixed("f", float("nan")),
    ]
    with pytest.raises(ScheduleError) as refused:
        planned(tasks)
    assert refused.value.problems == (
        "Task d is there more than once.",
        "Task d needs x, which is not there.",
        "Task e: 0 ≤ 3 ≤ 2 ≤ 5 does not hold.",
        "Task f: 0 ≤ nan ≤ nan ≤ nan does not hold.",
        "Tasks wait for each other in a circle: a, b.",
        "Tasks wait for each other in a circle: c.",
    )


def test_a_calendar_that_hardly_opens_is_refused():
    class Never:
        def is_business_day(self, day):
            return False

    with pytest.raises(ValueError, match="keep 2 business days waiting"):
        planned([fixed("a", 1, calendar=Never())])


# ------------------------------------------------------------------ laws

estimates = st.lists(st.integers(0, 12), min_size=3, max_size=3).map(lambda days: sorted(d / 2 for d in days))


@st.composite
def networks(draw, calendars=(US, GERMANY, GULF, ALWAYS_OPEN)):
    count = draw(st.integers(1, 8))
    return [
        NetworkTask(
            f"t{n}",
            *draw(estimates),
            draw(st.sampled_from(calendars)),
            tuple(f"t{m}" for m in draw(st.sets(st.integers(0, n - 1), max_size=3))) if n else (),
        )
        for n in range(count)
    ]


starts = st.integers(-40, 10).map(lambda days: LAUNCH + timedelta(days=days))


@given(networks(), starts, st.randoms(use_true_random=False))
def test_the_order_of_tasks_changes_nothing(tasks, start, shuffle):
    mixed = shuffle.sample(tasks, len(tasks))
    assert planned(mixed, start) == planned(tasks, start)
    assert recovery(mixed, start=start, launch=LAUNCH, calendar=US) == recovery(
        tasks, start=start, launch=LAUNCH, calendar=US
    )


@given(networks(), starts)
def test_slack_is_never_negative_and_free_slack_never_more_than_total(tasks, start):
    for task in planned(tasks, start).tasks:
        assert 0 <= task.free_slack <= task.total_slack + 1e-6


@given(networks(), starts)
def test_forward_and_backward_keep_to_the_dependencies(tasks, start):
    result = by_key(planned(tasks, start))
    for task in tasks:
        own = result[task.key]
        assert own.earliest_start <= own.earliest_finish
        assert own.latest_start <= own.latest_finish < LAUNCH
        assert all(
            result[need].earliest_finish <= own.earliest_start for need in task.needs if task.expected >= 1
        )
        assert all(result[need].latest_finish <= own.latest_finish for need in task.needs)


@given(networks([US]), starts)
def test_on_one_calendar_the_critical_path_has_no_slack_and_is_the_longest_chain(tasks, start):
    result = planned(tasks, start)
    scheduled = by_key(result)
    assert [scheduled[key].total_slack for key in result.critical_path] == [0] * len(result.critical_path)
    assert all(
        first in {t.key: t for t in tasks}[then].needs for first, then in pairwise(result.critical_path)
    )
    graph = nx.DiGraph([(need, task.key, {"d": task.expected}) for task in tasks for need in task.needs])
    graph.add_edges_from(("", task.key, {"d": task.expected}) for task in tasks)
    assert result.working_days == pytest.approx(nx.dag_longest_path_length(graph, "d"), abs=1e-6)


THIRDS = [
    NetworkTask("a", 0, 0, 4, US),
    NetworkTask("b", 0, 0.5, 2, US, ("a",)),
    NetworkTask("c", 0, 0.5, 2, US, ("a", "b")),
]


@given(networks([US]), starts)
@example(THIRDS, LAUNCH)  # two days to the last decimal but one
def test_on_one_calendar_margins_say_what_late_says(tasks, start):
    result = planned(tasks, start)
    tightest = min(task.margin for task in result.tasks)
    assert (tightest < 0) == (result.late_by > 0)
    assert result.late_by == max(0, np.ceil(-tightest))


@given(networks([US]), starts)
def test_whole_days_agree_with_the_calendar(tasks, start):
    whole = [NetworkTask(t.key, *[np.ceil(t.likely)] * 3, t.calendar, t.needs) for t in tasks]
    for task in planned(whole, start).tasks:
        back = US.add_business_days(task.latest_finish + timedelta(days=1), -int(task.expected))
        assert (task.expected == 0) or task.latest_start == back


# ------------------------------------------------------------------ forecast


def predicted(tasks, start=START, launch=LAUNCH, seed=7, draws=4_000):
    generator = np.random.default_rng(seed)
    return forecast(tasks, start=start, launch=launch, calendar=US, generator=generator, draws=draws)


def test_one_task_is_on_time_as_often_as_its_beta_distribution_says():
    result = predicted([NetworkTask("build", 2, 4, 12, US)], start=date(2025, 12, 3), draws=20_000)
    exact = beta(1 + 4 * 2 / 10, 1 + 4 * 8 / 10).cdf((5 - 2) / 10)  # five business days to go
    assert result.on_time.low < exact < result.on_time.high
    assert result.on_time.denominator == 20_000


def test_parallel_tasks_delay_each_other_where_their_normal_sum_does_not_see_it():
    alone = NetworkTask("a", 2, 4, 12, US)
    both = predicted([alone, NetworkTask("b", 2, 4, 12, US)], start=date(2025, 12, 3), draws=20_000)
    exact = beta(1.8, 4.2).cdf(0.3) ** 2
    assert both.on_time.low < exact < both.on_time.high


def test_the_same_seed_gives_the_same_forecast_whatever_the_order_of_tasks():
    assert predicted(THREE_POINT) == predicted(THREE_POINT[::-1])
    assert predicted(THREE_POINT).on_time != predicted(THREE_POINT, launch=date(2025, 11, 22)).on_time


def test_known_durations_are_on_time_or_not_with_every_draw():
    known = [fixed("a", 4), fixed("b", 2, "a")]
    assert predicted(known, start=date(2025, 12, 2)).on_time.value == 1
    assert predicted(known, start=date(2025, 12, 3)).on_time.value == 0


def test_a_safer_date_is_never_an_earlier_one():
    dates = predicted(THREE_POINT).launch_dates
    assert list(dates) == [0.5, 0.8, 0.95]
    assert list(dates.values()) == sorted(dates.values())


# ------------------------------------------------------------------ recovery


def recovered(tasks, start):
    return recovery(tasks, start=start, launch=LAUNCH, calendar=US)


def test_a_launch_in_time_needs_nothing():
    result = recovered([NetworkTask("a", 1, 2, 3, US)], START)
    assert (result.needed, result.late_by, result.earliest_launch) == ((), 0, date(2025, 11, 5))


def test_the_compression_that_buys_most_comes_first():
    tasks = [
        NetworkTask("a", 1, 5, 9, US),
        NetworkTask("b", 4, 5, 6, US, ("a",)),
        NetworkTask("c", 0, 3, 6, US),
    ]
    result = recovered(tasks, date(2025, 12, 1))
    assert [(option.key, option.buys) for option in result.options] == [("a", 4), ("b", 1), ("c", 0)]
    assert (result.needed, result.late_by) == (("a",), 0)


def test_parallel_critical_paths_are_compressed_together():
    tasks = [NetworkTask("a", 2, 5, 8, US), NetworkTask("b", 3, 5, 7, US)]
    result = recovered(tasks, date(2025, 12, 5))
    assert [option.buys for option in result.options] == [0, 0]
    assert (set(result.needed), result.late_by) == ({"a", "b"}, 0)


def test_what_no_compression_can_save_says_how_late_it_stays():
    result = recovered([NetworkTask("a", 4, 5, 6, US)], date(2025, 12, 8))
    assert (result.needed, result.late_by, result.earliest_launch) == (("a",), 2, date(2025, 12, 12))


@given(networks(), starts)
def test_what_is_needed_suffices_as_well_as_everything_and_none_can_be_left_out(tasks, start):
    found = recovered(tasks, start)

    def late(rushed):
        hurried = [
            fixed(t.key, t.optimistic if t.key in rushed else t.expected, t.needs, t.calendar) for t in tasks
        ]
        return planned(hurried, start).late_by

    assert late(found.needed) == found.late_by == late({task.key for task in tasks})
    assert all(late(set(found.needed) - {key}) > found.late_by for key in found.needed)
