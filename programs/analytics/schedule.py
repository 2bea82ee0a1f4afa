"""A launch's task network, scheduled backward from its date on every owner's own business days.

Critical path method (Kelley and Walker 1959) on PERT three-point estimates (Malcolm et al. 1959). Durations
and slack are business days of the owner's calendar; dates are the first and the last day of work, inclusive.
Everything is to be done before the launch date begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import numpy as np

from programs.analytics.assumptions import Assumption
from programs.analytics.estimate import Estimate
from programs.analytics.levelling import one_at_a_time
from programs.analytics.rates import wilson_rate
from programs.analytics.task_network import Network, NetworkTask, Pass
from programs.analytics.working_time import SETTLED, BusinessDays

NO_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class ScheduledTask:
    """When a task can and when it must be worked on.

    ``total_slack``: how far it may slip before the earliest finish of the whole slips, never negative;
    ``free_slack``: before any other task slips; ``margin``: before the launch date slips, negative when
    it is too late already.
    """

    key: str
    expected: float
    standard_deviation: float
    earliest_start: date
    earliest_finish: date
    latest_start: date
    latest_finish: date
    total_slack: float
    free_slack: float
    margin: float

    @property
    def is_critical(self) -> bool:
        """A slip of this task is a slip of the whole."""
        return self.total_slack < NO_SLACK


@dataclass(frozen=True, slots=True)
class DatedNetwork:
    """The network with dates, in an order in which it can be worked.

    ``critical_path`` is the chain of tasks each of which the next one waits for, up to the last;
    ``working_days`` is its length and ``late_by`` the delay, in business days of the launch's calendar.
    """

    tasks: tuple[ScheduledTask, ...]
    critical_path: tuple[str, ...]
    working_days: float
    launch_date: date
    earliest_launch: date
    late_by: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the spread of the estimates does to the date.

    ``on_time`` has Wilson's interval of the simulation; ``launch_dates`` maps probabilities to the first day
    on which a launch is possible with that probability.
    """

    on_time: Estimate
    launch_dates: Mapping[float, date]
    draws: int


@dataclass(frozen=True, slots=True)
class Compression:
    """A task in its optimistic time ``saves`` days of its own and by itself ``buys`` days of the launch."""

    key: str
    saves: float
    buys: float


@dataclass(frozen=True, slots=True)
class Recovery:
    """What brings a late launch back.

    ``options``: every compression, the one that buys most first; on parallel critical paths each alone buys
    nothing. ``needed``: a set that together suffices and from which none can be left out, or, where even all
    do not suffice, that gets closest. ``late_by``: the delay that stays.
    """

    options: tuple[Compression, ...]
    needed: tuple[str, ...]
    earliest_launch: date
    late_by: int


def schedule(
    tasks: Sequence[NetworkTask], *, start: date, launch: date, calendar: BusinessDays
) -> DatedNetwork:
    """Dates, slack and critical path on the expected durations, work beginning on ``start`` at the earliest.

    Raises ScheduleError naming all unknown and circular dependencies and impossible estimates.
    """
    network = Network.of(tasks, start, launch, calendar)
    durations = network.expected()
    early = network.forward(durations)
    finish = network.finish(early)
    bound, planned = (network.backward(durations, end) for end in (finish, network.deadline))
    return DatedNetwork(
        tasks=tuple(_dated(network, key, early, bound, planned) for key in network.tasks),
        critical_path=network.driving_chain(early),
        working_days=float(network.axis.work_at(finish) - network.axis.work_at(network.begin)),
        launch_date=launch,
        earliest_launch=network.launch_after(float(finish)),
        late_by=network.late_by(float(finish)),
    )


