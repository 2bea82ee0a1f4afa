"""A network of tasks on the business days of their owners: passes forward and backward, slack, what drives.

Critical path method (Kelley and Walker 1959). All methods work on arrays of scenarios of one shape at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil

import numpy as np

from programs.analytics.dependencies import Dependencies
from programs.analytics.working_time import DECIMALS, SETTLED, BusinessDays, FloatArray, WorkingTime, axes


class ScheduleError(ValueError):
    """The network cannot be scheduled; ``problems`` names everything wrong with it, a sentence each."""

    def __init__(self, problems: Sequence[str]):
        super().__init__(" ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class NetworkTask:
    """Work of one owner: an estimate in business days of ``calendar``, and the keys of what comes before.

    All three estimates 0 is a milestone, or a task that is done already. ``worker`` does one task at a time
    where the schedule is levelled. ``wait``: business days from the end of what it needs to its start, e.g. a
    printer's; what it is only ``after``, for the same person does both, has no such wait. It never begins
    before the day ``not_before``.
    """

    key: str
    optimistic: float
    likely: float
    pessimistic: float
    calendar: BusinessDays
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    worker: str = ""
    wait: float = 0.0
    not_before: date | None = None

    @property
    def expected(self) -> float:
        """(optimistic + 4·likely + pessimistic) / 6."""
        return (self.optimistic + 4 * self.likely + self.pessimistic) / 6

    @property
    def standard_deviation(self) -> float:
        """(pessimistic − optimistic) / 6."""
        return (self.pessimistic - self.optimistic) / 6


@dataclass(frozen=True, slots=True)
class Pass:
    """Start and finish of every task, as moments on the common axis."""

    starts: Mapping[str, FloatArray]
    finishes: Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True)
class Network:
    """A valid network in topological order with the axis of every calendar."""

    tasks: Mapping[str, NetworkTask]
    followers: Mapping[str, tuple[str, ...]]
    axes: Mapping[BusinessDays, WorkingTime]
    axis: WorkingTime
    begin: FloatArray
    deadline: FloatArray

    @classmethod
    def of(cls, tasks: Sequence[NetworkTask], start: date, launch: date, calendar: BusinessDays) -> Network:
        if problems := find_problems(tasks):
            raise ScheduleError(problems)
        by_key = {task.key: task for task in tasks}
        dependencies = Dependencies({task.key: _before(task) for task in tasks})
        order = dependencies.order()
        calendars = [calendar, *(task.calendar for task in tasks)]
        days = [start, launch, *(task.not_before for task in tasks if task.not_before)]
        found = axes(calendars, min(days), max(days), _longest_chain(by_key, order))
        own = found[calendar]
        return cls(
            tasks={key: by_key[key] for key in order},
            followers={key: dependencies.followers(key) for key in order},
            axes=found,
            axis=own,
            begin=np.array(own.offset(start)),
            deadline=np.array(own.offset(launch)),
        )

    def expected(self) -> dict[str, FloatArray]:
        """Expected durations: one scenario."""
        return {key: np.array(task.expected) for key, task in self.tasks.items()}

    def forward(self, durations: Mapping[str, FloatArray]) -> Pass:
        """As early as possible: every task begins when the last thing it needs has ended."""
        starts: dict[str, FloatArray] = {}
        finishes: dict[str, FloatArray] = {}
        for key, task in self.tasks.items():
            axis, duration = self.axes[task.calendar], durations[key]
            ready = self.begin
            for need in task.needs:
                ready = np.maximum(ready, finishes[need])
            if task.wait:
                ready = axis.end_of(np.round(axis.work_at(ready) + task.wait, DECIMALS))
            ready = np.maximum(ready, self.floor(task))
            for earlier in task.after:
                ready = np.maximum(ready, finishes[earlier])
            work = axis.work_at(ready)
            end = axis.end_of(np.round(work + duration, DECIMALS))
            starts[key] = np.where(duration > 0, axis.start_of(work), ready)
            finishes[key] = np.where(duration > 0, end, ready)
        return Pass(starts, finishes)

    def backward(self, durations: Mapping[str, FloatArray], end: FloatArray) -> Pass:
        """As late as possible: every task ends when the first thing that needs it must begin."""
        starts: dict[str, FloatArray] = {}
        finishes: dict[str, FloatArray] = {}
        for key, task in reversed(list(self.tasks.items())):
            axis, duration = self.axes[task.calendar], durations[key]
            due = end
            for follower in self.followers[key]:
                due = np.minimum(due, self._wanted(key, follower, starts[follower]))
            work = axis.work_at(due)
            finishes[key] = np.where(duration > 0, axis.end_of(work), due)
            starts[key] = np.where(duration > 0, axis.start_of(np.round(work - duration, DECIMALS)), due)
        return Pass(starts, finishes)

    def floor(self, task: NetworkTask) -> FloatArray:
        """The moment before which the task may not begin, whatever is done."""
        if task.not_before is None:
            return self.begin
        return np.maximum(self.begin, self.axis.offset(task.not_before))

    def _wanted(self, key: str, follower: str, start: FloatArray) -> FloatArray:
        """The moment by which ``key`` has to end for its follower to begin at ``start``."""
        task = self.tasks[follower]
        if not task.wait or key not in task.needs:
            return start
        axis = self.axes[task.calendar]
        return axis.start_of(np.round(axis.work_at(start) - task.wait, DECIMALS))

    def finish(self, early: Pass) -> FloatArray:
        """The moment at which everything is done."""
        end = self.begin
        for each in early.finishes.values():
            end = np.maximum(end, each)
        return end

    def slack(self, key: str, early: Pass, late: Pass) -> FloatArray:
        """Business days of the task's owner between its early and its late start."""
        axis = self.axes[self.tasks[key].calendar]
        return _tidy(axis.work_at(late.starts[key]) - axis.work_at(early.starts[key]))

    def free_slack(self, key: str, early: Pass) -> FloatArray:
        """Business days of the task's owner until the first follower starts, or the whole ends."""
        axis = self.axes[self.tasks[key].calendar]
        wanted = self.finish(early)
        for follower in self.followers[key]:
            wanted = np.minimum(wanted, self._wanted(key, follower, early.starts[follower]))
        return _tidy(axis.work_at(wanted) - axis.work_at(early.finishes[key]))

    def driving_chain(self, early: Pass) -> tuple[str, ...]:
        """From the task that ends last, always back to the need that ended last."""
        chain: list[str] = []
        candidates: Sequence[str] = sorted(self.tasks)
        while candidates:
            chain.append(max(candidates, key=lambda key: round(float(early.finishes[key]), 6)))
            candidates = sorted(_before(self.tasks[chain[-1]]))
        return tuple(reversed(chain))

    def launch_after(self, finish: float) -> date:
        """The first business day of the launch's calendar that begins after everything is done."""
        begun = np.ceil(np.round(finish, SETTLED))
        return self.axis.date_of_start(float(self.axis.start_of(self.axis.work_at(begun))))

    def late_by(self, finish: float) -> int:
        """Business days of the launch's calendar from the launch date to the first possible one."""
        possible = np.array(self.axis.offset(self.launch_after(finish)))
        delay = self.axis.work_at(np.maximum(possible, self.deadline)) - self.axis.work_at(self.deadline)
        return int(delay)


