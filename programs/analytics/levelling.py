"""People do one thing at a time: what that does to a network, and who has more to do than time.

Parallel schedule generation (Kelley 1963; Kolisch 1996): whoever is free begins, of the tasks that can begin
first, the one that the network alone wants finished first. A task that has begun is finished before the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from programs.analytics.task_network import Network, NetworkTask, Pass
from programs.analytics.working_time import DECIMALS, BusinessDays, FloatArray

NOBODY = -1
SAME = 1e-9
"""Two moments that lie no further apart, in days, are one."""


@dataclass(frozen=True, slots=True)
class Load:
    """What somebody has to do before the launch: ``work`` business days in ``available`` ones.

    ``at_once``: on how many tasks at most they would be at a time, were each done as early as possible.
    """

    worker: str
    tasks: tuple[str, ...]
    work: float
    available: int
    at_once: int

    @property
    def is_over_allocated(self) -> bool:
        return self.work > self.available + SAME


def levelled(
    tasks: Sequence[NetworkTask], *, start: date, launch: date, calendar: BusinessDays
) -> list[NetworkTask]:
    """The tasks, each also ``after`` the one that its worker does before it, on the expected durations.

    Raises ScheduleError as ``schedule`` does.
    """
    network = Network.of(tasks, start, launch, calendar)
    found = one_at_a_time(network, network.expected())
    turns: dict[str, list[str]] = {}
    for key in sorted(network.tasks, key=lambda key: (float(found.starts[key]), float(found.finishes[key]))):
        task = network.tasks[key]
        if task.worker and task.expected > 0:
            turns.setdefault(task.worker, []).append(key)
    before = {now: then for turn in turns.values() for then, now in zip(turn, turn[1:], strict=False)}
    return [replace(task, after=(before[task.key],)) if task.key in before else task for task in tasks]


def loads(tasks: Sequence[NetworkTask], *, start: date, launch: date, calendar: BusinessDays) -> list[Load]:
    """Everybody with work in the network, most loaded first. Raises ScheduleError as ``schedule`` does."""
    network = Network.of(tasks, start, launch, calendar)
    early = network.forward(network.expected())
    days = [start + timedelta(days=n) for n in range(max((launch - start).days, 0))]
    theirs: dict[str, list[NetworkTask]] = {}
    for task in network.tasks.values():
        if task.worker and task.expected > 0:
            theirs.setdefault(task.worker, []).append(task)
    found = [
        Load(
            worker,
            tuple(task.key for task in mine),
            round(sum(task.expected for task in mine), DECIMALS),
            sum(mine[0].calendar.is_business_day(day) for day in days),
            _at_once([task.key for task in mine], early),
        )
        for worker, mine in theirs.items()
    ]
    return sorted(found, key=lambda load: (load.available - load.work, load.worker))


def _at_once(keys: Sequence[str], early: Pass) -> int:
    spans = [(float(early.starts[key]), float(early.finishes[key])) for key in keys]
    return max(sum(a <= begin + SAME and begin + SAME < b for a, b in spans) for begin, _ in spans)


def one_at_a_time(network: Network, durations: Mapping[str, FloatArray]) -> Pass:
    """As early as possible, with no worker on two tasks at once. ``durations``: arrays of one shape.

    A task without a worker waits for nobody. Takes one step a task for all scenarios together.
    """
    shape = np.shape(next(iter(durations.values()))) if durations else ()
    hall = _Hall(network, {key: np.ravel(each) for key, each in durations.items()})
    for _ in network.tasks:
        hall.begin_next()
    starts, finishes = (
        {key: np.reshape(times[hall.place[key]], shape) for key in network.tasks}
        for times in (hall.starts, hall.finishes)
    )
    return Pass(starts, finishes)


class _Hall:
    """The state of all scenarios: a row a task, the one wanted first on top, and a column a scenario."""

    def __init__(self, network: Network, durations: Mapping[str, FloatArray]):
        late = network.backward(network.expected(), network.deadline).finishes
        tasks = sorted(network.tasks.values(), key=lambda task: float(late[task.key]))
        self.place = {task.key: n for n, task in enumerate(tasks)}
        self._durations = np.array([durations[task.key] for task in tasks])
        self._takes_time: NDArray[np.bool_] = np.greater(self._durations, 0)
        self._always: list[bool] = self._takes_time.all(axis=1).tolist()
        self._never: list[bool] = (~self._takes_time.any(axis=1)).tolist()
        self._axes = [network.axes[task.calendar] for task in tasks]
        self._wait = [task.wait for task in tasks]
        self._floor = [float(network.floor(task)) for task in tasks]
        self._worker = _numbers([task.worker for task in tasks])
        self._mates = [
            [m for m, other in enumerate(self._worker) if m != n and other == worker != NOBODY]
            for n, worker in enumerate(self._worker)
        ]
        needs, after = ([set(task.needs) for task in tasks], [set(task.after) for task in tasks])
        self._needed_by, self._before = _turned(tasks, needs), _turned(tasks, after)
        self._leads_to = [
            sorted({*ours, *theirs}) for ours, theirs in zip(self._needed_by, self._before, strict=True)
        ]
        shape, begin = self._durations.shape, float(network.begin)
        waits_for = [len(ours | theirs) for ours, theirs in zip(needs, after, strict=True)]
        self._left = np.repeat(np.array(waits_for, dtype=int)[:, None], shape[-1], axis=1)
        self._ready, self._turn = np.full(shape, begin), np.full(shape, begin)
        self._free = np.full((max(self._worker, default=0) + 1, shape[-1]), begin)
        self._open = np.full(shape, np.inf)
        self.starts, self.finishes = np.zeros(shape), np.zeros(shape)
        for n, others in enumerate(waits_for):
            if not others:
                self._reopen(n, np.arange(shape[-1]))

    def begin_next(self) -> None:
        """In each scenario the task that can begin first, at the same moment the one wanted first."""
        chosen = (self._open <= self._open.min(axis=0) + SAME).argmax(axis=0)
        for task in np.flatnonzero(np.bincount(chosen)).tolist():
            self._begin(task, np.flatnonzero(chosen == task))

    def _begin(self, task: int, scenarios: NDArray[np.intp]) -> None:
        start, axis = self._open[task, scenarios], self._axes[task]
        duration, finish = self._durations[task, scenarios], start.copy()
        some = self._where_it_takes_time(task, scenarios)
        if some is not None:
            done = axis.work_at(start[some]) + duration[some]
            finish[some] = axis.end_of(np.round(done, DECIMALS))
        self.starts[task, scenarios], self.finishes[task, scenarios] = start, finish
        self._open[task, scenarios] = np.inf
        for next_ in self._needed_by[task]:
            self._ready[next_, scenarios] = np.maximum(self._ready[next_, scenarios], finish)
        for next_ in self._before[task]:
            self._turn[next_, scenarios] = np.maximum(self._turn[next_, scenarios], finish)
        if some is not None and self._worker[task] != NOBODY:
            busy = scenarios[some]
            self._free[self._worker[task], busy] = finish[some]
            for mate in self._mates[task]:
                self._reopen(mate, busy[np.isfinite(self._open[mate, busy])])
        for next_ in self._leads_to[task]:
            left = self._left[next_, scenarios] - 1
            self._left[next_, scenarios] = left
            self._reopen(next_, scenarios[left == 0])

    def _reopen(self, task: int, scenarios: NDArray[np.intp]) -> None:
        """Work out anew when this task can begin."""
        if not scenarios.size:
            return
        ready, axis, wait = self._ready[task, scenarios], self._axes[task], self._wait[task]
        if wait > 0:
            ready = axis.end_of(np.round(axis.work_at(ready) + wait, DECIMALS))
        ready = np.maximum(np.maximum(ready, self._floor[task]), self._turn[task, scenarios])
        some = self._where_it_takes_time(task, scenarios)
        if some is not None:
            then = ready[some]
            if self._worker[task] != NOBODY:
                then = np.maximum(then, self._free[self._worker[task], scenarios[some]])
            ready[some] = axis.start_of(axis.work_at(then))
        self._open[task, scenarios] = ready

    def _where_it_takes_time(
        self, task: int, scenarios: NDArray[np.intp]
    ) -> slice | NDArray[np.bool_] | None:
        """Which of these scenarios; None where in none."""
        if self._always[task]:
            return slice(None)
        return None if self._never[task] else self._takes_time[task, scenarios]


def _numbers(workers: Sequence[str]) -> list[int]:
    known = {worker: n for n, worker in enumerate(dict.fromkeys(filter(None, workers)))}
    return [known.get(worker, NOBODY) for worker in workers]


def _turned(tasks: Sequence[NetworkTask], waits_for: Sequence[set[str]]) -> list[list[int]]:
    """By task: those that wait for it."""
    return [[n for n, names in enumerate(waits_for) if task.key in names] for task in tasks]
