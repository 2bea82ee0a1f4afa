"""People who do one thing at a time: against a simulation written otherwise, and known worlds."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.core.places.calendars import ALWAYS_OPEN, WithAbsences, WorkingCalendar
from programs.analytics.levelling import levelled, loads, one_at_a_time
from programs.analytics.schedule import forecast, schedule
from programs.analytics.task_network import Network, NetworkTask

US, SAUDI = WorkingCalendar(country="US"), WorkingCalendar(country="SA")
GERMANY, JAPAN = WorkingCalendar(country="DE", subdivision="BY"), WorkingCalendar(country="JP")
START, LAUNCH = date(2025, 12, 1), date(2026, 1, 14)  # Christmas, the new year and its week in Japan between


def three_weeks_away(calendar):
    return WithAbsences(calendar, ((date(2025, 12, 8), date(2025, 12, 28)),))


def hour_by_hour(tasks, durations, calendars, start, steps=24):
    """The same rule by a clock that ticks ``steps`` times a day: slow, with nothing in common with ours.

    ``durations`` in whole ticks; answers key → the tick at which it ends.
    """
    left, ends, busy = dict(durations), {}, {}
    wanted = {task.key: n for n, task in enumerate(tasks)}
    for tick in range(steps * 400):
        day = start + timedelta(days=tick // steps)
        progress = True
        while progress:
            progress = False
            for task in sorted(tasks, key=lambda t: wanted[t.key]):
                if (
                    task.key in busy
                    or task.key in ends
                    or any(ends.get(n, tick + 1) > tick for n in task.needs)
                ):
                    continue
                if left[task.key] == 0:
                    ends[task.key], progress = tick, True
                elif calendars[task.key].is_business_day(day) and not any(
                    task.worker and tasks_by(tasks)[other].worker == task.worker for other in busy
                ):
                    busy[task.key], progress = tick, True
        for key in list(busy):
            if calendars[key].is_business_day(day):
                left[key] -= 1
                if left[key] == 0:
                    ends[key] = tick + 1
                    del busy[key]
        if len(ends) == len(tasks):
            return ends
    raise AssertionError("The world did not end.")


def tasks_by(tasks):
    return {task.key: task for task in tasks}


CALENDARS = [US, SAUDI, JAPAN, three_weeks_away(GERMANY), ALWAYS_OPEN]


@st.composite
def worlds(draw):
    """Up to seven tasks of up to three people, each at home in one place; halves of days."""
    homes = {w: draw(st.sampled_from(CALENDARS)) for w in ("ann", "bob", "")}
    tasks = []
    for n in range(draw(st.integers(1, 7))):
        worker = draw(st.sampled_from(sorted(homes)))
        days = draw(st.integers(0, 6)) / 2
        needs = (
            tuple(sorted(draw(st.sets(st.sampled_from([t.key for t in tasks]), max_size=2)))) if tasks else ()
        )
        tasks.append(NetworkTask(f"t{n}", days, days, days, homes[worker], needs, worker=worker))
    return tasks


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_everybody_does_one_thing_at_a_time_as_a_clock_that_ticks_says(tasks):
    network = Network.of(tasks, START, LAUNCH, US)
    ours = one_at_a_time(network, network.expected())
    late = network.backward(network.expected(), network.deadline).finishes
    in_order = sorted(tasks, key=lambda t: (float(late[t.key]), list(network.tasks).index(t.key)))
    ticks = {t.key: round(t.expected * 24) for t in tasks}
    ends = hour_by_hour(in_order, ticks, {t.key: t.calendar for t in tasks}, START)
    begin = float(network.begin)
    assert {k: round((float(f) - begin) * 24, 6) for k, f in ours.finishes.items()} == ends


def after(network, found):
    """When each task ends, in days after the beginning of all work."""
    return {key: round(float(end - network.begin), 6) for key, end in found.finishes.items()}


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_the_turns_of_a_plan_are_those_of_its_people(tasks):
    network = Network.of(tasks, START, LAUNCH, US)
    turn = one_at_a_time(network, network.expected())
    planned = Network.of(levelled(tasks, start=START, launch=LAUNCH, calendar=US), START, LAUNCH, US)
    early = planned.forward(planned.expected())
    assert after(planned, early) == after(network, turn)


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(0, 2**31))
def test_scenarios_side_by_side_are_the_same_as_each_by_itself(tasks, seed):
    network = Network.of(tasks, START, LAUNCH, US)
    drawn = {
        t.key: np.random.default_rng(seed + n).uniform(0, 1, 5) * t.expected for n, t in enumerate(tasks)
    }
    together = one_at_a_time(network, drawn)
    for n in range(5):
        alone = one_at_a_time(network, {key: each[n] for key, each in drawn.items()})
        assert {k: f[n] for k, f in together.finishes.items()} == {
            k: float(f) for k, f in alone.finishes.items()
        }


def chance(tasks, start=START, launch=LAUNCH, draws=4_000):
    found = forecast(
        tasks, start=start, launch=launch, calendar=US, generator=np.random.default_rng(7), draws=draws
    )
    return found.on_time


def seven(worker, calendar=US, days=(1, 2.2, 5)):
    return [NetworkTask(f"t{n}", *days, calendar, worker=worker) for n in range(7)]


def test_one_person_with_seven_tasks_on_one_day_cannot_do_them_all_at_once():
    assert chance(seven("")).value == 1  # nobody in particular does them
    assert chance(seven("ann"), launch=date(2025, 12, 17)).value < 0.005  # 17 days of work in 12
    (load,) = loads(seven("ann"), start=START, launch=date(2025, 12, 17), calendar=US)
    assert (load.available, load.at_once, load.is_over_allocated) == (12, 7, True)
    assert load.work == pytest.approx(7 * (1 + 4 * 2.2 + 5) / 6)


def test_the_odds_of_a_sum_are_those_of_the_sum():
    tasks = [NetworkTask(f"t{n}", 1, 2, 4, ALWAYS_OPEN, worker="ann") for n in range(6)]
    rng = np.random.default_rng(99)
    totals = (1 + 3 * rng.beta(1 + 4 / 3, 1 + 8 / 3, size=(6, 200_000))).sum(axis=0)
    found = chance(tasks, launch=START + timedelta(days=13), draws=10_000)
    assert found.low < (totals <= 13).mean() < found.high


def test_whoever_is_away_does_nothing_meanwhile():
    here = [NetworkTask("terms", 2, 3, 5, GERMANY, worker="lea")]
    away = [NetworkTask("terms", 2, 3, 5, three_weeks_away(GERMANY), worker="lea")]
    in_time = date(2025, 12, 24)
    assert chance(here, launch=in_time).value == 1
    start = date(2025, 12, 8)
    assert chance(away, start=start, launch=in_time).value == 0
    dated = schedule(away, start=start, launch=date(2026, 1, 14), calendar=US).tasks[0]
    assert (dated.earliest_start, dated.latest_finish) == (date(2025, 12, 29), date(2026, 1, 13))


def test_a_wait_and_a_day_before_which_nothing_begins_are_kept_forward_and_backward():
    tasks = [
        NetworkTask("order", 1, 1, 1, US, worker="ann"),
        NetworkTask("printed", 1, 1, 1, US, ("order",), wait=5, worker="ann"),
        NetworkTask("booth", 1, 1, 1, US, not_before=date(2025, 12, 22), worker="bob"),
    ]
    dated = {t.key: t for t in schedule(tasks, start=START, launch=LAUNCH, calendar=US).tasks}
    assert dated["printed"].earliest_start == date(2025, 12, 9)  # 1 December, five days, and the day itself
    assert dated["order"].latest_finish == US.add_business_days(dated["printed"].latest_start, -6)
    assert dated["booth"].earliest_start == date(2025, 12, 22)
    assert chance(tasks, launch=date(2025, 12, 23)).value == 1
    assert chance(tasks, launch=date(2025, 12, 22)).value == 0