def _longest_chain(tasks: Mapping[str, NetworkTask], order: Sequence[str]) -> int:
    """Business days at most; a day more a task, for a follower who does not work the rest of the day."""
    days: dict[str, int] = {}
    for key in order:
        own = ceil(tasks[key].pessimistic) + ceil(tasks[key].wait) + 1
        days[key] = own + max((days[n] for n in _before(tasks[key])), default=0)
    return max(days.values(), default=0)


def _before(task: NetworkTask) -> tuple[str, ...]:
    """Everything that has to be done first, for whatever reason."""
    return tuple(dict.fromkeys((*task.needs, *task.after)))


def _tidy(slack: FloatArray) -> FloatArray:
    """Without the dust of sums of sixths: -1e-9 days is no delay."""
    rounded: FloatArray = np.round(slack, SETTLED) + 0.0
    return rounded


def find_problems(tasks: Sequence[NetworkTask]) -> tuple[str, ...]:
    """Everything that keeps the network from being scheduled, a sentence each; empty when it can be."""
    keys = [task.key for task in tasks]
    found = [f"Task {key} is there more than once." for key in sorted({k for k in keys if keys.count(k) > 1})]
    for task in tasks:
        if not 0 <= task.optimistic <= task.likely <= task.pessimistic < float("inf"):
            estimates = f"0 ≤ {task.optimistic:g} ≤ {task.likely:g} ≤ {task.pessimistic:g}"
            found.append(f"Task {task.key}: {estimates} does not hold.")
        found += [
            f"Task {task.key} needs {need}, which is not there." for need in _before(task) if need not in keys
        ]
        if not 0 <= task.wait < float("inf"):
            found.append(f"Task {task.key}: a wait of {task.wait:g} days is not possible.")
    circles = Dependencies({task.key: _before(task) for task in tasks}).circles()
    found += [f"Tasks wait for each other in a circle: {', '.join(circle)}." for circle in circles]
    return tuple(found)