def forecast(
    tasks: Sequence[NetworkTask],
    *,
    start: date,
    launch: date,
    calendar: BusinessDays,
    generator: np.random.Generator,
    draws: int = 10_000,
    probabilities: Sequence[float] = (0.5, 0.8, 0.95),
) -> Forecast:
    """Probability of making the date: independent beta-PERT durations through the whole network.

    Unlike the normal sum along one path it sees that parallel paths delay each other (merge bias), and that
    a worker of several tasks does one at a time, in the order in which they can begin.
    Raises ScheduleError as ``schedule`` does.
    """
    network = Network.of(tasks, start, launch, calendar)
    durations = {
        key: Assumption(key, each.optimistic, each.likely, each.pessimistic, "business days").sample(
            generator, draws
        )
        for key, each in network.tasks.items()
    }
    finish = np.broadcast_to(network.finish(one_at_a_time(network, durations)), (draws,))
    ends = np.quantile(finish, probabilities, method="higher")
    on_time = wilson_rate(int((np.round(finish, SETTLED) <= network.deadline).sum()), draws)
    assert isinstance(on_time, Estimate), f"a forecast takes at least one draw, not {draws}"
    return Forecast(
        on_time=on_time,
        launch_dates=MappingProxyType(
            {p: network.launch_after(float(end)) for p, end in zip(probabilities, ends, strict=True)}
        ),
        draws=draws,
    )


def recovery(tasks: Sequence[NetworkTask], *, start: date, launch: date, calendar: BusinessDays) -> Recovery:
    """Which tasks to do in their optimistic time so that the launch date holds.

    Starts from all of them and gives the least useful ones their expected time back while the date holds:
    adding one by one instead gets stuck as soon as two critical paths run side by side.
    Raises ScheduleError as ``schedule`` does.
    """
    network = Network.of(tasks, start, launch, calendar)
    expected = network.expected()
    saves = {key: each.expected - each.optimistic for key, each in network.tasks.items()}
    finish = float(network.finish(network.forward(expected)))

    # Scenario n compresses task n alone: one vectorised pass for all.
    shrink = np.diag(list(saves.values()))
    alone = {key: expected[key] - shrink[n] for n, key in enumerate(network.tasks)}
    ends = network.finish(network.forward(alone))
    buys = network.axis.work_at(np.array(finish)) - network.axis.work_at(np.broadcast_to(ends, len(saves)))
    options = [
        Compression(key, saves[key], float(gain))
        for key, gain in zip(network.tasks, buys, strict=True)
        if saves[key] > 0
    ]
    options.sort(key=lambda option: (-option.buys, -option.saves, option.key))

    def end_with(rushed: set[str]) -> float:
        return float(network.finish(network.forward(expected | {k: expected[k] - saves[k] for k in rushed})))

    rushed = {option.key for option in options}
    best = end_with(rushed)
    goal = max(float(network.deadline), network.axis.offset(network.launch_after(best)))
    if finish <= goal:
        rushed = set()
    for option in reversed(options):
        if option.key in rushed and end_with(rushed - {option.key}) <= goal + NO_SLACK:
            rushed.remove(option.key)
    end = end_with(rushed)
    needed = tuple(option.key for option in options if option.key in rushed)
    return Recovery(tuple(options), needed, network.launch_after(end), network.late_by(end))


def _dated(network: Network, key: str, early: Pass, bound: Pass, planned: Pass) -> ScheduledTask:
    task, axis = network.tasks[key], network.axis
    # A milestone belongs to the day whose work it ends, but never to the day before everything begins.
    first = axis.date_of_start if task.expected > 0 else axis.date_of_end
    today = axis.date_of_start(float(network.begin))
    return ScheduledTask(
        key=key,
        expected=task.expected,
        standard_deviation=task.standard_deviation,
        earliest_start=max(first(float(early.starts[key])), today),
        earliest_finish=max(axis.date_of_end(float(early.finishes[key])), today),
        latest_start=first(float(planned.starts[key])),
        latest_finish=axis.date_of_end(float(planned.finishes[key])),
        total_slack=float(network.slack(key, early, bound)),
        free_slack=float(network.free_slack(key, early)),
        margin=float(network.slack(key, early, planned)),
    )
